import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from framework.vision.footage import Pixels
from framework.vision.stock import Folder, Memory, Slot, place, sweep

SIZE = (8, 6)
BYTES = 8 * 6 * 3


def slot(number: int) -> Slot:
    return Slot("clip", number, SIZE)


def image(number: int) -> Pixels:
    return np.full((6, 8, 3), number, np.uint8)


def held(folder: Folder) -> int:
    return sum(path.stat().st_size for path in folder.path.iterdir() if not path.name.endswith(".lock"))


@pytest.mark.parametrize("kind", [Memory, Folder])
def test_what_is_put_is_got_and_cannot_be_written_to(kind: type[Memory] | type[Folder], tmp_path: Path) -> None:
    stock = Memory() if kind is Memory else Folder(tmp_path / "run")
    assert stock.get(slot(1)) is None
    put = stock.put(slot(1), image(1))
    found = stock.get(slot(1))
    assert found is put
    assert stock.get(Slot("clip", 1, SIZE, grain=2)) is None
    with pytest.raises(ValueError, match="read-only"):
        put[0] = 0


def test_a_folder_is_shared_by_all_who_name_it(tmp_path: Path) -> None:
    one, other = Folder(tmp_path / "run"), Folder(tmp_path / "run")
    one.put(slot(7), image(7))
    found = other.get(slot(7))
    assert found is not None
    assert np.array_equal(found, image(7))
    assert found is other.get(slot(7))  # read once for all who hold it in a process
    assert not found.flags.writeable


@pytest.mark.parametrize("kind", [Memory, Folder])
def test_the_least_lately_used_is_given_up_and_those_who_hold_it_keep_it(
    kind: type[Memory] | type[Folder], tmp_path: Path
) -> None:
    stock = Memory(8 * BYTES) if kind is Memory else Folder(tmp_path / "run", 8 * BYTES)
    first = stock.put(slot(0), image(0))
    for number in range(1, 30):
        stock.put(slot(number), image(number))
        assert stock.get(slot(1)) is not None
        assert (stock.held if isinstance(stock, Memory) else held(stock)) <= stock.capacity
    assert stock.get(slot(2)) is None
    assert np.array_equal(first, image(0))


def test_many_threads_may_put_and_get_while_much_is_given_up(tmp_path: Path) -> None:
    stock = Folder(tmp_path / "run", 4 * BYTES)

    def work(seed: int) -> bool:
        lots = np.random.default_rng(seed)
        for number in lots.integers(9, size=60).tolist():
            found = stock.get(slot(number))
            found = stock.put(slot(number), image(number)) if found is None else found
            if not np.array_equal(found, image(number)):
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))
    assert held(stock) <= stock.capacity


def test_a_folder_that_was_removed_costs_time_but_not_the_run(tmp_path: Path) -> None:
    stock = Folder(tmp_path / "run")
    for path in stock.path.iterdir():
        path.unlink()
    stock.path.rmdir()
    assert np.array_equal(stock.put(slot(1), image(1)), image(1))
    assert stock.get(slot(2)) is None
    with stock.alone("clip"):
        stock.put(slot(3), image(3))
    assert held(stock) == BYTES
    shutil.rmtree(stock.path)
    stock.path.write_text("in its way")
    with stock.alone("clip"):
        stock.put(slot(4), image(4))


def test_folders_of_dead_processes_are_swept_and_those_of_living_ones_are_not(tmp_path: Path) -> None:
    code = f"from pathlib import Path; from framework.vision.stock import Folder; import os;\
             Folder(Path({str(tmp_path)!r}) / 'dead'); os._exit(9)"
    subprocess.run([sys.executable, "-c", code], check=False)
    assert (tmp_path / "dead").is_dir()
    living = Folder(tmp_path / "living.1")
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["living.1"]
    living.close()
    assert not list(tmp_path.iterdir())


def test_all_processes_of_a_node_agree_on_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    lacking = place("none", 2**60)
    assert lacking.is_relative_to(tmp_path)  # nowhere is so much room
    lacking.mkdir(parents=True)
    assert place("none", 1) == lacking  # somebody has begun there

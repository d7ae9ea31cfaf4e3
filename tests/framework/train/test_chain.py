from pathlib import Path

import pytest

from framework.errors import TrainError
from framework.recipe import find_recipe
from framework.train.chain import Chain

PEEK = str(Path(__file__).parent / "peek" / "peek.yaml")


def chain(*changes: str) -> Chain:
    return Chain(find_recipe(PEEK, changes))


def saved(folder: Path) -> Path:
    """A checkpoint of two steps."""
    first = chain()
    first.consume([3, 1])
    first.consume([4, 1])
    checkpoint = folder / "rl" / "checkpoints" / "global_step_2"
    first.save(checkpoint, 2)
    (checkpoint / "data.pt").touch()
    return checkpoint


def test_another_order_is_another_chain():
    one, other = chain(), chain()
    one.consume([1, 2])
    other.consume([2, 1])
    assert one.digest != other.digest


def test_a_resume_goes_on_where_the_checkpoint_ended(tmp_path: Path):
    whole, resumed = chain(), chain()
    for tasks in ([3, 1], [4, 1], [5, 9]):
        whole.consume(tasks)
    resumed.resume(saved(tmp_path), 2)
    resumed.consume([5, 9])
    assert (resumed.digest, resumed.drawn) == (whole.digest, whole.drawn)


def test_how_long_and_where_may_change(tmp_path: Path):
    chain("stages.rl.steps=9", "cluster.offload=true", "verl.trainer.log_val_generations=1").resume(saved(tmp_path), 2)


def test_how_it_is_judged_may_change(tmp_path: Path):
    chain("data.eval.count=3", "segmenter=box_fill").resume(saved(tmp_path), 2)


@pytest.mark.parametrize("change", ["algorithm.lr=1", "env.max_turns=2", "seed=1", "data.train.count=32"])
def test_another_experiment_is_refused_by_name(tmp_path: Path, change: str):
    with pytest.raises(
        TrainError, match=rf"changed since global_step_2 in {change.partition('=')[0]}.*--fresh.*--out than {tmp_path}$"
    ):
        chain(change).resume(saved(tmp_path), 2)


@pytest.mark.parametrize("file", ["limner.json", "data.pt"])
def test_a_checkpoint_that_does_not_know_its_tasks_is_refused(tmp_path: Path, file: str):
    checkpoint = saved(tmp_path)
    (checkpoint / file).unlink()
    with pytest.raises(TrainError, match=f"{file} is missing"):
        chain().resume(checkpoint, 2)

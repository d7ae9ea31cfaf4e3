import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from framework.errors import PixelError
from framework.lab.world import World
from framework.types import Picture, Video
from framework.vision.boxes import Box
from framework.vision.footage import Pixels
from framework.vision.frames import Store, frame, pixels, probe, resized
from framework.vision.stock import CAPACITY, VARIABLE, Folder, Memory, place


def painted(number: int, width: int = 64, height: int = 48) -> Pixels:
    """Blue, with as many green columns as the frame's number says."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 2] = 200
    image[:, :number, 1] = 255
    return image


def number_of(image: Pixels) -> int:
    return int((image[image.shape[0] // 2, :, 1] > 128).sum())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(12):
        cv2.imwrite(str(tmp_path / f"{number}.png"), painted(number)[..., ::-1])
    return tmp_path


def test_a_folder_is_read_in_the_order_of_its_numbers(folder: Path) -> None:
    video = probe(folder)
    assert video == Video(str(folder), 12, 64, 48, fps=None)
    assert [number_of(frame(video, index)) for index in range(12)] == list(range(12))


def test_an_image_is_a_video_of_one_frame(folder: Path) -> None:
    video = probe(folder / "7.png")
    assert (video.length, number_of(frame(video, 0))) == (1, 7)


def test_an_array_is_a_video(tmp_path: Path) -> None:
    np.save(tmp_path / "clip.npy", np.stack([painted(number) for number in range(5)]))
    video = probe(tmp_path / "clip.npy")
    assert video == Video(str(tmp_path / "clip.npy"), 5, 64, 48, fps=None)
    assert [number_of(frame(video, index)) for index in range(5)] == list(range(5))
    np.save(tmp_path / "odd.npy", np.zeros((5, 48, 64), np.uint8))
    (tmp_path / "torn.npy").write_bytes((tmp_path / "clip.npy").read_bytes()[:5000])
    (tmp_path / "empty.npy").write_bytes(b"")
    for name, said in (("odd", "holds uint8 of shape"), ("torn", "write it again"), ("empty", "write it again")):
        with pytest.raises(PixelError, match=rf"{name}\.npy: .*{said}"):
            probe(tmp_path / f"{name}.npy")


def test_a_clip_of_the_lab_is_seen_as_it_is_drawn() -> None:
    video = World(count=1).task(0).video
    assert probe(video.source) == video
    assert frame(video, video.length - 1).shape == (video.height, video.width, 3)


def test_a_picture_has_its_size_and_cannot_be_written_to(folder: Path) -> None:
    video = probe(folder)
    for size in [(28, 28), (64, 48), (112, 14), (200, 300)]:
        seen = pixels(Picture(video, 3, size))
        assert seen.shape == (size[1], size[0], 3)
        assert seen.dtype == np.uint8
        with pytest.raises(ValueError, match="read-only"):
            seen[0] = 0


def test_a_crop_is_the_part_it_names(folder: Path) -> None:
    video = probe(folder)
    part = Box(8, 0, 16, 48, video.space(11))
    assert pixels(Picture(video, 11, (8, 48), crop=part)).tolist() == painted(11)[:, 8:16].tolist()
    said = part.to(video.space(11).counted_in(1000, 1000))
    assert pixels(Picture(video, 11, (8, 48), crop=said)).tolist() == painted(11)[:, 8:16].tolist()


def test_a_crop_without_pixels_is_an_error(folder: Path) -> None:
    video = probe(folder)
    with pytest.raises(PixelError, match="holds no pixel; widen it"):
        pixels(Picture(video, 1, (28, 28), crop=Box(64, 0, 70, 9, video.space(1))))


def test_grain_shows_colours_but_hardly_places(folder: Path) -> None:
    video = probe(folder)
    assert len(np.unique(pixels(Picture(video, 6, (56, 28), grain=1)).reshape(-1, 3), axis=0)) == 1
    cells = pixels(Picture(video, 6, (56, 28), grain=2))
    assert cells[0, 0].tolist() == [0, round(255 * 6 / 32), 200]
    assert len(np.unique(cells.reshape(-1, 3), axis=0)) == 2


def test_shrinking_keeps_the_mean() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    assert abs(resized(noise, (12, 8)).mean() - noise.mean()) < 1
    assert abs(resized(noise, (12, 256)).mean() - noise.mean()) < 1


def test_a_frame_is_decoded_once_however_many_threads_want_it(folder: Path) -> None:
    store, video, together = Store(), probe(folder), threading.Barrier(8)

    def work(start: int) -> list[int]:
        together.wait()
        return [number_of(store.frame(video, index % 12)) for index in range(start, start + 48)]

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(work, range(8)))
    assert all(row == [index % 12 for index in range(start, start + 48)] for start, row in enumerate(seen))
    assert store.decoded == 12


def test_a_picture_is_made_once_and_its_frame_decoded_once_whatever_its_sizes(folder: Path) -> None:
    store, video = Store(), probe(folder)
    views = [
        store.picture(Picture(video, index, size))
        for _ in range(4)
        for index in range(12)
        for size in [(28, 28), (56, 28)]
    ]
    assert store.decoded == 12
    assert len({id(view) for view in views}) == 24


def test_a_frame_is_decoded_once_however_many_processes_want_it(folder: Path) -> None:
    code = f"""
from framework.vision.frames import STORE, pixels, probe
from framework.types import Picture
video = probe({str(folder)!r})
seen = [int(pixels(Picture(video, n % 12, (64, 48)))[24, :, 1].astype(bool).sum()) for n in range(48)]
print(STORE.decoded, seen == [n % 12 for n in range(48)])
"""
    name = f"test-{os.getpid()}"
    shared = Folder(place(name, CAPACITY))
    command, env = [sys.executable, "-c", code], {**os.environ, VARIABLE: name}
    started = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [each.communicate()[0].split() for each in started]
    shared.close()
    assert sum(int(decoded) for decoded, _ in said) == 12
    assert all(right == "True" for _, right in said)


def test_the_store_keeps_to_its_bytes(folder: Path) -> None:
    video = probe(folder)
    kept = Memory(3 * 64 * 48 * 3)
    store = Store(kept, sources=1)
    for index in [0, 1, 2, 0, 3, 0, 1]:
        store.frame(video, index)
    assert kept.held <= kept.capacity
    assert store.decoded == 5  # 0 was always the latest used, 1 was given up for 3


def test_what_cannot_be_read_names_file_frame_and_remedy(folder: Path) -> None:
    video = probe(folder)
    whole = (folder / "4.png").read_bytes()
    (folder / "4.png").write_bytes(whole[: len(whole) // 2])
    (folder / "5.png").write_bytes(b"")
    cv2.imwrite(str(folder / "6.png"), painted(6, width=32))
    (folder / "11.png").unlink()
    store = Store()
    for index, said in [
        (4, r"4\.png \(frame 4\): no whole image can be decoded from its \d+ bytes; write it again"),
        (5, r"5\.png \(frame 5\): the file is empty; write it again"),
        (6, r"\(frame 6\): is 32×48, but 64×48 was promised; mend its row"),
        (11, r"has 11 frames, but 12 were promised; frame 11 is missing; mend its row"),
        (12, r"there is no frame 12; there are 0–11"),
    ]:
        with pytest.raises(PixelError, match=said):
            store.frame(video, index)
    with pytest.raises(PixelError, match="there is no such file or folder; correct the path"):
        store.frame(replace(video, source=str(folder / "nowhere")), 0)


def test_a_folder_without_images_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PixelError, match="holds no images"):
        probe(tmp_path)


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp", ".bmp", ".tiff", ".ppm"])
def test_an_image_that_breaks_off_anywhere_is_an_error(ending: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (47, 63, 3), np.uint8)
    data = cv2.imencode(ending, noise)[1].tobytes()
    path = tmp_path / f"whole{ending}"
    path.write_bytes(data)
    assert probe(path) == Video(str(path), 1, 63, 47, fps=None)
    for kept in (1, len(data) // 2, len(data) - 2):
        path.write_bytes(data[:kept])
        with pytest.raises(
            PixelError, match=rf"whole\{ending} \(frame 0\): no whole image can be decoded from its {kept} b"
        ):
            Store().frame(Video(str(path), 1, 63, 47), 0)

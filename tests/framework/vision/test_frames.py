import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from framework.errors import PixelError
from framework.lab.world import World
from framework.types import Picture, Video
from framework.vision.boxes import Box
from framework.vision.footage import Pixels
from framework.vision.frames import Store, frame, pixels, probe, resized


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


def film(path: Path, length: int = 30, group: int = 12) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "8"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.gop_size = group
        for number in range(length):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(painted(2 * number), format="rgb24")))
        container.mux(stream.encode())
    return path


def test_a_folder_is_read_in_the_order_of_its_numbers(folder: Path) -> None:
    video = probe(folder)
    assert video == Video(str(folder), 12, 64, 48, 1.0)
    assert [number_of(frame(video, index)) for index in range(12)] == list(range(12))


def test_an_image_is_a_video_of_one_frame(folder: Path) -> None:
    video = probe(folder / "7.png")
    assert (video.length, number_of(frame(video, 0))) == (1, 7)


def test_a_film_gives_any_frame_in_any_order(tmp_path: Path) -> None:
    video = probe(film(tmp_path / "clip.mp4"))
    assert (video.length, video.width, video.height, video.fps) == (30, 64, 48, 10.0)
    store = Store(capacity=1)  # so that every frame is decoded
    order = [29, 0, 1, 2, 13, 12, 11, 14, 28, 5, 6, *np.random.default_rng(0).integers(30, size=30).tolist()]
    assert [round(number_of(store.frame(video, index)) / 2) for index in order] == order


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
    assert (store.decoded, store.served) == (12, 8 * 48)


def test_the_store_keeps_to_its_bytes(folder: Path) -> None:
    video = probe(folder)
    store = Store(capacity=3 * 64 * 48 * 3, sources=1)
    for index in [0, 1, 2, 0, 3, 0, 1]:
        store.frame(video, index)
    assert store.held <= store.capacity
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


def test_a_folder_without_images_and_a_broken_film_are_errors(tmp_path: Path) -> None:
    with pytest.raises(PixelError, match="holds no images"):
        probe(tmp_path)
    path = film(tmp_path / "clip.mp4")
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(PixelError, match=r"clip\.mp4: .*write it again as mp4"):
        probe(path)
    path.write_bytes(b"")
    with pytest.raises(PixelError, match=r"clip\.mp4: the file is empty"):
        probe(path)

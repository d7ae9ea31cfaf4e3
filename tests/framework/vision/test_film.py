import struct
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import av
import numpy as np
import pytest

from framework.errors import PixelError
from framework.vision.film import Film
from framework.vision.footage import Pixels
from framework.vision.frames import Store, probe
from framework.vision.stock import Memory


def painted(number: int, width: int = 64, height: int = 48) -> Pixels:
    """Blue, with as many green columns as the frame's number says."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 2] = 200
    image[:, :number, 1] = 255
    return image


def number_of(image: Pixels) -> int:
    return int((image[image.shape[0] // 2, :, 1] > 128).sum())


def film(
    path: Path,
    length: int = 30,
    group: int = 12,
    size: tuple[int, int] = (64, 48),
    at: Sequence[int] = (),
    codec: Literal["libx264", "libx265"] = "libx264",
    options: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Frame n has 2n green columns; `at`, its time in ms."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10, options={"crf": "8", **options})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv444p" if size[0] % 2 else "yuv420p"
        stream.codec_context.gop_size = group
        if at:
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(length):
            shown = av.VideoFrame.from_ndarray(painted(2 * number, *size), format="rgb24")
            if at:
                shown.pts, shown.time_base = at[number], Fraction(1, 1000)
            container.mux(stream.encode(shown))
        container.mux(stream.encode())
    return path


def seen(film: Film, index: int) -> int:
    """The number of the frame that it shows as this one."""
    return round(number_of(film.read(index)[index]) / 2)


def seen_or_told(film: Film, index: int) -> int | str:
    try:
        return seen(film, index)
    except PixelError as error:
        return str(error)


def cut(source: Path, path: Path, frames: int) -> Path:
    """The film without so many frames, as `ffmpeg -ss … -c copy` cuts it: times before 0 are there and not shown."""
    with av.open(str(source)) as container, av.open(str(path), "w") as out:
        stream = container.streams.video[0]
        into, tick = out.add_stream_from_template(stream), Fraction(1, 10) / (stream.time_base or 1)
        for packet in container.demux(stream):
            if packet.pts is not None and packet.dts is not None:
                packet.pts, packet.dts = packet.pts - int(frames * tick), packet.dts - int(frames * tick)
                packet.stream = into
                out.mux(packet)
    return path


def without(source: Path, path: Path, lacks: Callable[[int, bool], bool]) -> Path:
    """The film without the packets of which this is true: (number, is a key frame)."""
    with av.open(str(source)) as container, av.open(str(path), "w") as out:
        stream = container.streams.video[0]
        into = out.add_stream_from_template(stream)
        for number, packet in enumerate(each for each in container.demux(stream) if each.size):
            if not lacks(number, packet.is_keyframe):
                packet.stream = into
                out.mux(packet)
    return path


def turned(path: Path) -> Path:
    """The film, held sideways: its header says that players turn it clockwise by a quarter."""
    upright = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    clockwise = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 48 << 16, 0, 1 << 30)
    head, mark, track = path.read_bytes().partition(b"tkhd")
    path.write_bytes(head + mark + track.replace(upright, clockwise, 1))
    return path


def test_a_film_gives_any_frame_in_any_order(tmp_path: Path) -> None:
    video = probe(film(tmp_path / "clip.mp4"))
    assert (video.length, video.width, video.height, video.fps) == (30, 64, 48, 10.0)
    store = Store(Memory(1))  # so that every frame is decoded
    order = [29, 0, 1, 2, 13, 12, 11, 14, 28, 5, 6, *np.random.default_rng(0).integers(30, size=30).tolist()]
    assert [round(number_of(store.frame(video, index)) / 2) for index in order] == order


def test_a_film_of_uneven_times_and_odd_sides_gives_each_frame_by_its_number(tmp_path: Path) -> None:
    uneven = np.cumsum(np.random.default_rng(0).integers(20, 200, 30)).tolist()
    for path in (film(tmp_path / "uneven.mp4", at=uneven), film(tmp_path / "odd.mp4", size=(63, 47))):
        video, store = probe(path), Store()
        assert [round(number_of(store.frame(video, index)) / 2) for index in (0, 29, 5, 17)] == [0, 29, 5, 17]
    assert (video.width, video.height) == (63, 47)


def test_a_film_held_sideways_stands_upright_in_probe_and_frame(tmp_path: Path) -> None:
    video = probe(turned(film(tmp_path / "phone.mp4")))
    assert (video.width, video.height) == (48, 64)
    seen = Store().frame(video, 8)  # its 16 green columns at the left are rows at the top
    assert (seen[:, 24, 1] > 128).tolist() == [True] * 16 + [False] * 48


def test_a_window_of_a_film_is_one_scan_whoever_asks_in_whatever_order(tmp_path: Path) -> None:
    video, store, footage = probe(film(tmp_path / "clip.mp4", group=30)), Store(), Scanned(tmp_path / "clip.mp4")
    shelf = store._shelf(video.source, 0)  # held by somebody, until all have asked
    shelf.footage = footage
    with ThreadPoolExecutor(6) as pool:
        with shelf.lock:
            asked = [pool.submit(store.frame, video, index) for index in (20, 5, 14, 8, 17, 11)]
            while len(shelf.wanted) < 7:
                time.sleep(0.001)
        assert [round(number_of(each.result()) / 2) for each in asked] == [20, 5, 14, 8, 17, 11]
    assert (store.decoded, footage.seeks) == (7, 1)


class Scanned(Film):
    seeks, opened = 0, 0

    def _rewind(self, time: int | None) -> None:
        self.seeks += 1
        super()._rewind(time)

    def _open(self) -> None:
        self.opened += 1
        super()._open()


def test_a_film_cut_without_writing_it_anew_begins_where_it_was_cut(tmp_path: Path) -> None:
    whole = film(tmp_path / "whole.mp4", group=20, options={"sc_threshold": "0"})
    part = Film(cut(whole, tmp_path / "cut.mp4", 6))
    assert (part.length, [seen(part, index) for index in (0, 8, 23, 14, 13)]) == (24, [6, 14, 29, 20, 19])


def test_a_frame_just_before_a_key_frame_is_decoded_from_the_key_frame_before(tmp_path: Path) -> None:
    grouped = {"x265-params": "open-gop=1:keyint=12:bframes=3:b-adapt=0:scenecut=0:log-level=none"}
    open_groups = Scanned(film(tmp_path / "open.mp4", codec="libx265", options=grouped))
    assert [seen(open_groups, index) for index in (23, 11, 0, 22)] == [23, 11, 0, 22]
    assert open_groups.seeks == 4


def test_a_transport_stream_is_sought_by_when_frames_are_decoded(tmp_path: Path) -> None:
    stream = Scanned(film(tmp_path / "clip.ts"))
    order = [29, 0, 1, 13, 12, 11, 28, 5]
    assert [seen(stream, index) for index in order] == order
    assert stream.opened == 1


def test_a_film_that_does_not_know_its_times_gives_no_wrong_frame(tmp_path: Path) -> None:
    guessed = Film(film(tmp_path / "clip.avi", options={"bf": "3"}))
    order, said = [*range(30), *reversed(range(30))], "its frames' times are out of order; write it again as mp4"
    given = [seen_or_told(guessed, index) for index in order]
    assert all(shown == index or said in str(shown) for index, shown in zip(order, given, strict=True))
    assert sum(isinstance(shown, str) for shown in given) > 30
    even = Film(film(tmp_path / "even.avi", options={"bf": "0"}))
    assert [seen(even, index) for index in range(30)] == list(range(30))


def test_a_film_is_closed_when_nobody_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = list[str]()
    monkeypatch.setattr(Film, "close", lambda film: closed.append(film.path.stem))
    videos = [probe(film(tmp_path / f"{name}.mp4", length=2)) for name in "abc"]
    assert closed == ["a", "b", "c"]
    store = Store(sources=1)
    store._shelf(videos[0].source, 0)  # somebody waits for it
    for video in videos:
        store.frame(video, 1)
    assert closed == ["a", "b", "c", "b", "c"]


def test_a_torn_film_and_an_empty_one_are_errors(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.mp4")
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(PixelError, match=r"clip\.mp4: .*write it again as mp4"):
        probe(path)
    path.write_bytes(b"")
    with pytest.raises(PixelError, match=r"clip\.mp4: the file is empty"):
        probe(path)


def test_a_film_without_key_frames_is_an_error_and_so_is_what_comes_before_the_first(tmp_path: Path) -> None:
    whole = film(tmp_path / "whole.mp4", group=10)
    with pytest.raises(PixelError, match=r"none\.mp4: has no key frame, .*write it again as mp4"):
        probe(without(whole, tmp_path / "none.mp4", lambda _, is_key: is_key))
    late = Film(without(whole, tmp_path / "late.mp4", lambda number, _: number == 0))
    with pytest.raises(PixelError, match=r"late\.mp4 \(frame 3\): comes before the first key frame, \d+; write it"):
        late.read(3)
    assert round(number_of(late.read(28)[28]) / 2) == 29


def test_a_film_that_breaks_off_lacks_the_frames_it_was_promised_to_have(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.mkv")
    video, data = probe(path), path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(PixelError, match=r"clip\.mkv.*frame 29"):
        Store().frame(video, 29)
    assert number_of(Store().frame(video, 0)) == 0

"""A row that cannot be played is named with its file, and stops the run or is counted."""

from dataclasses import replace
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest

from framework.errors import DataError
from framework.rows import lot, read
from framework.source import Source
from framework.types import Mask, Task, Truth, Video
from framework.vision.boxes import Box, Interval


class Clips(Source):
    """Rows as they are handed in."""

    rows: tuple[object, ...]

    def size(self) -> int:
        return len(self.rows)

    def task(self, index: int) -> Task:
        task = self.rows[index]
        assert isinstance(task, Task)
        return task


@pytest.fixture
def good(tmp_path: Path) -> Task:
    clip = tmp_path / "clip"
    clip.mkdir()
    for frame in range(3):
        cv2.imwrite(str(clip / f"{frame}.png"), np.full((6, 8, 3), 40 * frame, np.uint8))
    video = Video(str(clip), length=3, width=8, height=6)
    return Task(id="good", question="Where?", video=video, truth=Truth(present=(True, False, True)))


def broken(task: Task, tmp_path: Path) -> dict[str, tuple[Task, str]]:
    video, empty, junk = task.video, tmp_path / "empty", tmp_path / "junk"
    for folder, content in ((empty, b""), (junk, b"no picture")):
        folder.mkdir(exist_ok=True)
        for frame in range(3):
            (folder / f"{frame}.png").write_bytes(content)

    box = Box(1, 1, 4, 4, video.space(1))

    def truth(**said: object) -> Task:
        return replace(task, truth=Truth(**said))  # pyright: ignore[reportArgumentType]

    return {
        "no frames": (replace(task, video=replace(video, length=0)), "no frames (0 of 8×6)"),
        "no such folder": (replace(task, video=replace(video, source=str(tmp_path / "ghost"))), "ghost"),
        "empty image": (replace(task, video=replace(video, source=str(empty))), "empty"),
        "no image": (replace(task, video=replace(video, source=str(junk))), "junk"),
        "another size": (replace(task, video=replace(video, width=80)), "clip"),
        "empty truth": (truth(), "the truth is empty, so no reward could be given"),
        "short truth": (
            truth(present=(True,)),
            "the truth says of 1 frames whether the target is there, the clip has 3",
        ),
        "mask of another size": (truth(masks={1: Mask((12,), 4, 3)}), "the mask of frame 1 is 4×3, the frame 8×6"),
        "mask of other runs": (truth(masks={1: Mask((12,), 8, 6)}), "the mask of frame 1 has runs for 12 of 48 pixels"),
        "frame past the end": (truth(masks={5: Mask((48,), 8, 6)}), "the truth speaks of frame 5, the clip has 3"),
        "interval past the end": (
            truth(interval=Interval(1, 9)),
            "the true interval 1–9 does not lie in the clip's 3 frames",
        ),
        "seconds for frames": (
            truth(interval=Interval(0.5, 1.2)),
            "the true interval 0.5–1.2 ends within frames; if it is seconds, say so",
        ),
        "another frame's box": (
            truth(boxes={2: (box,)}),
            f"the boxes of frame 2: [1, 1, 4, 4] lies in the space of {video.source}#1; give it video.space(2)",
        ),
        "shares for pixels": (
            truth(boxes={1: (Box(0.1, 0.2, 0.6, 0.7, video.space(1)),)}),
            "the boxes of frame 1: [0.1, 0.2, 0.6, 0.7] has no area in its picture; give x0, y0, x1, y1",
        ),
        "no text": (replace(task, question=cast(str, None)), "its question is None, and no text"),
        "no boxes": (truth(boxes={1: box}), "the boxes of frame 1: Box(x0=1, "),
        "no box": (truth(boxes={1: (7,)}), "the boxes of frame 1: 7 is no Box"),
        "width for a corner": (
            truth(boxes={1: (replace(box, x1=0),)}),
            "the boxes of frame 1: [1, 1, 0, 4] has no area in its picture; give x0, y0, x1, y1",
        ),
    }


CASES = [
    "no frames",
    "no such folder",
    "empty image",
    "no image",
    "another size",
    "empty truth",
    "short truth",
    "mask of another size",
    "mask of other runs",
    "frame past the end",
    "interval past the end",
    "seconds for frames",
    "another frame's box",
    "shares for pixels",
    "no text",
    "no boxes",
    "no box",
    "width for a corner",
]


@pytest.mark.parametrize("case", CASES)
def test_a_faulty_row_is_named_with_its_file_and_a_remedy(case: str, good: Task, tmp_path: Path):
    task, said = broken(good, tmp_path)[case]
    with pytest.raises(DataError) as raised:
        read(Clips(rows=(good, task)), range(2))
    message = str(raised.value)
    assert message.startswith("row 1 of Clips")
    assert said in message
    assert str(tmp_path) in message
    assert message.endswith("mend it, or leave such rows out with data.faulty=skip")


@pytest.mark.parametrize("case", CASES)
def test_a_faulty_row_is_left_out_and_counted_if_the_recipe_says_so(case: str, good: Task, tmp_path: Path):
    task, _ = broken(good, tmp_path)[case]
    rows = read(Clips(rows=(good, task, good)), range(3), "skip")
    assert (rows.tasks, len(rows.faults)) == ((good, good), 1)


def test_data_without_a_sound_row_stop_the_run_even_so(good: Task, tmp_path: Path):
    task, said = broken(good, tmp_path)["empty truth"]
    with pytest.raises(DataError, match="all 2 rows are faulty; the first: row 0") as raised:
        read(Clips(rows=(task, task)), range(2), "skip")
    assert said in str(raised.value)


def test_a_target_that_is_never_there_is_a_truth(good: Task):
    task = replace(good, truth=Truth(present=(False, False, False)))
    assert read(Clips(rows=(task,)), [0]).tasks == (task,)


def test_rows_are_drawn_by_lot_once_each(good: Task):
    clips = Clips(rows=(good,) * 10)
    assert sorted(lot(clips, 99, seed=1)) == list(range(10))
    assert lot(clips, 4, seed=1) == lot(clips, 4, seed=1) != lot(clips, 4, seed=2)


def test_what_is_no_task_is_told(good: Task):
    with pytest.raises(DataError, match="row 1 of Loose: gave None, where a Task belongs; mend it"):
        read(Loose(rows=(good, None)), range(2))


class Loose(Clips):
    many: object = 2

    def size(self) -> int:
        return cast(int, self.many)

    def task(self, index: int) -> Task:
        return cast(Task, self.rows[index])


@pytest.mark.parametrize("many", [None, 2.0, -1])
def test_a_number_of_rows_that_is_none_is_told(many: object, good: Task):
    with pytest.raises(DataError, match=f"Loose.size gave {many}; give the number of rows"):
        lot(Loose(rows=(good,), many=many), 1, seed=1)


def test_two_tasks_of_one_name_are_told(good: Task):
    other = replace(good, question="Who?")
    with pytest.raises(DataError, match=r"^Clips: 'Where\?' and 'Who\?' are both called 'good'; give each task an id"):
        read(Clips(rows=(good, other)), range(2))

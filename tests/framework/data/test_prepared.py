import json
import pickle

import cv2
import numpy as np
import pytest

from framework import codec, rows
from framework.data import schema
from framework.data.prepared import Prepared
from framework.data.schema import Clip, Expression, Object
from framework.errors import DataError
from framework.types import Task
from framework.vision import masks
from framework.vision.boxes import Interval


def painted(x0, y0, x1, y1, width=40, height=30):
    dense = np.zeros((height, width), bool)
    dense[y0:y1, x0:x1] = True
    return masks.encode(dense)


DOG = Object(id="7", masks={0: painted(2, 3, 12, 9), 1: painted(4, 3, 14, 9), 4: painted(6, 3, 16, 9)}, category="dog")
CAT = Object(id="8", masks={1: painted(10, 5, 20, 25)})


def clip(folder, **changes):
    said = (
        Expression(
            id="0", text="the dog", type="referring", objects=("7",), annotated=(0, 1, 2, 4), extra={"annotator": 3}
        ),
        Expression(id="1", text="both", objects=("7", "8"), annotated=(0, 1, 2, 3, 4, 5), span=(1, 4)),
        Expression(id="2", text="the elephant", type="hallucination", annotated=(0, 1)),
        Expression(id="3", text="the other", has_truth=False),
    )
    usual = {
        "id": "sav/v1",
        "frame_root": str(folder),
        "frames": tuple(f"{number:05}.png" for number in range(6)),
        "length": 6,
        "width": 40,
        "height": 30,
        "objects": (DOG, CAT),
        "expressions": said,
    }
    return Clip(**usual | changes)


@pytest.fixture
def prepared(tmp_path):
    frames = tmp_path / "frames"
    frames.mkdir()
    for number in range(6):
        cv2.imwrite(str(frames / f"{number:05}.png"), np.full((30, 40, 3), number, np.uint8))
    folder = tmp_path / "out" / "mine" / "train"
    folder.mkdir(parents=True)
    shown = clip(frames)
    schema.write(folder / "objects.parquet", "objects", schema.object_rows(shown))
    schema.write(folder / "expressions.parquet", "expressions", schema.expression_rows(shown, "mine", "train", "MIT"))
    return Prepared(root=str(tmp_path / "out"), dataset="mine")


def test_a_row_becomes_a_task_that_can_be_played(prepared):
    task = rows.sound(prepared, 0)
    assert prepared.size() == 4
    assert (task.id, task.question, task.video.length) == ("mine/train/sav/v1/0", "the dog", 6)
    assert task.truth.kind == "referring"
    assert task.truth.boxes[1][0].corners == (4, 3, 14, 9)
    assert task.truth.boxes[1][0].holds(task.truth.points[1][0])
    assert codec.read(Task, json.loads(json.dumps(codec.write(task)))) == task


def test_absent_from_an_annotated_frame_is_empty_and_an_unannotated_frame_is_unknown(prepared):
    truth = prepared.task(0).truth
    assert sorted(truth.masks) == [0, 1, 2, 4]
    assert masks.area(truth.masks[2]) == 0
    assert 3 not in truth.masks
    assert 2 not in truth.boxes
    assert truth.present == (True, True, False, False, True, True)


def test_several_objects_are_drawn_together_and_boxed_apart(prepared):
    truth = prepared.task(1).truth
    assert masks.area(truth.masks[1]) == 60 + 200 - 4 * 4
    assert [box.corners for box in truth.boxes[1]] == [(4, 3, 14, 9), (10, 5, 20, 25)]
    assert len(truth.points[1]) == 2
    assert truth.interval == Interval(1, 4)


def test_what_is_not_there_is_known_to_be_absent(prepared):
    truth = prepared.task(2).truth
    assert truth.present == (False,) * 6
    assert [masks.area(mask) for mask in truth.masks.values()] == [0, 0]
    assert not truth.boxes


def test_where_masks_are_kept_on_a_server_nothing_is_said(prepared):
    assert not prepared.task(3).truth.masks
    with pytest.raises(DataError, match="truth is empty"):
        rows.sound(prepared, 3)


def test_the_question_is_put_as_the_recipe_says(prepared):
    asks = prepared.model_copy(update={"asked": "Find {expression}."})
    assert pickle.loads(pickle.dumps(asks)).task(0).question == "Find the dog."


def test_what_was_not_prepared_is_named(tmp_path):
    with pytest.raises(DataError, match=r"mevis/train/expressions\.parquet.*limner data prepare"):
        Prepared(root=str(tmp_path), dataset="mevis").size()


def test_an_object_that_is_lacking_is_named(prepared, tmp_path):
    folder = tmp_path / "out" / "mine" / "other"
    folder.mkdir()
    lacking = clip(tmp_path / "frames", objects=(CAT,))
    schema.write(folder / "objects.parquet", "objects", schema.object_rows(lacking))
    schema.write(folder / "expressions.parquet", "expressions", schema.expression_rows(lacking, "mine", "other", "MIT"))
    with pytest.raises(DataError, match="no object 7 of video sav/v1"):
        prepared.model_copy(update={"split": "other"}).task(0)

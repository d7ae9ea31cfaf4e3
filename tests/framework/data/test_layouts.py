"""The layouts that are like no other, in a miniature of each: films, clocks, polygons, and the world made here."""

import json
import pickle

import numpy as np
import pytest

from framework.data.groundmore import GroundMoRe
from framework.data.lab import Lab
from framework.data.reason_seg import ReasonSeg
from framework.data.ref_sav import RefSAV
from framework.data.refcoco import RefCOCO, RefCOCOg, RefCOCOPlus
from framework.data.schema import IGNORED
from framework.errors import DataError, UnknownName
from framework.lab.world import World
from framework.vision import masks
from framework.vision.boxes import Space

A, B, C = (2, 3, 12, 9), (8, 5, 20, 25), (30, 1, 39, 8)
SPACE = Space("", (0, 0, 40, 30), (40, 30))


def where(thing):
    boxes = {frame: masks.box(mask, SPACE) for frame, mask in thing.masks.items()}
    return {frame: tuple(int(side) for side in box.corners) for frame, box in boxes.items() if box}


def objects(clip):
    return {each.id: where(each) for each in clip.objects}


# ---- Ref-SAV, training -----------------------------------------------------------------------------------------------


def ref_sav(disk, frames=3, length=9):
    disk.film("sav_train/sav_001/v1.mp4", length)
    masklet = [[disk.rle(A), disk.rle(C)] for _ in range(frames)]
    masklet[1][1] = disk.rle((0, 0, 0, 0))
    disk.json("sav_train/sav_001/v1_manual.json", {"video_id": "v1", "masklet": masklet, "masklet_id": [0, 1]})
    spoken = {
        "0": {"short_caps": ["a dog"], "formated": "A dog\nthat runs."},
        "1": {"formated": "A cat."},
        "2": {"formated": "Nobody."},
        "x": {"formated": "Nobody either."},
    }
    video = {
        "video_path": "sav_001/sav_001/v1.mp4",
        "anno_path": "sav_001/sav_001/v1_manual.json",
        "objects": spoken,
    }
    disk.json("Ref-SAV.json", {"v1": video})
    return RefSAV.opened(disk.root, "train")


def test_of_a_film_every_fourth_frame_is_annotated_and_those_between_are_unknown(disk):
    found = ref_sav(disk).clip("v1")
    clip = found.clip
    assert (clip.length, clip.fps, clip.video_path) == (9, 24, str(disk.root / "sav_train/sav_001/v1.mp4"))
    assert objects(clip) == {"0": {0: A, 4: A, 8: A}, "1": {0: C, 8: C}}
    assert [(each.text, each.objects, each.annotated) for each in clip.expressions] == [
        ("A dog that runs.", ("0",), (0, 4, 8)),
        ("A cat.", ("1",), (0, 4, 8)),
    ]
    assert clip.expressions[0].extra == {"short": ["a dog"]}
    assert [(each.expression, each.why) for each in found.left_out] == [
        ("2", "v1_manual.json: has no object 2 in some frame"),
        ("x", "v1_manual.json: has no object x in some frame"),
    ]


def test_masks_of_frames_that_the_film_has_not_are_named(disk):
    with pytest.raises(DataError, match=r"v1_manual\.json: has 4 frames of every 4, but .*v1\.mp4 has 9"):
        ref_sav(disk, frames=4).clip("v1")


def test_a_film_that_is_not_there_is_named(disk):
    layout = ref_sav(disk)
    (disk.root / "sav_train/sav_001/v1.mp4").unlink()
    with pytest.raises(DataError, match=r"v1\.mp4: there is no such file"):
        layout.clip("v1")


# ---- GroundMoRe ------------------------------------------------------------------------------------------------------

CLIP = "3dOB9RwIq1c_0132_0134"


def groundmore(disk, length=12, **changes):
    disk.frames(f"annotations/{CLIP}/images", [f"frame_{number:06}.jpg" for number in range(length)])
    usual = {"question": "What is cut?", "answer": "The bread", "obj_id": "2", "q_type": "Causal"}
    asked = {"0": usual | {"action_start": "1:33", "action_end": "01:34"} | changes}
    asked["1"] = asked["0"] | {"obj_id": 9}
    asked["2"] = asked["0"] | {"action_start": "2:33", "action_end": "2:34"}
    asked["3"] = asked["0"] | {"action_start": "soon"}
    disk.json("test_v2.json", {"videos": {CLIP: {"questions": asked}}})
    return GroundMoRe.opened(disk.root, "test")


def test_what_is_asked_for_counts_while_the_action_lasts_whatever_digits_its_mask_is_called_by(disk):
    layout = groundmore(disk)
    folder = f"annotations/{CLIP}/masks"
    disk.numbers(f"{folder}/frame_000005.png", (2, A))  # before the action
    disk.numbers(f"{folder}/frame_000006.png", (2, A), (1, C))
    disk.numbers(f"{folder}/0000011.png", (2, B))
    found = layout.clip(CLIP)
    expression = found.clip.expressions[0]
    assert (found.clip.fps, expression.span, expression.type, expression.answer) == (6, (6, 11), "causal", "The bread")
    assert expression.annotated == tuple(range(12))
    assert objects(found.clip) == {"2:6-11": {6: A, 11: B}}
    why = {each.expression: each.why for each in found.left_out}
    assert why["1"].endswith("masks: object 9 is in no mask of frames 6–11 (there are: [1, 2])")
    assert why["2"] == "its action, 61–62 s, does not lie in the clip's 12 frames"
    assert why["3"] == "'soon' is no clock such as 1:32"


def test_a_clip_whose_masks_or_clock_are_not_there_is_named(disk):
    layout = groundmore(disk)
    with pytest.raises(DataError, match="masks: there is no such folder of masks"):
        layout.clip(CLIP)
    disk.json("test_v2.json", {"videos": {"v1": {"questions": {}}}})
    disk.frames("annotations/v1/images", ["frame_000000.jpg"])
    disk.numbers("annotations/v1/masks/frame_000000.png")
    with pytest.raises(DataError, match="video v1: its name does not end with the clock"):
        GroundMoRe.opened(disk.root, "test").clip("v1")


# ---- refCOCO ---------------------------------------------------------------------------------------------------------


def refcoco(disk, name="refcoco", refs="refs(unc).p"):
    disk.frames("images/train2014", ["COCO_train2014_000000000005.jpg"])
    square = [2, 3, 12, 3, 12, 9, 2, 9]
    crowd = np.zeros((30, 40), bool)
    crowd[5:25, 8:20] = True
    runs = list(masks.encode(crowd).runs)
    annotations = [
        {"id": 71, "image_id": 5, "category_id": 3, "segmentation": [square, [30, 1, 39, 1, 39, 8, 30, 8]]},
        {"id": 72, "image_id": 5, "category_id": 3, "iscrowd": 1, "segmentation": {"size": [30, 40], "counts": runs}},
        {"id": 73, "image_id": 5, "category_id": 3, "segmentation": [[1, 2]]},
        {"id": 74, "image_id": 5, "category_id": 3, "segmentation": []},
    ]
    instances = {
        "images": [{"id": 5, "file_name": "COCO_train2014_000000000005.jpg", "height": 30, "width": 40}],
        "annotations": annotations,
        "categories": [{"id": 3, "name": "car"}],
    }
    disk.json(f"{name}/instances.json", instances)
    said = [{"sent_id": 0, "sent": "left car", "raw": "Left Car!"}, {"sent_id": 1, "sent": "the car to the left"}]
    references = [
        {"ref_id": 1, "ann_id": 71, "image_id": 5, "split": "val", "sentences": said},
        {"ref_id": 2, "ann_id": 72, "image_id": 5, "split": "val", "sentences": [{"sent_id": 2, "sent": "crowd"}]},
        {"ref_id": 3, "ann_id": 71, "image_id": 5, "split": "train", "sentences": said[:1]},
        {"ref_id": 4, "ann_id": 73, "image_id": 5, "split": "val", "sentences": [{"sent_id": 3, "sent": "line"}]},
        {"ref_id": 5, "ann_id": 79, "image_id": 5, "split": "val", "sentences": [{"sent_id": 4, "sent": "none"}]},
        {"ref_id": 6, "ann_id": 74, "image_id": 5, "split": "val", "sentences": [{"sent_id": 5, "sent": "air"}]},
        {"ref_id": 7, "ann_id": 71, "image_id": 6, "split": "testA", "sentences": said},
    ]
    (disk.root / name / refs).write_bytes(pickle.dumps(references, protocol=0))


def test_each_sentence_of_a_reference_asks_for_its_polygons_or_its_crowd(disk):
    refcoco(disk)
    found = RefCOCO.opened(disk.root, "val").clip("5")
    clip = found.clip
    assert (clip.media, clip.length, clip.frames) == ("image", 1, ("COCO_train2014_000000000005.jpg",))
    assert {each.id: each.text for each in clip.expressions} == {
        "0": "left car",
        "1": "the car to the left",
        "2": "crowd",
    }
    areas = {each.id: masks.area(each.masks[0]) for each in clip.objects}
    assert areas == {"71": 10 * 6 + 9 * 7, "72": 12 * 20}
    assert clip.objects[0].category == "car"
    why = {each.expression: each.why for each in found.left_out}
    assert why["3"] == ("instances.json, annotation 73: a polygon of 1 corners has no inside; give at least three")
    assert why["4"] == "instances.json has no annotation 79"
    assert why["5"] == "instances.json, annotation 74: has no polygon"


def test_the_three_refcocos_differ_in_folder_file_and_splits(disk):
    refcoco(disk, "refcocog", "refs(umd).p")
    assert RefCOCOg.opened(disk.root, "val").videos() == ["5"]
    assert RefCOCOg.splits == ("train", "val", "test")
    assert RefCOCOPlus.name == "refcoco+"
    with pytest.raises(DataError, match=r"instances\.json: No such file"):
        RefCOCOPlus.opened(disk.root, "testA")


def test_polygons_are_not_drawn_on_an_image_of_another_size(disk):
    refcoco(disk)
    disk.frames("images/train2014", ["COCO_train2014_000000000005.jpg"], width=80, height=60)
    with pytest.raises(DataError, match="is 80×60, but its objects were outlined on 40×30; fetch the images"):
        RefCOCO.opened(disk.root, "val").clip("5")


def test_an_image_that_nobody_listed_is_named(disk):
    refcoco(disk)
    with pytest.raises(DataError, match=r"instances\.json has no image 6"):
        RefCOCO.opened(disk.root, "testA").clip("6")


def test_instances_without_images_are_named_at_once(disk):
    refcoco(disk)
    disk.json("refcoco/instances.json", {"annotations": []})
    with pytest.raises(DataError, match=r"refcoco val is not as published: KeyError \('images'\); fetch its files"):
        RefCOCO.opened(disk.root, "val")


# ---- ReasonSeg -------------------------------------------------------------------------------------------------------


def shape(label, x0, y0, x1, y1):
    return {"label": label, "points": [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]}


def test_shapes_are_painted_from_the_largest_to_the_smallest(disk):
    disk.frames("val", ["a.jpg", "b.jpg"])
    shapes = [
        shape("target", 14, 10, 15, 11),
        shape("Ignore", 10, 8, 19, 19),
        shape("target", 5, 5, 29, 24),
        shape("flag", 0, 0, 39, 29),
    ]
    disk.json("val/a.json", {"text": ["the  thing"], "is_sentence": False, "shapes": shapes})
    disk.json("val/b.json", {"text": ["“What” is it?", "And what?"], "is_sentence": True, "shapes": shapes}, "cp1252")
    layout = ReasonSeg.opened(disk.root, "val")
    first, second = (layout.clip(name).clip for name in layout.videos())
    assert [(each.text, each.type) for each in first.expressions] == [("the thing", "phrase")]
    assert [each.text for each in second.expressions] == ["“What” is it?"]
    areas = {each.id: masks.area(each.masks[0]) for each in first.objects}
    assert areas == {"target": 25 * 20 - 10 * 12 + 4, IGNORED: 10 * 12 - 4}


def test_of_several_texts_an_evaluation_asks_the_first(disk):
    for split in ("train", "val"):
        disk.frames(split, ["a.jpg"])
        disk.json(f"{split}/a.json", {"text": ["What is it?", "And what?"], "shapes": [shape("target", 1, 1, 9, 9)]})
    train, val = (ReasonSeg.opened(disk.root, split) for split in ("train", "val"))
    assert (train.expressions("a"), val.expressions("a")) == (["0", "1"], ["0"])
    assert [each.text for each in train.clip("a").clip.expressions] == ["What is it?", "And what?"]
    assert [each.text for each in val.clip("a").clip.expressions] == ["What is it?"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            {"shapes": [{"label": "target", "points": [1, 2]}]},
            "a.json: the points of a 'target' are no list of x and y",
        ),
        ({"shapes": [{"label": "target", "points": [[1, 1e99]]}]}, "a.json: the points of a 'target' are no list"),
        ({"shapes": [{"label": "target", "points": [["a", 2]]}]}, "could not convert"),
        ([], "is a list"),
    ],
)
def test_an_odd_shape_is_named(disk, said, why):
    disk.frames("val", ["a.jpg"])
    disk.json("val/a.json", said)
    with pytest.raises(ValueError, match=why):
        ReasonSeg.opened(disk.root, "val").clip("a")


def test_an_image_without_words_and_a_folder_without_images_are_named(disk):
    disk.frames("val", ["a.jpg"])
    with pytest.raises(DataError, match=r"a\.json: No such file"):
        ReasonSeg.opened(disk.root, "val").clip("a")
    with pytest.raises(DataError, match="train: holds no jpg"):
        ReasonSeg.opened(disk.root, "train")


# ---- the lab ---------------------------------------------------------------------------------------------------------


def test_the_lab_gives_what_the_world_asks(tmp_path):
    layout = Lab.opened(tmp_path / "glance", "eval")
    assert layout.videos(3) == ["0", "1", "2"]
    clip, task = layout.clip("2").clip, World(level="glance", split="eval").task(2)
    expression = clip.expressions[0]
    target = next(each for each in clip.objects if each.id in expression.objects)
    assert (expression.text, expression.type) == (task.question, task.truth.kind)
    assert (clip.video_path, clip.length, clip.fps) == (task.video.source, task.video.length, task.video.fps)
    assert target.masks == task.truth.masks
    assert json.dumps(expression.extra) == "{}"


def test_a_level_or_split_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UnknownName, match="no level 'glanz'; did you mean 'glance'"):
        Lab.opened(tmp_path / "glanz", "eval")
    with pytest.raises(UnknownName, match="no split 'evil'; did you mean 'eval'"):
        Lab.opened(tmp_path / "glance", "evil")

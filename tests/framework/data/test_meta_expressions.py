"""The layout that most video datasets share, in a miniature of each, with the traps of the real ones."""

import pytest

from framework.data.long_rvos import LongRVOS
from framework.data.mevis import MeViS
from framework.data.reason_vos import ReasonVOS
from framework.data.ref_davis17 import RefDAVIS17
from framework.data.ref_sav import RefSAV
from framework.data.ref_youtube_vos import RefYouTubeVOS
from framework.data.revos import ReVOS
from framework.data.schema import FOREGROUND
from framework.errors import DataError, PixelError, UserError
from framework.vision import masks
from framework.vision.boxes import Space

A, B, C = (2, 3, 12, 9), (8, 5, 20, 25), (30, 1, 39, 8)
SPACE = Space("", (0, 0, 40, 30), (40, 30))


def where(thing):
    """Frame → the box of what is seen there."""
    boxes = {frame: masks.box(mask, SPACE) for frame, mask in thing.masks.items()}
    return {frame: tuple(int(side) for side in box.corners) for frame, box in boxes.items() if box}


def objects(clip):
    return {each.id: where(each) for each in clip.objects}


def said(clip):
    return {each.id: (each.text, each.type, each.objects) for each in clip.expressions}


# ---- ReVOS -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def revos(disk):
    names = ["00000", "00001", "00002"]
    disk.frames("JPEGImages/UVO/v1", [f"{name}.jpg" for name in names])
    expressions = {
        "0": {"exp": "the  dog ", "obj_id": [1], "anno_id": [7], "type_id": 0},
        "1": {"exp": "what moves", "obj_id": [1, 2], "anno_id": [7, 8], "type_id": 1},
        "2": {"exp": "the elephant", "obj_id": [], "anno_id": [], "type_id": 2},
        "10": {"exp": "the ghost", "anno_id": [9], "type_id": 0},
        "11": {"exp": "", "anno_id": [7], "type_id": 0},
        "12": {"exp": "the wide one", "anno_id": [11], "type_id": 0},
        "13": {"exp": "the short one", "anno_id": [12], "type_id": 0},
        "14": {"exp": "the nameless one", "type_id": 0},
    }
    meta = {"videos": {"UVO/v1": {"vid_id": 3, "frames": names, "height": 30, "width": 40, "expressions": expressions}}}
    disk.json("meta_expressions_valid_.json", meta)
    wide = disk.rle(A, (41, 30))
    kept = {
        "7": [disk.rle(A), None, disk.rle(B)],
        "8": [disk.rle(B), disk.rle(B), None],
        "11": [None, wide, None],
        "12": [None, None],
    }
    disk.json("mask_dict.json", kept)
    disk.json("mask_dict_foreground.json", {"UVO/v1": {"masks_rle": [[disk.rle(A), disk.rle(B)], None, disk.rle(B)]}})
    return ReVOS.opened(disk.root, "valid")


def test_revos_knows_what_refers_what_reasons_and_what_is_not_there(revos):
    clip = revos.clip("UVO/v1").clip
    assert said(clip) == {
        "0": ("the dog", "referring", ("7",)),
        "1": ("what moves", "reasoning", ("7", "8")),
        "2": ("the elephant", "hallucination", ()),
    }
    assert (clip.length, clip.width, clip.height, clip.frames[1]) == (3, 40, 30, "00001.jpg")
    assert all(each.annotated == (0, 1, 2) and each.has_truth for each in clip.expressions)
    assert objects(clip)["7"] == {0: A, 2: B}


def test_frames_are_played_in_order_however_they_are_listed(revos):
    revos.meta["UVO/v1"]["frames"].reverse()
    clip = revos.clip("UVO/v1").clip
    assert clip.frames == ("00000.jpg", "00001.jpg", "00002.jpg")
    assert objects(clip)["7"] == {0: A, 2: B}


def test_instances_that_overlap_keep_their_own_pixels_and_are_once_in_the_foreground(revos):
    kept = {each.id: each for each in revos.clip("UVO/v1").clip.objects}
    assert masks.area(kept["7"].masks[0]) == 60
    assert masks.area(kept["8"].masks[0]) == 240
    assert masks.area(kept[FOREGROUND].masks[0]) == 60 + 240 - 4 * 4
    assert sorted(kept[FOREGROUND].masks) == [0, 2]


def test_what_cannot_be_read_is_left_out_by_name_with_file_and_frame(revos):
    why = {each.expression: each.why for each in revos.clip("UVO/v1").left_out}
    assert why == {
        "10": "mask_dict.json has no annotation 9",
        "11": "says nothing: it has none of exp, exp_text, question, formated, sent",
        "12": "mask_dict.json, annotation 11, frame 00001: the mask is 41×30, the frame 40×30",
        "13": "mask_dict.json, annotation 12: has 2 frames, the video 3",
        "14": "names no object: it has none of anno_id",
    }


def test_a_listed_frame_that_is_absent_is_named(revos, disk):
    (disk.root / "JPEGImages/UVO/v1/00001.jpg").unlink()
    with pytest.raises(DataError, match="UVO/v1: 1 of 3 listed frames are absent, the first 00001"):
        revos.clip("UVO/v1")


def test_a_first_frame_that_is_no_picture_is_named(revos, disk):
    (disk.root / "JPEGImages/UVO/v1/00000.jpg").write_bytes(b"")
    with pytest.raises(PixelError, match=r"00000\.jpg .*empty"):
        revos.clip("UVO/v1")


def test_a_split_that_is_not_there_is_named(disk):
    with pytest.raises(UserError, match="revos has no split 'test'; there are: train, valid"):
        ReVOS.opened(disk.root, "test")
    with pytest.raises(UserError, match="there is no such folder; give --root the folder of revos"):
        ReVOS.opened(disk.root, "valid")
    disk.root.mkdir()
    with pytest.raises(DataError, match=r"meta_expressions_valid_\.json: No such file.*unpack"):
        ReVOS.opened(disk.root, "valid")


# ---- MeViS -----------------------------------------------------------------------------------------------------------


def mevis(disk, split):
    disk.frames(f"{split}/JPEGImages/v1", ["00000.jpg", "00001.jpg"])
    expressions = {"0": {"exp": "both dogs", "obj_id": [0, 1], "anno_id": [0, 1]}}
    disk.json(
        f"{split}/meta_expressions.json", {"videos": {"v1": {"frames": ["00000", "00001"], "expressions": expressions}}}
    )
    disk.json(f"{split}/mask_dict.json", {"0": [disk.rle(A), None], "1": [None, disk.rle(C)]})
    return MeViS.opened(disk.root, split).clip("v1").clip


def test_mevis_asks_for_several_objects(disk):
    clip = mevis(disk, "valid_u")
    assert said(clip) == {"0": ("both dogs", "", ("0", "1"))}
    assert objects(clip) == {"0": {0: A}, "1": {1: C}}


def test_mevis_valid_has_no_truth_whatever_lies_beside_it(disk):
    clip = mevis(disk, "valid")
    assert [(each.has_truth, each.annotated, each.objects) for each in clip.expressions] == [(False, (), ())]
    assert not clip.objects


def test_frames_that_nobody_lists_come_in_the_order_of_their_numbers(disk):
    disk.frames("train/JPEGImages/v1", [f"{number}.jpg" for number in range(12)])
    disk.json("train/meta_expressions.json", {"videos": {"v1": {"expressions": {"0": {"exp": "it", "anno_id": [0]}}}}})
    disk.json("train/mask_dict.json", {"0": [disk.rle(A)] + [None] * 11})
    clip = MeViS.opened(disk.root, "train").clip("v1").clip
    assert clip.frames == tuple(f"{number}.jpg" for number in range(12))


# ---- Ref-YouTube-VOS -------------------------------------------------------------------------------------------------

EVERY_FIFTH = ["00000", "00005", "00010"]


def youtube(disk, split="train"):
    videos = {
        "b": {"frames": EVERY_FIFTH, "expressions": {"0": {"exp": "cat", "obj_id": "1"}}},
        "a": {
            "frames": EVERY_FIFTH,
            "expressions": {name: {"exp": f"dog {name}", "obj_id": "2"} for name in ("0", "1", "2", "10")},
        },
    }
    for video in videos:
        disk.frames(f"{split}/JPEGImages/{video}", [f"{name}.jpg" for name in EVERY_FIFTH])
    disk.json(f"meta_expressions/{split}/meta_expressions.json", {"videos": videos})


def test_palette_numbers_are_objects_and_a_frame_without_a_png_is_unknown(disk):
    youtube(disk)
    disk.json("train/meta.json", {"videos": {"a": {"objects": {"2": {"category": "dog"}, "3": {"category": "owl"}}}}})
    disk.numbers("train/Annotations/a/00000.png", (2, A), (3, C))
    disk.numbers("train/Annotations/a/00010.png", (3, C), (255, (0, 0, 1, 1)))
    clip = RefYouTubeVOS.opened(disk.root, "train").clip("a").clip
    assert objects(clip) == {"2": {0: A}, "3": {0: C, 2: C}}
    assert {each.id: each.category for each in clip.objects} == {"2": "dog", "3": "owl"}
    assert all(each.annotated == (0, 2) and each.objects == ("2",) for each in clip.expressions)
    assert clip.fps == 6


def test_an_unknown_number_and_a_black_and_white_png_are_named(disk):
    youtube(disk)
    disk.numbers("train/Annotations/a/00000.png", (1, A), (3, C))
    disk.grey("train/Annotations/b/00000.png", (255, A))
    layout = RefYouTubeVOS.opened(disk.root, "train")
    assert layout.clip("a").left_out[0].why.endswith("a: object 2 is in none of its 1 masks (there are: 1, 3)")
    assert layout.clip("b").left_out[0].why.endswith("1 masks (there are: 255); they are black and white")


def test_a_video_without_masks_and_a_mask_of_another_size_are_named(disk):
    youtube(disk)
    disk.numbers("train/Annotations/b/00005.png", (1, A), size=(20, 15))
    layout = RefYouTubeVOS.opened(disk.root, "train")
    with pytest.raises(DataError, match=r"b/00005\.png: the mask is 20×15, its frame 40×30"):
        layout.clip("b")
    with pytest.raises(DataError, match="Annotations/a: there are no masks of this video"):
        layout.clip("a")


def test_annotations_are_counted_through_videos_as_they_come_and_expressions_sorted_as_text(disk):
    youtube(disk)
    boxes = [(each, each, each + 5, each + 7) for each in range(5)]
    disk.pickle("train/mask_dict.pkl", {place: [disk.rle(box, counts=bytes)] * 3 for place, box in enumerate(boxes)})
    layout = RefYouTubeVOS.opened(disk.root, "train")
    assert [each.objects for each in layout.clip("b").clip.expressions] == [("0",)]
    found = {each.id: each.objects[0] for each in layout.clip("a").clip.expressions}
    assert found == {"0": "1", "1": "2", "10": "3", "2": "4"}
    assert objects(layout.clip("a").clip)["3"] == dict.fromkeys(range(3), boxes[3])


def test_a_count_that_does_not_come_out_is_no_guess(disk):
    youtube(disk)
    disk.pickle("train/mask_dict.pkl", {0: [disk.rle(A)] * 3})
    with pytest.raises(DataError, match=r"mask_dict\.pkl: has 1 annotations, but .* counts 5 expressions"):
        RefYouTubeVOS.opened(disk.root, "train")


def test_a_pickle_that_would_run_code_is_refused(disk):
    youtube(disk)
    (disk.root / "train/mask_dict.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(DataError, match=r"mask_dict\.pkl: is no whole pickle of plain things \(it asks for os\.system"):
        RefYouTubeVOS.opened(disk.root, "train")


def test_valid_has_no_truth_and_not_the_videos_of_test(disk):
    youtube(disk, "valid")
    disk.numbers("valid/Annotations/a/00000.png", (2, A))  # first frames, for another task
    disk.json("meta_expressions/test/meta_expressions.json", {"videos": {"b": {}}})
    layout = RefYouTubeVOS.opened(disk.root, "valid")
    assert layout.videos() == ["a"]
    assert not any(each.has_truth for each in layout.clip("a").clip.expressions)


# ---- Ref-DAVIS17 -----------------------------------------------------------------------------------------------------


def davis(disk, **named):
    expressions = {str(each): {"exp": f"words {each}"} | named for each in range(12)}
    videos = {video: {"frames": ["00000"], "expressions": expressions} for video in ("b", "a")}
    for video in videos:
        disk.frames(f"valid/JPEGImages/{video}", ["00000.jpg"])
    disk.json("meta_expressions/valid/meta_expressions.json", {"videos": videos})


def test_davis_was_described_by_four_for_each_object(disk):
    davis(disk)
    disk.numbers("valid/Annotations/a/00000.png", (1, A), (2, B), (3, C))
    clip = RefDAVIS17.opened(disk.root, "valid").clip("a").clip
    assert [each.objects[0] for each in clip.expressions] == [*"111122223333"]
    assert [each.extra["annotator"] for each in clip.expressions] == [0, 1, 2, 3] * 3
    assert [each.extra["object"] for each in clip.expressions][3:5] == [1, 2]


def test_davis_counts_through_sorted_videos(disk):
    davis(disk, obj_id="1")
    disk.pickle("valid/mask_dict.pkl", {str(each): [disk.rle(A)] for each in range(24)})
    layout = RefDAVIS17.opened(disk.root, "valid")
    found = {video: {each.id: int(each.objects[0]) for each in layout.clip(video).clip.expressions} for video in "ab"}
    assert found["a"] == {
        "0": 0,
        "1": 1,
        "10": 2,
        "11": 3,
        "2": 4,
        "3": 5,
        "4": 6,
        "5": 7,
        "6": 8,
        "7": 9,
        "8": 10,
        "9": 11,
    }
    assert found["b"]["0"] == 12


# ---- Ref-SAV, validation ---------------------------------------------------------------------------------------------


def test_ref_sav_is_long_or_short(disk):
    disk.frames("videos/v1", ["00000.jpg"])
    expressions = {
        "0": {"exp": "a long one", "anno_id": ["0"], "type_id": 0},
        "1": {"exp": "dog", "anno_id": 0, "type_id": 1},
    }
    disk.json("meta_expressions_valid.json", {"videos": {"v1": {"frames": ["00000"], "expressions": expressions}}})
    disk.json("mask_dict.json", {"0": [disk.rle(A)]})
    clip = RefSAV.opened(disk.root, "valid").clip("v1").clip
    assert said(clip) == {"0": ("a long one", "long", ("0",)), "1": ("dog", "short", ("0",))}


# ---- Long-RVOS -------------------------------------------------------------------------------------------------------


def long_rvos(disk, split, **files):
    names = ["00000", "00006", "00012"]
    disk.frames(f"{split}/JPEGImages/v1", [f"{name}.jpg" for name in names])
    expressions = {
        "0": {"exp": "the red car", "obj_id": ["3"], "anno_id": ["17"], "type": "Static"},
        "1": {"exp": "the one that turns", "obj_id": "4", "anno_id": "18", "type": "dynamic"},
    }
    disk.json(
        f"{split}/{files.get('meta', 'meta_expressions.json')}",
        {"videos": {"v1": {"frames": names, "expressions": expressions}}},
    )
    return f"{split}/Annotations/v1"


def test_an_object_without_a_png_is_not_seen_in_that_frame(disk):
    annotations = long_rvos(disk, "valid")
    disk.grey(f"{annotations}/3/00000.png", (255, A))
    disk.grey(f"{annotations}/3/00012.png", (1, B))
    found = LongRVOS.opened(disk.root, "valid").clip("v1")
    assert said(found.clip) == {"0": ("the red car", "static", ("3",))}
    assert objects(found.clip) == {"3": {0: A, 2: B}}
    assert found.clip.expressions[0].annotated == (0, 1, 2)
    assert [each.why for each in found.left_out] == [f"{disk.root / annotations}/4: there is no such folder of masks"]


def test_long_rvos_may_keep_its_masks_in_one_file(disk):
    long_rvos(disk, "train", meta="meta_expressions_with_anno.json")
    disk.json("train/mask_dict.json", {"17": [disk.rle(A), None, None], "18": [None, None, disk.rle(B)]})
    clip = LongRVOS.opened(disk.root, "train").clip("v1").clip
    assert objects(clip) == {"17": {0: A}, "18": {2: B}}


def test_long_rvos_without_masks_is_named_but_for_its_test_split(disk):
    long_rvos(disk, "valid")
    with pytest.raises(DataError, match=r"valid/Annotations: there is no such folder, nor mask_dict\.json"):
        LongRVOS.opened(disk.root, "valid")
    long_rvos(disk, "test")
    assert not LongRVOS.opened(disk.root, "test").clip("v1").clip.expressions[0].has_truth


# ---- ReasonVOS -------------------------------------------------------------------------------------------------------


def reason_vos(disk):
    names = ["00000", "00001"]
    listed = [
        {"exp_id": 4, "exp_text": "what keeps one dry", "obj_id": "12"},
        {"exp_id": 5, "exp_text": "what barks", "obj_id": 3},
    ]
    disk.json("meta_expressions.json", {"videos": {"v1": {"source": "VIPSeg", "frames": names, "expressions": listed}}})
    disk.frames("JPEGImages/v1", [f"{name}.jpg" for name in names])


def test_expressions_may_be_a_list_and_folders_write_objects_in_nine_digits(disk):
    reason_vos(disk)
    disk.grey("Annotations/vipseg_v1_000000012/00000.png", (255, A))
    disk.grey("Annotations/vipseg_v1_3/00001.png", (255, B))
    clip = ReasonVOS.opened(disk.root, "valid").clip("v1").clip
    assert said(clip) == {"4": ("what keeps one dry", "", ("12",)), "5": ("what barks", "", ("3",))}
    assert [each.annotated for each in clip.expressions] == [(0,), (1,)]
    assert [each.extra for each in clip.expressions] == [{"source": "vipseg"}] * 2
    assert objects(clip) == {"12": {0: A}, "3": {1: B}}


def test_masks_that_rewriting_has_mixed_up_are_left_out(disk):
    disk.frames("JPEGImages/v1", ["00000.jpg"])
    expressions = {
        "0": {"exp": "one", "obj_id": [1], "anno_id": 0},
        "1": {"exp": "two", "obj_id": [2], "anno_id": 0},
        "2": {"exp": "two again", "obj_id": [2], "anno_id": 1},
    }
    video = {"source": "mose", "frames": ["00000"], "expressions": expressions}
    disk.json("meta_expressions_format.json", {"videos": {"v1": video}})
    disk.json("mask_dict.json", {"0": [disk.rle(A)], "1": [disk.rle(B)]})
    found = ReasonVOS.opened(disk.root, "valid").clip("v1")
    assert said(found.clip) == {"0": ("one", "", ("0",)), "2": ("two again", "", ("1",))}
    why = "mask_dict.json, annotation 0: is of object 1, but 2 is asked for"
    assert [(each.expression, each.why) for each in found.left_out] == [("1", why)]

"""What is wrong with prepared data is found exactly: each planted fault by row and frame, and nothing else."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from framework.cli import main
from framework.data import schema
from framework.data.inspection import KINDS, estimated, folders, inspect
from framework.data.schema import Clip, Expression, Object
from framework.errors import DataError
from framework.vision import masks

A, B = (2, 3, 12, 9), (8, 5, 20, 25)
NAMES = tuple(f"{number:05}.png" for number in range(4))


def painted(box, width=40, height=30):
    import numpy as np

    x0, y0, x1, y1 = box
    dense = np.zeros((height, width), bool)
    dense[y0:y1, x0:x1] = True
    return masks.encode(dense)


def clip(disk, id, **changes):
    usual = Clip(
        id=id,
        frame_root=str(disk.root / id),
        frames=NAMES,
        length=4,
        width=40,
        height=30,
        objects=(Object(id="7", masks={0: painted(A), 2: painted(B)}),),
        expressions=(
            Expression(id="0", text=f"the dog of {id}", objects=("7",), annotated=(0, 1, 2), span=(0, 3)),
            Expression(id="1", text=f"no cat of {id}", annotated=(0,)),
            Expression(id="2", text=f"a cat of {id}?", has_truth=False),
        ),
    )
    return replace(usual, **changes)


@pytest.fixture
def prepared(disk, tmp_path):
    """Writes clips, whose rows may be spoiled before, and whose frames lie on the disk."""

    def write(*clips, spoil=None):
        folder = tmp_path / "out" / "mine" / "train"
        folder.mkdir(parents=True)
        objects = [row for each in clips for row in schema.object_rows(each)]
        expressions = [row for each in clips for row in schema.expression_rows(each, "mine", "train", "MIT")]
        if spoil:
            spoil(objects, expressions)
        schema.write(folder / "objects.parquet", "objects", objects)
        schema.write(folder / "expressions.parquet", "expressions", expressions)
        return folder

    for video in ("v1", "v2"):
        disk.frames(video, list(NAMES))
    return write


def found(folder, **how):
    return [(each.kind, each.where, each.what) for each in inspect(folder, **how).findings]


def test_nothing_is_found_where_nothing_is_wrong(prepared, disk):
    seen = inspect(prepared(clip(disk, "v1"), clip(disk, "v2")))
    assert (seen.videos, seen.expressions, seen.objects, seen.findings) == (2, 6, 2, ())


def test_frames_that_do_not_decode_are_counted_and_the_first_is_named(prepared, disk):
    folder = prepared(clip(disk, "v1"), clip(disk, "v2"))
    for number in (1, 3):
        path = disk.root / "v1" / NAMES[number]
        path.write_bytes(path.read_bytes()[:40])
    ((kind, where, what),) = found(folder)
    assert (kind, where) == ("broken video", "video v1")
    assert what.startswith(f"{disk.root}/v1/00001.png (frame 1): ")
    assert what.endswith("; 1 more of 4 frames are broken")
    ((_, _, what),) = found(folder, quick=True)
    assert "00003.png (frame 3)" in what


def test_frames_that_are_gone_or_of_another_size_are_named(prepared, disk):
    folder = prepared(clip(disk, "v1"), clip(disk, "v2"))
    (disk.root / "v1" / NAMES[3]).unlink()
    disk.frames("v2", [NAMES[2]], width=41)
    assert [each[2] for each in found(folder)] == [
        f"{disk.root}/v1: has 3 frames, 4 were promised",
        f"{disk.root}/v2 (frame 2): is 41×30, 40×30 were promised",
    ]


def test_a_video_that_is_gone_and_one_that_is_too_small_are_named(prepared, disk):
    disk.frames("small", list(NAMES), width=40, height=27)
    small = clip(disk, "small", height=27, objects=(), expressions=(Expression(id="0", text="x", has_truth=False),))
    folder = prepared(clip(disk, "v1"), small, clip(disk, "gone"))
    assert [each[:2] for each in found(folder)] == [("small picture", "video small"), ("broken video", "video gone")]


def test_masks_of_another_size_or_of_none_are_named(prepared, disk):
    def spoil(objects, expressions):
        objects[0]["height"] = 29
        objects[1]["rle"][1] = b"~~"
        objects[1]["area"][0] = 61

    assert found(prepared(clip(disk, "v1"), clip(disk, "v2"), spoil=spoil)) == [
        ("odd mask", "objects row 0 (video v1, object 7)", "its masks are 40×29, the frames 40×30"),
        (
            "odd mask",
            "objects row 0 (video v1, object 7)",
            "frame 0: the runs of a mask cover 1200 pixels, but it is 40 × 29; so 1 more of 2 frames",
        ),
        (
            "odd mask",
            "objects row 1 (video v2, object 7)",
            "frame 0: the area is 61, the mask has 60 pixels; so 1 more of 2 frames",
        ),
    ]


def test_frames_outside_of_the_clip_are_named(prepared, disk):
    def spoil(objects, expressions):
        objects[0]["frame_idx"][1] = 4
        expressions[3]["temporal_span"] = [0, 9]
        expressions[4]["eval_frame_idx"] = [-1]

    assert found(prepared(clip(disk, "v1"), clip(disk, "v2"), spoil=spoil)) == [
        ("outside", "objects row 0 (video v1, object 7)", "has masks of frames 4; the clip has 4"),
        ("outside", "expressions row 3 (video v2, expression 0)", "speaks of frames 9; the clip has 4"),
        ("outside", "expressions row 4 (video v2, expression 1)", "speaks of frames -1; the clip has 4"),
    ]


def test_a_box_counted_in_another_picture_is_named_with_that_picture(prepared, disk):
    def spoil(objects, expressions):
        objects[0]["bbox"] = [[50, 100, 300, 300], [200, 167, 500, 833]]  # of 1000×1000
        objects[1]["bbox"][0] = [2, 3, 12, 10]
        objects[1]["point"][1] = [2.0, 3.0]

    ours, theirs = found(prepared(clip(disk, "v1"), clip(disk, "v2"), spoil=spoil))
    assert ours[:2] == ("odd box", "objects row 0 (video v1, object 7)")
    assert ours[2] == (
        "frame 0: the box is [50, 100, 300, 300], the mask is in [2, 3, 12, 9], as if counted in 1000×1000"
        "; so 1 more of 2 frames"
    )
    assert theirs[2] == "frame 0: the box is [2, 3, 12, 10], the mask is in [2, 3, 12, 9]; so 1 more of 2 frames"


def test_what_is_asked_for_and_never_seen_is_named(prepared, disk):
    expressions = (
        Expression(id="0", text="where the dog is not", objects=("7",), annotated=(1, 3)),
        Expression(id="1", text="the owl", objects=("9",), annotated=(0,)),
        Expression(id="2", text="when?", objects=("7",)),
    )
    assert found(prepared(clip(disk, "v1", expressions=expressions))) == [
        ("empty truth", "expressions row 0 (video v1, expression 0)", "none of its annotated frames shows 7"),
        ("lacking object", "expressions row 1 (video v1, expression 1)", "asks for 9"),
        ("empty truth", "expressions row 2 (video v1, expression 2)", "none of its frames is annotated"),
    ]


def test_words_that_are_said_twice_of_a_video_are_named_but_not_of_two(prepared, disk):
    said = (
        Expression(id="0", text="The dog", objects=("7",), annotated=(0,)),
        Expression(id="1", text="the  dog.", objects=("7",), annotated=(0,)),
        Expression(id="2", text="the dog", annotated=(0,)),
    )
    folder = prepared(clip(disk, "v1", expressions=said), clip(disk, "v2", expressions=said[:1]))
    assert found(folder) == [
        (
            "said twice",
            "expressions row 1 (video v1, expression 1)",
            "'the  dog.' is row 0 as well, for the same objects",
        ),
        ("said twice", "expressions row 2 (video v1, expression 2)", "'the dog' is row 0 as well, for other objects"),
    ]


def test_a_row_that_makes_no_sense_does_not_end_the_search(prepared, disk):
    def spoil(objects, expressions):
        objects[0]["bbox"] = None
        objects[1]["area"] = [60]
        expressions[3]["eval_frame_idx"] = None
        expressions[4]["expression"] = None

    assert [each[:2] for each in found(prepared(clip(disk, "v1"), clip(disk, "v2"), spoil=spoil))] == [
        ("odd row", "objects row 0 (video v1, object 7)"),
        ("odd row", "objects row 1 (video v2, object 7)"),
        ("odd row", "expressions row 3 (video v2, expression 0)"),
    ]


def test_a_table_of_other_columns_is_named(prepared, disk):
    folder = prepared(clip(disk, "v1"))
    (folder / "objects.parquet").write_bytes((folder / "expressions.parquet").read_bytes())
    with pytest.raises(DataError, match=r"objects\.parquet: lacks the column anno_id, category, .*; prepare it again"):
        inspect(folder)


def test_lengths_are_counted_by_whoever_is_given(prepared, disk):
    folder = prepared(clip(disk, "v1"))
    assert inspect(folder, tokens=lambda text: len(text.split())).lengths == Counter({4: 3})
    assert sum(inspect(folder).lengths.values()) == 3
    assert estimated("the dog") == 3


def test_folders_of_folders_are_looked_through(prepared, disk, tmp_path):
    folder = prepared(clip(disk, "v1"))
    assert folders(tmp_path) == folders(folder) == [folder]
    with pytest.raises(DataError, match=r"v1: holds no expressions\.parquet; give what limner data prepare"):
        folders(disk.root / "v1")


# ---- at the terminal -------------------------------------------------------------------------------------------------


def test_preparing_says_the_licence_and_what_was_left_out(disk, tmp_path, capsys):
    expressions = {"0": {"exp": "dog", "anno_id": [0]}, "1": {"exp": "cat", "anno_id": [1]}}
    disk.frames("train/JPEGImages/v1", ["0.jpg"])
    disk.json("train/meta_expressions.json", {"videos": {"v1": {"frames": ["0"], "expressions": expressions}}})
    disk.json("train/mask_dict.json", {"0": [disk.rle(A)]})
    assert main(["data", "prepare", "mevis", "--root", str(disk.root), "--out", str(tmp_path / "out")]) == 0
    licence, *lacking, made, untimed, left, first = capsys.readouterr().out.splitlines()
    assert licence == "mevis: CC BY-NC-SA 4.0"
    assert [line.split()[0] for line in lacking] == ["valid_u", "valid"]
    assert made.startswith("train     1 videos · 1 expressions · 1 objects · 1 masks")
    assert untimed.strip().startswith("no frame rate is known of 1 videos")
    assert left.split()[:4] == ["1", "left", "out,", "all"]
    assert first.strip() == "v1 1: mask_dict.json has no annotation 1"
    assert main(["data", "check", str(tmp_path / "out")]) == 0
    assert "nothing is wrong with it" in capsys.readouterr().out


def test_preparing_says_what_is_wrong_with_a_dataset_as_published(disk, tmp_path, capsys):
    disk.frames("JPEGImages/TAO/v1", ["0.jpg"])
    said = {"0": {"exp": "dog", "anno_id": [0], "type_id": 0}}
    disk.json("meta_expressions_train_.json", {"videos": {"TAO/v1": {"frames": ["0"], "expressions": said}}})
    disk.json("mask_dict.json", {"0": [disk.rle(A)]})
    assert main(["data", "prepare", "revos", "--root", str(disk.root), "--out", str(tmp_path / "out")]) == 0
    assert "revos: masks of many videos of TAO" in capsys.readouterr().out


def test_a_dataset_that_is_not_there_is_a_users_mistake(tmp_path, capsys):
    said = {
        ("mvis", tmp_path): "no dataset 'mvis'; did you mean 'mevis'?",
        ("mevis", tmp_path / "nowhere"): "there is no such folder; give --root the folder of mevis",
        ("mevis", tmp_path): "no split of mevis is there; train: ",
    }
    for (name, root), why in said.items():
        assert main(["data", "prepare", name, "--root", str(root), "--out", str(tmp_path)]) == 2
        assert why in capsys.readouterr().err


def test_what_is_found_is_said_in_words_and_for_programs_with_exit_code_1(prepared, disk, capsys):
    again = tuple(Expression(id=str(each), text="the dog", objects=("7",), annotated=(0,)) for each in range(6))
    folder = str(prepared(clip(disk, "v1", expressions=again)))
    assert main(["data", "check", folder]) == 1
    told = capsys.readouterr().out
    assert f"✗ 5 × said twice: {KINDS['said twice']}" in told
    assert "… 2 more; --all shows them" in told
    assert main(["data", "check", "--json", folder]) == 1
    (each,) = json.loads(capsys.readouterr().out)
    assert each["counts"]["said twice"] == len(each["findings"]) == 5
    assert each["tokens"] == {"1–8": 6}
    assert main(["data", "check", "--tokenizer", "no.json", folder]) == 2

import csv
import json

import cv2
import numpy as np
import pytest

from framework.cli import main
from framework.data import schema
from framework.data.schema import FOREGROUND, Clip, Expression, Object
from framework.errors import DataError, UserError
from framework.scoring import Job, export, score
from framework.vision import masks
from framework.vision.predictions import Writer
from framework.vision.protocols import PROTOCOLS

H, W, LENGTH = 20, 30, 5


def square(x, y=4, side=6):
    dense = np.zeros((H, W), bool)
    dense[y : y + side, x : x + side] = True
    return masks.encode(dense)


def clip(number):
    """Two objects that pass each other, three expressions, the third of what is not there."""
    one = {frame: square(2 + 2 * frame + number) for frame in range(LENGTH)}
    other = {frame: square(20 - 2 * frame, 10) for frame in range(1, LENGTH)}
    return Clip(
        id=f"mose/v{number}",
        frames=tuple(f"{frame:05}.jpg" for frame in range(LENGTH)),
        frame_root="nowhere",
        length=LENGTH,
        width=W,
        height=H,
        objects=(Object(id="1", masks=one), Object(id="2", masks=other), Object(id=FOREGROUND, masks=one)),
        expressions=(
            Expression(id="0", text="one", type="referring", objects=("1",), annotated=tuple(range(LENGTH))),
            Expression(id="1", text="both", type="reasoning", objects=("1", "2"), annotated=tuple(range(LENGTH))),
            Expression(id="2", text="a third", type="hallucination", annotated=tuple(range(LENGTH))),
        ),
    )


@pytest.fixture
def folder(tmp_path):
    """Prepared data of four clips."""
    there = tmp_path / "prepared" / "revos" / "valid"
    there.mkdir(parents=True)
    clips = [clip(number) for number in range(4)]
    schema.write(there / "objects.parquet", "objects", [row for each in clips for row in schema.object_rows(each)])
    rows = [row for each in clips for row in schema.expression_rows(each, "revos", "valid", "")]
    schema.write(there / "expressions.parquet", "expressions", rows)
    return there


def drawn():
    """Expressions with masks: right for one object, empty for none; of the last clip nothing."""
    for number in range(3):
        one = clip(number).objects[0].masks
        yield f"mose/v{number}", "0", one
        yield f"mose/v{number}", "1", one
        yield f"mose/v{number}", "2", {frame: masks.encode(np.zeros((H, W), bool)) for frame in range(LENGTH)}


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "said" / "predictions.parquet"
    with Writer(path) as file:
        for each in drawn():
            file.add(*each)
    return path


@pytest.fixture
def pngs(tmp_path):
    for video, expression, frames in drawn():
        there = tmp_path / "pngs" / video / expression
        there.mkdir(parents=True)
        for frame, mask in frames.items():
            cv2.imwrite(str(there / f"{frame:05}.png"), masks.decode(mask).astype(np.uint8) * 255)
    return tmp_path / "pngs"


def test_rows_and_pngs_score_the_same(folder, rows, pngs):
    told = []
    by_rows = score(Job(folder, rows, PROTOCOLS["revos"]()), 1, lambda done, of: told.append((done, of)))
    by_pngs = score(Job(folder, pngs, PROTOCOLS["revos"]()), 1)
    assert by_rows.scored == by_pngs.scored
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [(each.video, each.expression) for each in by_rows.scored[:4]] == [
        ("mose/v0", "0"),
        ("mose/v0", "1"),
        ("mose/v0", "2"),
        ("mose/v1", "0"),
    ]
    found = by_rows.summary()
    assert (found["n"], found["missing"], found["missing_frames"]) == (12, 3, 0)
    assert found["by_type"]["referring"]["j_and_f"] == 0.75
    assert found["by_type"]["hallucination"]["r"] == 0.75
    assert found["j"] == (found["by_type"]["referring"]["j"] + found["by_type"]["reasoning"]["j"]) / 2


def test_the_command_writes_what_it_prints(folder, rows, capsys, tmp_path):
    root = str(folder.parents[1])
    assert main(["score", str(rows), "--dataset", "revos", "--root", root, "--processes", "2"]) == 0
    said = capsys.readouterr().out
    found = json.loads((rows.parent / "scores.json").read_text())
    assert found == score(Job(folder, rows, PROTOCOLS["revos"]()), 1).summary(), "two processes score as one"
    assert {"dataset", "protocol", "n", "missing", "j", "f", "j_and_f", "by_type"} <= set(found)
    line = next(line for line in said.splitlines() if line.strip().startswith("overall"))
    assert line.split() == [
        "overall",
        *(f"{100 * found[name]:.1f}" for name in ("j", "f", "j_and_f", "a", "r")),
        "12",
        "3",
    ]
    with (rows.parent / "scores.csv").open() as file:
        table = list(csv.DictReader(file))
    assert len(table) == 12
    assert np.mean([float(row["j"]) for row in table if row["type"] == "referring"]) == 0.75
    assert table[-1]["missing"] == "1"


def test_quirks_are_said_beneath_the_table(folder, rows, capsys, tmp_path):
    command = ["score", str(rows), "--dataset", "revos", "--root", str(folder.parents[1]), "--processes", "1"]
    assert main([*command, "--compat", "--out", str(tmp_path / "here")]) == 0
    assert "objects are summed in 8 bits" in capsys.readouterr().out
    assert json.loads((tmp_path / "here" / "scores.json").read_text())["compat"] is True


def test_what_a_server_scores_is_written_as_it_takes_it(folder, rows, capsys, tmp_path):
    command = ["score", str(rows), "--dataset", "revos", "--root", str(folder.parents[1])]
    assert main([*command, "--export", str(tmp_path / "sent")]) == 0
    assert "12 expressions" in capsys.readouterr().out
    there = tmp_path / "sent" / "Annotations"
    assert len(list(there.rglob("*.png"))) == 12 * LENGTH
    again = score(Job(folder, tmp_path / "sent", PROTOCOLS["revos"]()), 1)
    assert again.summary()["by_type"]["hallucination"]["j"] == 1, "what was not predicted is empty there"
    assert again.scored[:9] == score(Job(folder, rows, PROTOCOLS["revos"]()), 1).scored[:9]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["--dataset", "revo"], "no protocol 'revo'; did you mean 'revos'?"),
        (["--split", "train"], "is not prepared (splits there: valid); limner data prepare makes it"),
        (["--protocol", "mevis", "--split", "valid", "--compat"], "--compat: mevis is scored as it was published"),
        (["--processes", "0"], "argument --processes: '0' will not do"),
    ],
)
def test_a_mistake_is_answered_in_one_line(folder, rows, changes, said, capsys):
    assert main(["score", str(rows), "--dataset", "revos", "--root", str(folder.parents[1]), *changes]) == 2
    assert said in capsys.readouterr().err


def test_predictions_of_something_else_are_told_from_poor_ones(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        DataError, match=r"has a prediction for none of 12 expressions; they are named as in mose/v0/0/"
    ):
        score(Job(folder, tmp_path / "empty", PROTOCOLS["revos"]()), 1)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_faulty_prediction_ends_it_by_name_in_any_process(folder, pngs, processes):
    (pngs / "mose" / "v1" / "0" / "00003.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"v1/0/00003\.png: cannot be decoded"):
        score(Job(folder, pngs, PROTOCOLS["revos"]()), processes)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_predictions_that_are_not_there_are_told_at_once(folder, capsys, processes):
    command = ["score", "nowhere", "--dataset", "revos", "--root", str(folder.parents[1]), "--processes", processes]
    assert main(command) == 2
    assert capsys.readouterr().err.startswith("limner: nowhere: there is no such file or folder")


def test_masks_on_a_server_are_not_scored_here(tmp_path, rows):
    there = tmp_path / "prepared" / "mevis" / "valid"
    there.mkdir(parents=True)
    kept = Clip(id="v", length=2, width=W, height=H, expressions=(Expression(id="0", text="it", has_truth=False),))
    schema.write(there / "objects.parquet", "objects", [])
    schema.write(there / "expressions.parquet", "expressions", schema.expression_rows(kept, "mevis", "valid", ""))
    with pytest.raises(UserError, match=r"its masks are kept on a server.*--export"):
        score(Job(there, rows, PROTOCOLS["mevis"]()), 1)
    assert export(rows, there, tmp_path / "sent") == (1, 1)
    assert len(list((tmp_path / "sent" / "Annotations" / "v" / "0").glob("*.png"))) == 2

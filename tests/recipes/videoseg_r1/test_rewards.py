"""What published replies earn by this recipe, and what they earned by the code that the paper adopts.

The rows are the edge cases of dvlab-research/Seg-Zero at 42a3345, run there; each says why ours differs where it does.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from framework.cli import main
from framework.policy import Scripted
from framework.recipe import find_recipe
from framework.rollout import play
from framework.testing import filled
from framework.types import Episode, Focus, Task, Truth, Video
from framework.vision import masks
from framework.vision.boxes import Box, Interval, Point
from rewards.published import NOTHING, VisionReasoner
from rewards.vision_reasoner import TERMS

RECIPE = find_recipe("videoseg_r1/rl", filled("videoseg_r1/rl"))
SIDE = 840
AIMED = Focus(segment=Interval(0, 0), target=0)
GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "r1_rewards.json").read_text())["cases"]


def task(*boxes: tuple[float, float, float, float], points: Sequence[tuple[float, float]] = ()) -> Task:
    """A square picture of the size in which thresholds are counted, with these objects on it."""
    video = Video("picture", length=1, width=SIDE, height=SIDE)
    space = video.space(0)
    dense = np.zeros((SIDE, SIDE), bool)
    for x0, y0, x1, y1 in boxes:
        dense[round(y0) : round(y1), round(x0) : round(x1)] = True
    there = tuple(Box(*each, space=space) for each in boxes)
    inner = tuple(Point(*each, space=space) for each in points) or tuple(box.centre for box in there)
    truth = Truth(
        present=(bool(boxes),),
        boxes={0: there} if boxes else {},
        points={0: inner} if boxes else {},
        masks={0: masks.encode(dense)},
    )
    return Task(
        id="row", question="what is meant", video=video, truth=truth, focus=Focus(segment=Interval(0, 0), target=0)
    )


def played(asked: Task, reply: str) -> Episode:
    """The reply, read as the recipe's game reads it."""
    return asyncio.run(play(asked, RECIPE.env, Scripted(reply)))


@dataclass(frozen=True)
class Row:
    """A reply, and what it earns: by the reference format and accuracy; by the recipe each part."""

    reply: str
    reference: tuple[float, float]
    """Format in [0, 3] and accuracy in [0, 3]."""
    ours: tuple[float, float, float]
    """thinks {0, 1}, says [0, 1] and objects [0, 3]."""
    why: str = ""
    """Why ours differ."""


TRUE = (100.0, 100.0, 300.0, 400.0)
SAID = '{"bbox_2d": [100, 100, 300, 400], "point_2d": [200, 250]}'
WHOLE = '{"bbox_2d": [100, 100, 300, 400], "point_2d": [200, 250], "neg_point_2d": [310, 250]}'
OTHER = '{"bbox_2d": [500, 500, 600, 600], "point_2d": [550, 550]}'
NEGATIVE = "a third key, neg_point_2d, has a third of the credit: the paper's points beside the object need a place"
BRACKETS = "one object need not stand in a list"
APART = "what is there is matched; only the point is not"
SCHEMA = 2 / 3


def reply(answer: str, after: str = "") -> str:
    return f"<think>The left one is meant.</think><answer>{answer}</answer>{after}"


ROWS = {
    "perfect": Row(reply(f"[{SAID}]"), (3, 3), (1, SCHEMA, 3), NEGATIVE),
    "perfect, with a point beside": Row(reply(f"[{WHOLE}]"), (3, 3), (1, 1, 3)),
    "one object, not in a list": Row(reply(SAID), (1, 0), (1, SCHEMA, 3), BRACKETS),
    "nothing, where something is": Row(reply("[]"), (1, 0), (1, 0, 0)),
    "one right, one that is not there": Row(reply(f"[{SAID}, {OTHER}]"), (3, 1.5), (1, SCHEMA, 1.5), NEGATIVE),
    "a box alone": Row(
        reply('[{"bbox_2d": [100, 100, 300, 400]}]'),
        (2, 0),
        (1, 1 / 3, 2),
        APART,
    ),
    "fenced": Row(reply(f"```json\n[{SAID}]\n```"), (1, 0), (1, 0, 0)),
    "a box inside out": Row(
        reply('[{"bbox_2d": [300, 400, 100, 100], "point_2d": [200, 250]}]'),
        (3, 0),
        (1, 1 / 3, 0),
        "a box that is reversed is no box",
    ),
    "a key that is not asked for": Row(reply(f'[{SAID[:-1]}, "label": "dog"}}]'), (3, 3), (1, SCHEMA, 3), NEGATIVE),
    "words after the answer": Row(reply(f"[{SAID}]", " That is all."), (2, 3), (0, SCHEMA, 3), NEGATIVE),
    "a point 30 pixels away": Row(
        reply('[{"bbox_2d": [100, 100, 300, 400], "point_2d": [230, 250]}]'), (3, 2), (1, SCHEMA, 2), NEGATIVE
    ),
    "a point 29 pixels away": Row(
        reply('[{"bbox_2d": [100, 100, 300, 400], "point_2d": [229, 250]}]'), (3, 3), (1, SCHEMA, 3), NEGATIVE
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_the_published_code_gives_what_it_gave(name: str):
    row, episode = ROWS[name], played(task(TRUE), ROWS[name].reply)
    assert VisionReasoner(term="format")([episode]) == pytest.approx([row.reference[0]])
    assert VisionReasoner(term="accuracy")([episode]) == pytest.approx([row.reference[1]])


@pytest.mark.parametrize("name", ROWS)
def test_the_recipe_gives_the_same_or_says_why_not(name: str):
    row, episode = ROWS[name], played(task(TRUE), ROWS[name].reply)
    [earned] = RECIPE.rubric.score([episode])
    found = tuple(earned.parts.get(part, 0.0) for part in ("thinks", "says", "objects"))
    assert found == pytest.approx(row.ours), earned
    thinks, says, objects = row.ours
    assert row.why or (thinks + 2 * says, objects) == row.reference


def test_a_right_nothing_earns_all_here_and_no_more_than_its_form_there():
    episode = played(task(), reply("[]"))
    [earned] = RECIPE.rubric.score([episode])
    assert [earned.parts[part] for part in ("thinks", "says", "objects")] == [1, 1, 3]
    said = episode.turns[-1].said.text
    assert [TERMS[term][0](said, NOTHING) for term in ("format", "accuracy")] == [1, 0]


@pytest.mark.parametrize(("again", "earns"), [(0, 1), (1, 1), (2, 0)])
def test_the_second_sentence_that_is_said_again_costs_all(again: int, earns: int):
    said = "I look. It is red." + " It is red." * again + " So it is."
    episode = played(task(TRUE), f"<think>{said}</think><answer>[{SAID}]</answer>")
    assert RECIPE.rubric.score([episode])[0].parts["fresh"] == earns
    assert VisionReasoner(term="non_repeat")([episode]) == [earns]


@pytest.mark.parametrize(
    ("beside", "earns"),
    [
        ("[250, 250]", 0),  # on the object
        ("[300, 250]", 1),  # the first pixel beside it: its box ends at 300
        ("[339, 250]", 1),  # 40 steps away
        ("[340, 250]", 0),  # 41
        ("[319, 419]", 1),  # 20 along x and 20 along y: the steps of a taxi
        ("[320, 419]", 0),
        ("[-5, 250]", 0),  # not on the picture
        ("[[300, 250], [250, 250]]", 0.5),  # each of K earns 1/K
        ("[]", 0),
    ],
)
def test_a_point_beside_the_object_earns_by_its_distance(beside: str, earns: float):
    said = f'[{SAID[:-1]}, "neg_point_2d": {beside}}}]'
    [earned] = RECIPE.rubric.score([played(task(TRUE), reply(said))])
    assert earned.parts.get("beside", 0) == earns


@pytest.mark.parametrize(("tokens", "factor"), [(60, 1), (61, 0.99), (110, 0.5), (160, 0), (500, 0)])
def test_thinking_past_the_budget_costs_a_share_of_everything(tokens: int, factor: float):
    episode = played(task(TRUE), reply(f"[{WHOLE}]"))
    turn = episode.turns[-1]
    long = replace(episode, turns=(replace(turn, said=replace(turn.said, tokens=tokens + 80, thought=tokens)),))
    short, [earned] = RECIPE.rubric.score([episode])[0], RECIPE.rubric.score([long])
    assert earned.parts["brief"] == pytest.approx(factor)
    assert short.total is not None
    assert earned.total == pytest.approx(factor * short.total)


def test_a_perfect_reply_earns_all_there_is():
    said = '[{"bbox_2d": [100, 100, 300, 400], "point_2d": [200, 250], "neg_point_2d": [300, 250]}]'
    [earned] = RECIPE.rubric.score([played(task(TRUE), reply(said))])
    assert earned.total == 1 + 3 + 3 + 1 + 1


# ---- and of all replies that the reference was given -----------------------------------------------------------------

OTHERWISE = {
    "thinks": {
        "something is thought": ["frame-006", "frame-042"],
        "space may stand around it": ["frame-014", "frame-018"],
        "there is one thought and one answer": ["frame-026", "frame-028", "frame-030", "frame-040", "frame-046"],
    },
    "says": {
        "a right nothing is well said": ["plain-004", "plain-010", "plain-036", "plain-060", "plain-096"],
        BRACKETS: ["body-011", "body-075"],
        "a reversed box is no box": ["plain-012", *(f"inverted-00{each}" for each in (0, 2, 4, 6, 8))],
        "only numbers are numbers": ["body-027", "body-029", "body-037", "body-059"],
        "an item that is none ends nothing": ["body-041"],
    },
    "objects": {
        "a right nothing earns all": ["plain-004", "plain-010", "plain-036", "plain-060", "plain-096"],
        BRACKETS: ["body-011", "body-075"],
        "a reversed box is no answer": ["plain-012", "inverted-008"],
        "only numbers are numbers": ["body-029"],
        APART: ["body-039", "body-045"],
        "sides do not count a pixel more": ["crowd-002", "iou-008"],
        "objects past the 120th count, though they are not looked at": ["many-001"],
    },
    "fresh": {
        "who says nothing repeats nothing, but earns nothing": ["frame-000"],
        "a sentence may end otherwise than by a full stop": ["repeat-010", "repeat-in-010", "repeat-in-012"],
        "decimals end none": ["repeat-in-026", "repeat-number-004", *(f"repeat-object-00{each}" for each in (1, 2, 3))],
    },
}
"""Part → why it differs from the reference → the replies where it does."""
THEIRS = {"thinks": "thinking_format", "says": "segmentation_format", "objects": "accuracy", "fresh": "non_repeat"}


@pytest.fixture(scope="module")
def golden() -> list[Episode]:
    return [played(of_truth(case["truth"]), case["reply"]) for case in GOLDEN]


def of_truth(objects: list[dict[str, list[float]]]) -> Task:
    boxes = [(x0, y0, x1, y1) for x0, y0, x1, y1 in (each["bbox_2d"] for each in objects)]
    return task(*boxes, points=[(x, y) for x, y in (each["point_2d"] for each in objects)])


@pytest.mark.parametrize("part", OTHERWISE)
def test_every_reply_of_the_reference_earns_the_same_but_for_these_reasons(part: str, golden: list[Episode]):
    worth = 3 if part == "says" else 1  # a third of it for each key, of which the reference knows two
    ours = [worth * earned.parts.get(part, 0) for earned in RECIPE.rubric.score(golden)]
    differ = {
        case["id"]
        for case, number in zip(GOLDEN, ours, strict=True)
        if number != pytest.approx(case["expected"][THEIRS[part]], abs=1e-5)
    }
    assert differ == {each for several in OTHERWISE[part].values() for each in several}


@pytest.mark.parametrize("name", ["videoseg_r1/rl", "videoseg_r1/mini"])
def test_it_is_certified(name: str, capsys: pytest.CaptureFixture[str]):
    world = [f"data.{split}={{use: lab, level: moments}}" for split in ("train", "eval")]
    given = [*filled(name), *(world if name == "videoseg_r1/rl" else [])]
    assert main(["reward", "certify", name, "-n", "4", *given]) == 0, capsys.readouterr().out[-2000:]

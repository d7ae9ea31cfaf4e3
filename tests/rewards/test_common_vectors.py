"""The published rewards' own numbers, as the mended ones give them; where these differ, the reason stands beside it."""

from typing import Any

import numpy as np
import pytest

from framework.chat.grammar import Grammar
from framework.config import typed
from framework.reward import Reward
from framework.rubric import Rubric
from framework.types import (
    Action,
    Answer,
    Drawn,
    Episode,
    Failure,
    Malformed,
    NotApplicable,
    Observation,
    Stop,
    Task,
    Truth,
    Turn,
    Video,
)
from framework.vision import masks
from framework.vision.boxes import Box, Interval, Point
from rewards import REWARDS

# ---- VideoSEG-O3: masks ----------------------------------------------------------------------------------------------

SIDE = 20
CLIP = Video("clip", length=2, width=SIDE, height=SIDE)
FILLED = Truth(present=(True, True), masks={frame: masks.pack(np.ones((SIDE, SIDE), bool)) for frame in range(2)})


def reward(use: str, **settings: Any) -> Reward:
    return typed(REWARDS[use], settings)


def worth(reward: Reward, episode: Episode) -> float | None:
    """What an episode earns by this reward alone, shape and failures counted."""
    [earned] = Rubric({"it": reward}).score([episode])
    return earned.terms["it"]


def turn(text: str = "[SEG]", parsed: Any = None, drawn: Drawn | None = None) -> Turn:
    return Turn(Observation(("?",)), Action(text, parsed or Malformed("")), drawn)


def drew(*ious: tuple[float, float]) -> Episode:
    """Turns whose masks have these IoUs with the true ones, on a frame and on the keyframe."""

    def mask(iou: float) -> masks.AnyMask:
        return masks.pack(np.arange(SIDE**2).reshape(SIDE, SIDE) < round(iou * SIDE**2))

    turns = [turn(drawn=Drawn(frames={0: mask(a)}, keyframe=1, on_keyframe=mask(b))) for a, b in ious]
    return Episode(task=Task(id="t", question="?", video=CLIP, truth=FILLED), turns=tuple(turns), stop=Stop.TURNS)


@pytest.mark.parametrize(("iou", "value"), [(0.2, -1), (0.21, 0), (0.4, 0), (0.5, 0.3), (0.9, 1.5), (1.0, 1.5)])
def test_mask_iou_frame_by_frame(iou: float, value: float) -> None:
    shaped = reward("mask_iou", per_frame=[[0.2, -1], [0.2, 0], [0.4, 0], [0.9, 1.5]])
    assert worth(shaped, drew((iou, 0))) == pytest.approx(value)


PROGRESS = [[-0.05, -1], [-0.05, 0], [0.05, 0], [0.05, 0.5], [0.1, 0.5], [0.25, 2]]


@pytest.mark.parametrize(
    ("delta", "value"), [(-0.2, -1), (-0.06, -1), (-0.04, 0), (0.04, 0), (0.06, 0.5), (0.11, 0.6), (0.6, 2)]
)
def test_progress_on_the_keyframe(delta: float, value: float) -> None:
    """As run, 0.5 was the most: the branch above it was overwritten."""
    shaped = reward("progress", of={"use": "mask_iou", "where": "keyframe"}, shape=PROGRESS)
    assert worth(shaped, drew((0, 0.3), (0, 0.3 + delta))) == pytest.approx(value)


MARGIN = [[-0.05, -1], [-0.05, 0], [0.1, 0], [0.1, 0.5], [0.2, 0.5], [0.5, 2]]


@pytest.mark.parametrize(("delta", "value"), [(-0.06, -1), (0.04, 0), (0.11, 0.5), (0.25, 0.75), (0.6, 2)])
def test_keyframe_against_the_other_frames(delta: float, value: float) -> None:
    assert worth(reward("keyframe_margin", shape=MARGIN), drew((0, 0), (0.3, 0.3 + delta))) == pytest.approx(value)


def squares(shift: int | None, true: bool = True) -> Episode:
    """A 40 × 40 square in 100 × 100 pixels, and what was drawn of it; None draws nothing."""
    video = Video("clip", length=1, width=100, height=100)
    known, seen = np.zeros((2, 100, 100), bool)
    known[30:70, 30:70] = true
    if shift is not None:
        seen[30:70, 30 + shift : 70 + shift] = True
    truth = Truth(present=(True,), masks={0: masks.encode(known)})
    drawn = Drawn(frames={0: masks.encode(seen)})
    return Episode(
        task=Task(id="t", question="?", video=video, truth=truth), turns=(turn(drawn=drawn),), stop=Stop.TURNS
    )


@pytest.mark.parametrize(
    ("episode", "iou", "contour"),
    [
        (squares(1), 0.9512, 1.0),
        (squares(3), 0.8605, 0.525),
        (squares(None, true=False), 1, 1),
        (squares(None), 0, 0),
        (squares(0, true=False), 0, 0),
    ],
)
def test_j_and_f_of_shifted_squares(episode: Episode, iou: float, contour: float) -> None:
    found = [reward(use)([episode])[0] for use in ("mask_iou", "contour_accuracy", "j_and_f")]
    assert found == pytest.approx([iou, contour, (iou + contour) / 2], abs=1e-4)


# ---- VideoSEG-O3: time -----------------------------------------------------------------------------------------------

TEN = Video("clip", length=10, width=100, height=100)
SEEN = Truth(present=tuple(3 <= frame <= 5 for frame in range(10)), interval=Interval(3, 5))
NOWHERE = Truth(present=(False,) * 10)
PRECISION = [[0.5, -0.5], [0.5, 0.25], [1, 0.5]]


def answered(start: int, end: int, keyframe: int = 4, truth: Truth = SEEN) -> Episode:
    """The answer of an interval without its end, as VideoSEG-O3 says it."""
    text = f'<answer>{{"start": {start}, "end": {end}, "keyframe": {keyframe}}}</answer>'
    parsed = Grammar(half_open=True, clamp=True).parse(text, TEN.length, lambda frame: TEN.space(frame or 0))
    task = Task(id="t", question="?", video=TEN, truth=truth)
    return Episode(task=task, turns=(turn(text, parsed),), stop=Stop.ANSWERED)


@pytest.mark.parametrize(("start", "end", "value"), [(3, 6, 0.5), (3, 4, 0.5), (0, 10, -0.5), (4, 4, -0.5)])
def test_temporal_precision(start: int, end: int, value: float) -> None:
    precision = reward("interval_precision", truth="present", shape=PRECISION)
    assert worth(precision, answered(start, end)) == pytest.approx(value, abs=1e-5)


def test_one_right_frame_is_no_interval() -> None:
    """As run, precision was called IoU, and one frame earned the most."""
    iou = reward("interval_iou", truth="present", shape=PRECISION)
    found = [worth(iou, answered(start, end)) for start, end in ((3, 6), (3, 4), (0, 10))]
    assert found == pytest.approx([0.5, -0.5, -0.5])


@pytest.mark.parametrize(("keyframe", "value"), [(4, 1), (9, -1), (100, -1)])
def test_keyframe_is_where_the_target_is(keyframe: int, value: float) -> None:
    assert worth(reward("keyframe_hit", shape=[[0, -1], [1, 1]]), answered(3, 6, keyframe)) == value


@pytest.mark.parametrize("use", ["interval_precision", "keyframe_hit"])
def test_where_there_is_no_target_nothing_is_measured(use: str) -> None:
    """As run, any interval earned the most, and no keyframe anything."""
    settings = {"truth": "present"} if use == "interval_precision" else {}
    [found] = reward(use, **settings)([answered(3, 6, truth=NOWHERE)])
    assert isinstance(found, NotApplicable)


# ---- VideoSEG-O3: form -----------------------------------------------------------------------------------------------

THINK = "<think>Step 1: a car. Step 2: red. Step 3: it turns. Action: answer.</think>"
PLACE = '<VTG>{"start": 3, "end": 6, "keyframe": 4}</VTG>'
DRAWS = "<RefSeg>[SEG]</RefSeg>"
ACTS = f"<answer>{PLACE}, {DRAWS}</answer>"
SELECTS = f"<select>{PLACE}, {DRAWS}</select>"
FORM = {
    "strict_format": {},
    "answered": {},
    "well_formed": {},
    "tags_per_turn": {"tags": ["<VTG>", "</VTG>", "<RefSeg>[SEG]</RefSeg>"]},
}


def spoken(*texts: str) -> Episode:
    grammar = Grammar(half_open=True, vtg=True)
    parsed = [grammar.parse(text, TEN.length, lambda frame: TEN.space(frame or 0)) for text in texts]
    stop = Stop.ANSWERED if isinstance(parsed[-1], Answer) else Stop.TURNS
    turns = tuple(turn(text, each) for text, each in zip(texts, parsed, strict=True))
    return Episode(task=Task(id="t", question="?", video=TEN, truth=SEEN), turns=turns, stop=stop)


@pytest.mark.parametrize(
    ("said", "fails"),
    [
        (THINK + ACTS, ()),
        (THINK + SELECTS, ("answered",)),
        (THINK + ACTS + SELECTS, ("strict_format", "tags_per_turn", "well_formed", "answered")),
        (THINK + ACTS.replace("[SEG]", "[SEG][SEG]"), ("tags_per_turn",)),
        ("junk " + THINK + ACTS, ("strict_format",)),
        (THINK + ACTS.replace('"start": 3', '"start": 8'), ("well_formed", "answered")),
        (THINK + ACTS.replace("RefSeg", "RefVOS"), ("tags_per_turn",)),
    ],
)
def test_form_says_which_part_of_it_fails(said: str, fails: tuple[str, ...]) -> None:
    """As run, all but the last of these earned 1."""
    found = {use: reward(use, **settings)([spoken(said)])[0] for use, settings in FORM.items()}
    assert {use for use, value in found.items() if value != 1} == set(fails)


def test_steps_are_whole_words() -> None:
    """As run, 0.75: step 12 was taken for step 1, and interaction for action."""
    steps = reward("step_keywords")
    assert steps([spoken("<think>step 12 step 3 interaction</think>" + ACTS)]) == [0.25]
    assert steps([spoken(THINK + ACTS)]) == [1.0]


# ---- VideoSeg-R1 and VisionReasoner ----------------------------------------------------------------------------------

IMAGE = Video("image", length=1, width=840, height=840)


def truth(count: int = 1) -> Truth:
    space = IMAGE.space(0)
    boxes = tuple(Box(100 + 300 * at, 100, 300 + 300 * at, 300, space) for at in range(count))
    points = tuple(Point(200.0 + 300 * at, 200.0, space) for at in range(count))
    return Truth(present=(bool(count),), boxes={0: boxes}, points={0: points})


def objects(answer: str, known: Truth) -> Episode:
    text = f"<think>The red one.</think>\n<answer>{answer}</answer>"
    parsed = Grammar(intervals=False).parse(text, 1, lambda frame: IMAGE.space(frame or 0))
    task = Task(id="t", question="?", video=IMAGE, truth=known)
    return Episode(task=task, turns=(turn(text, parsed),), stop=Stop.ANSWERED)


RIGHT = '{"bbox_2d": [100, 100, 300, 300], "point_2d": [200, 200]}'
SPURIOUS = '{"bbox_2d": [600, 600, 700, 700], "point_2d": [650, 650]}'


@pytest.mark.parametrize(
    ("answer", "known", "schema", "matched"),
    [
        (f"[{RIGHT}]", truth(), 1, 3),
        (RIGHT, truth(), 1, 3),  # as run 0: not a list
        ("[]", truth(), 0, 0),
        ("[]", truth(0), 1, 3),  # as run 0: no reward for a right "nothing"
        (f"[{RIGHT}, {SPURIOUS}]", truth(), 1, 1.5),
        (f"[{RIGHT}]", truth(2), 1, 1.5),
        ('[{"bbox_2d": [100, 100, 300, 300]}]', truth(), 0.5, 2),  # as run 0: a missing key voided it all
        (f"```json\n[{RIGHT}]\n```", truth(), 0, 0),
        ('[{"bbox_2d": [300, 300, 100, 100], "point_2d": [200, 200]}]', truth(), 0.5, 0),  # as run of the right form
        (f'[{RIGHT[:-1]}, "why": 1}}]', truth(), 1, 3),
        ('[{"bbox_2d": [100, 100, 300, 300], "point_2d": [230, 200]}]', truth(), 1, 2),  # at 30 pixels, not below
        ('[{"bbox_2d": [100, 100, 300, 300], "point_2d": [229, 200]}]', truth(), 1, 3),
    ],
)
def test_objects_are_matched(answer: str, known: Truth, schema: float, matched: float) -> None:
    episode = objects(answer, known)
    assert [worth(reward(use), episode) for use in ("answer_schema", "matched")] == pytest.approx([schema, matched])


@pytest.mark.parametrize(("repeats", "value"), [(0, 1), (1, 1), (2, 0), (3, 0)])
def test_a_sentence_may_be_said_again_once(repeats: int, value: float) -> None:
    assert reward("non_repetition")([spoken("It turns left. " * (1 + repeats) + "Box 3.5 and 3.5.")]) == [value]


@pytest.mark.parametrize(("distance", "value"), [(0, 0), (1, 1), (40, 1), (41, 0)])
def test_a_negative_point_lies_beside_its_object_and_near(distance: int, value: float) -> None:
    dense = np.zeros((840, 840), bool)
    dense[100:300, 100:300] = True
    known = Truth(present=(True,), boxes=truth().boxes, masks={0: masks.pack(dense)})
    beside = f'[{{"bbox_2d": [100, 100, 300, 300], "neg_point_2d": [{299 + distance}, 200]}}]'
    assert worth(reward("negative_point"), objects(beside, known)) == value


@pytest.mark.parametrize(("over", "factor"), [(-20, 1), (0, 1), (50, 0.5), (100, 0), (150, 0)])
def test_thought_over_its_budget(over: int, factor: float) -> None:
    """Half is left 1/2β tokens over the budget and nothing 1/β over it; the paper's formula falls below 0."""
    said = Action("", Answer(text="yes"), tokens=200, thought=60 + over)
    task = Task(id="t", question="?", video=IMAGE, truth=Truth(answer="yes"))
    episode = Episode(task=task, turns=(Turn(Observation(("?",)), said),), stop=Stop.ANSWERED)
    rubric = Rubric({"right": reward("exact_answer", weight=6), "length": reward("soft_length")})
    assert rubric.score([episode])[0].total == pytest.approx(6 * factor)


def test_failures_are_words_not_numbers() -> None:
    found: list[float | Failure] = [*reward("matched")([objects("…", truth())])]
    assert isinstance(found[0], Malformed)

"""The golden vectors were made by executing the reference code; here they go through whole episodes."""

import json
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.types import (
    Action,
    Drawn,
    Episode,
    Failure,
    Malformed,
    NotApplicable,
    Observation,
    Packed,
    Picture,
    Stop,
    Task,
    Truth,
    Turn,
    Video,
)
from framework.vision import masks
from framework.vision.boxes import Box, Point
from rewards import videoseg_o3, vision_reasoner, vtg
from rewards.published import VideoSegO3, VisionReasoner
from rewards.videoseg_o3 import Played
from rewards.vision_reasoner import Objects, accuracy_parts

GOLDEN = Path(__file__).parents[1] / "golden"
R1 = json.loads((GOLDEN / "r1_rewards.json").read_text())["cases"]
O3 = json.loads((GOLDEN / "o3_rewards.json").read_text())["cases"]
SIDE = 100


def episode(task: Task, said: list[str], drawn: list[Drawn | None] | None = None) -> Episode:
    turns = zip(said, drawn or [None] * len(said), strict=True)
    played = tuple(Turn(Observation(()), Action(text, Malformed("unread")), each) for text, each in turns)
    return Episode(task=task, turns=played, stop=Stop.MALFORMED)


# ---- VisionReasoner --------------------------------------------------------------------------------------------------


def asked(case: dict[str, Any]) -> Episode:
    video = Video("image", length=1, width=840, height=840)
    space = video.space(0)
    boxes = tuple(Box(*each["bbox_2d"], space=space) for each in case["truth"])
    points = tuple(Point(*each["point_2d"], space=space) for each in case["truth"])
    task = Task(id=case["id"], question="?", video=video, truth=Truth(boxes={0: boxes}, points={0: points}))
    return episode(task, [case["reply"]])


@pytest.mark.parametrize("term", vision_reasoner.TERMS)
def test_vision_reasoner_earns_what_the_reference_gave(term: vision_reasoner.Term) -> None:
    earned = VisionReasoner(term=term)([asked(case) for case in R1])
    assert earned == pytest.approx([case["expected"][term] for case in R1], abs=1e-5)


def test_the_three_parts_of_accuracy_are_the_references() -> None:
    told = [case for case in R1 if case["expected"]["accuracy_parts"]]
    for case in told:
        true = Objects(
            np.array([each["bbox_2d"] for each in case["truth"]]),
            np.array([each["point_2d"] for each in case["truth"]]),
        )
        parts = dict(zip(("box_iou", "box_l1", "point"), accuracy_parts(case["reply"], true), strict=True))
        assert parts == pytest.approx(case["expected"]["accuracy_parts"], abs=1e-5), case["id"]
    assert len(told) > 100


# ---- VideoSEG-O3 -----------------------------------------------------------------------------------------------------

FULL = masks.pack(np.ones((SIDE, SIDE), bool))


@cache
def painted(iou: float) -> Packed:
    """A mask that overlaps the full one so much: of 100 × 100 pixels an IoU of four decimals is exact."""
    pixels = round(iou * SIDE * SIDE)
    assert pixels / (SIDE * SIDE) == pytest.approx(iou, abs=1e-12)
    return masks.pack((np.arange(SIDE * SIDE) < pixels).reshape(SIDE, SIDE))


def drawing(ious: list[float], keyframe: float | None) -> Drawn | None:
    if keyframe is None and ious and not any(ious):
        return None
    frames = {frame: painted(iou) for frame, iou in enumerate(ious)}
    if keyframe is None:
        return Drawn(frames=frames)
    return Drawn(frames=frames, keyframe=0, on_keyframe=painted(keyframe))


def watched(case: dict[str, Any]) -> Episode:
    video = Video("clip", length=max(len(case["present"]), 8), width=SIDE, height=SIDE)
    truth = Truth(present=tuple(map(bool, case["present"])), masks={frame: FULL for frame in range(8)})
    drawn = [drawing(*each) for each in zip(case["frame_ious"], case["keyframe_ious"], strict=True)]
    return episode(Task(id=case["id"], question="?", video=video, truth=truth), case["turns"], drawn)


EPISODES = {case["id"]: watched(case) for case in O3}
NOT_TO_BE_DRAWN = {("mr_progressive_maskiou", f"delta-{number}") for number in ("029", "031", "033")}
"""Knife edges at an IoU of 0.7000000000000001, which no two masks of this size have."""


@pytest.mark.parametrize("term", videoseg_o3.TERMS)
def test_videoseg_o3_earns_what_the_reference_gave(term: videoseg_o3.Term) -> None:
    cases = [case for case in O3 if (term, case["id"]) not in NOT_TO_BE_DRAWN]
    earned = VideoSegO3(term=term)([EPISODES[case["id"]] for case in cases])
    agree(term, cases, earned)


@pytest.mark.parametrize("term", videoseg_o3.TERMS)
def test_videoseg_o3_computes_as_the_reference_does(term: videoseg_o3.Term) -> None:
    agree(term, O3, [videoseg_o3.TERMS[term][0](told(case)) for case in O3])


def told(case: dict[str, Any]) -> Played:
    keyframes = [iou or 0.0 for iou in case["keyframe_ious"]]
    return Played(case["turns"], [bool(each) for each in case["present"]], case["frame_ious"], keyframes)


def agree(term: videoseg_o3.Term, cases: list[dict[str, Any]], earned: Sequence[float | Failure]) -> None:
    _, low, high = videoseg_o3.TERMS[term]
    for case, value in zip(cases, earned, strict=True):
        expected = case["expected"][term]
        if isinstance(expected, dict):
            assert isinstance(value, Malformed | NotApplicable), case["id"]
        else:
            assert value == pytest.approx(expected, abs=1e-5), case["id"]
            assert low <= expected <= high


def test_all_terms_are_there() -> None:
    assert set(get_args(videoseg_o3.Term)) == set(videoseg_o3.TERMS) == set(O3[0]["expected"])
    assert len(videoseg_o3.TERMS) == 25
    assert set(get_args(vision_reasoner.Term)) == set(vision_reasoner.TERMS)


CLIP = Video("clip", length=2, width=SIDE, height=SIDE)
NOTHING = masks.pack(np.zeros((SIDE, SIDE), bool))


def one_turn(truth: Truth, drawn: Drawn | None) -> Episode:
    return episode(Task(id="t", question="?", video=CLIP, truth=truth), ["[SEG]"], [drawn])


def test_nothing_drawn_where_nothing_is_pays_on_frames_but_not_on_the_keyframe() -> None:
    away = Truth(present=(False, True), masks={1: FULL})
    blank = Drawn(frames={0: NOTHING}, keyframe=0, on_keyframe=NOTHING)
    assert VideoSegO3(term="simple_lr_maskiou")([one_turn(away, blank)]) == [1.0]
    assert VideoSegO3(term="lr_keyframeiou_dense")([one_turn(away, blank)]) == [-1.0]


def test_what_is_not_known_to_be_there_is_left_out() -> None:
    half_known = Truth(masks={1: FULL})
    both = Drawn(frames={0: FULL, 1: painted(0.5)})
    assert VideoSegO3(term="simple_lr_maskiou")([one_turn(half_known, both)]) == [0.5]
    assert VideoSegO3(term="simple_lr_maskiou")([one_turn(Truth(), both)]) == [
        NotApplicable("the task has no true mask")
    ]


def test_what_nobody_annotated_is_neither_there_nor_away() -> None:
    """Frames 0 and 3 of four are annotated."""
    guessing = Truth(present=(True, True, False, False), masks={0: FULL, 3: NOTHING})
    astray = Drawn(frames={2: NOTHING}, keyframe=1, on_keyframe=painted(0.5))
    partly = Drawn(frames={0: painted(0.5), 2: NOTHING})
    unknown = NotApplicable("what is on the frames that were drawn on is not known")
    for drawn, clip, keyframe in ((astray, unknown, unknown), (partly, 0.5, -1.0)):
        assert VideoSegO3(term="simple_lr_maskiou")([one_turn(guessing, drawn)]) == [clip]
        assert VideoSegO3(term="lr_keyframeiou_dense")([one_turn(guessing, drawn)]) == [keyframe]


def test_masks_of_another_size_are_compared_at_the_true_ones() -> None:
    small = masks.pack(np.arange(100).reshape(10, 10) < 30)
    assert VideoSegO3(term="simple_lr_maskiou")([one_turn(Truth(masks={0: FULL}), Drawn(frames={0: small}))]) == [0.3]


def test_the_frame_that_is_spoken_of_is_the_one_shown_last_even_if_the_reply_is_no_action_here() -> None:
    clip = Video("clip", length=3, width=840, height=840)
    boxes = [Box(0, 0, 50, 50, clip.space(0)), Box(100, 100, 150, 150, clip.space(1))]
    truth = Truth(
        present=(True, True, False),
        boxes={frame: (box,) for frame, box in enumerate(boxes)},
        points={frame: (box.centre,) for frame, box in enumerate(boxes)},
    )
    task = Task(id="t", question="?", video=clip, truth=truth)
    said = '<answer>[{"bbox_2d": [100, 100, 150, 150], "point_2d": [125, 125]}]</answer> or so <answer>'
    for shown, earned in ((0, 0.0), (1, 3.0), (2, 0.0)):
        seen = Observation((Picture(clip, shown, (840, 840)),))
        turn = Turn(seen, Action(said, Malformed("<answer> is never closed")))
        assert VisionReasoner(term="accuracy")([Episode(task=task, turns=(turn,), stop=Stop.MALFORMED)]) == [earned]


def test_a_task_without_boxes_or_points_is_no_task_for_vision_reasoner() -> None:
    right = asked(R1[0])
    bare = replace(right, task=replace(right.task, truth=Truth()))
    boxes = replace(right, task=replace(right.task, truth=replace(right.task.truth, points={})))
    assert VisionReasoner(term="format")([bare, boxes]) == [R1[0]["expected"]["format"]] * 2
    assert VisionReasoner()([bare, boxes]) == [
        NotApplicable("the task has no true box"),
        NotApplicable("the task has no true point to each true box"),
    ]


def test_true_boxes_are_counted_in_the_pixels_the_reply_speaks_of() -> None:
    large = Video("image", length=1, width=1680, height=420)
    space = large.space(0)
    truth = Truth(boxes={0: (Box(200, 50, 400, 100, space),)}, points={0: (Point(300, 75, space),)})
    said = '<answer>[{"bbox_2d": [100, 100, 200, 200], "point_2d": [150, 150]}]</answer>'
    assert VisionReasoner(term="accuracy")([episode(Task(id="t", question="?", video=large, truth=truth), [said])]) == [
        3
    ]


# ---- reading in linear time means what the patterns mean -------------------------------------------------------------

PIECES = (
    "<think> </think> <answer> </answer> <select> </select> <VTG> </VTG> <RefSeg> </RefSeg> [SEG] x <THINK> </tHink> ."
)
SOUP = st.lists(
    st.sampled_from([*PIECES.split(), '{"start": 0, "end": 2, "keyframe": 1}', " ", "\n"]), max_size=14
).map("".join)
FOLLOWS = r"<think>.*?</think>\s*<(answer|select)>(.*?)</\1>"


@settings(max_examples=300)
@given(SOUP)
def test_blocks_are_found_as_by_the_plain_patterns(text: str) -> None:
    turn = Played([text], [True, True])
    first, alone = re.match(FOLLOWS, text, re.DOTALL), r"<think>.*?</think>\s*<answer>.*?</answer>"
    assert videoseg_o3.TERMS["think_select_format"][0](turn) == bool(first)
    assert videoseg_o3.TERMS["think_format"][0](turn) == bool(re.match(alone, text, re.DOTALL))
    assert vision_reasoner.thinking_format(text) == bool(re.fullmatch(alone, text, re.DOTALL))
    found = re.search(FOLLOWS, text, re.DOTALL)
    inside = [re.search(f"<{tag}>(.*?)</{tag}>", found[2], re.DOTALL) for tag in ("VTG", "RefSeg")] if found else []
    strict = bool(inside and all(inside)) and "start" in inside[0][1] and "[SEG]" in inside[1][1]  # type: ignore[index]
    if not strict or re.fullmatch(r"\s*\{[^{}]*\}\s*", inside[0][1]):  # type: ignore[index]
        assert videoseg_o3.TERMS["strict_format_cot"][0](turn) == (1 if strict else -1)
    places = re.findall(r"<(select|answer)>.*?<VTG>(.*?)</VTG>.*?</\1>", text, re.DOTALL)
    assert vtg.last_place(text) == (places[-1][1] if places else None)
    thought = re.search(r"<think>(.*?)</think>", text, re.DOTALL | re.IGNORECASE)
    assert vtg.thought(text) == (thought[1] if thought else None)


ENDLESS = (
    "<think>",
    "<think></think><answer>",
    "<answer><VTG></VTG>",
    "<select><VTG></VTG></answer>",
    "</think> ",
    ".",
)
NESTED = ("<answer>[[", '<answer>{"', "<VTG>(", "<answer>" + " " * 60, "<select><answer>", "<THINK>")


@pytest.mark.parametrize("piece", ENDLESS + NESTED)
def test_a_megabyte_of_anything_is_read_at_once(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    before = time.process_time()
    for said in (text, f"<think></think><answer><VTG>{text}</VTG></answer>"):
        for term in videoseg_o3.TERMS:
            VideoSegO3(term=term)([episode(EPISODES["valid-000"].task, [said])])
        for of in vision_reasoner.TERMS:
            VisionReasoner(term=of)([episode(asked(R1[0]).task, [said])])
    assert time.process_time() - before < 5

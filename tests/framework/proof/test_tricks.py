"""Each trick does what its name says, in words that the rules can read."""

import pytest

from envs.keyframes import Keyframes
from framework.lab.world import World
from framework.proof.case import Case
from framework.proof.hand import Hand, by_hand
from framework.proof.tricks import MEGABYTE, TRICKS, beside, better
from framework.types import Drawn, Episode, Stop
from framework.vision import masks, overlap
from framework.vision.boxes import Interval

CASE = Case.of(World(level="moments").task(0), Keyframes(), "<think>There.</think>{action}")
TRUTH = CASE.task.truth


def played(name: str) -> Episode:
    episode = TRICKS[name].make(CASE, "right")
    assert episode
    return episode


def drawings(episode: Episode | None) -> list[Drawn]:
    assert episode
    return [turn.drawn for turn in episode.turns if turn.drawn]


def on_keyframes(episode: Episode | None) -> list[float]:
    """The IoU on each turn's keyframe."""
    found = [(each.on_keyframe, TRUTH.masks[each.keyframe or 0]) for each in drawings(episode)]
    return overlap.iou([said for said, _ in found if said], [true for _, true in found], 1.0).tolist()


@pytest.mark.parametrize(
    ("hand", "iou"), [("right", 1.0), ("half", 0.5), ("most", 0.56), ("wrong", 0.0), ("spoiled", None), ("all", None)]
)
def test_a_hand_draws_as_well_as_it_says(hand: Hand, iou: float | None) -> None:
    true = next(iter(TRUTH.masks.values()))
    got = overlap.iou([by_hand(true, hand)], [true], 1.0).tolist()[0]
    assert got == pytest.approx(masks.area(true) / 64**2 if hand == "all" else iou or 0.0, abs=0.01)


def test_the_expert_is_right() -> None:
    assert CASE.gold.stop is Stop.ANSWERED
    assert TRUTH.present[CASE.keyframe]
    assert not TRUTH.present[CASE.elsewhen]
    answer = CASE.known("wrong")[-1]
    assert answer != CASE.answer


def test_time_is_said_as_named() -> None:
    every, one = played("all_frames").answer, played("one_frame").answer
    assert every
    assert every.interval == Interval(0, CASE.task.video.length - 1)
    assert one
    assert one.interval == Interval(CASE.keyframe, CASE.keyframe)
    assert every.items == CASE.answer.items


def test_the_whole_picture_is_said() -> None:
    answer = played("whole_image").answer
    assert answer
    assert answer.items[0].box
    assert answer.items[0].box.to(CASE.task.video.space(CASE.keyframe)).corners == (0, 0, 64, 64)
    assert answer.keyframe == CASE.answer.keyframe


def test_nothing_is_said_of_a_frame_without_the_target() -> None:
    answer = played("looks_away").answer
    assert answer
    assert answer.keyframe == CASE.elsewhen
    assert answer.items[0].box
    assert answer.items[0].box.area == 0


def test_replies_are_emptied_repeated_and_lengthened() -> None:
    gold = [turn.said.text for turn in CASE.gold.turns]
    assert [turn.said.text for turn in played("empty").turns] == [""]
    assert played("repeated_answer").turns[0].said.text.count(gold[0]) == 5
    assert played("junk_before").turns[-1].said.text.endswith(gold[-1])
    assert CASE.task.question in played("copied_prompt").turns[0].said.text
    assert MEGABYTE - 100 < len(played("megabyte").turns[0].said.text) <= MEGABYTE


def test_one_who_never_answers_runs_out_of_turns() -> None:
    assert played("never_answers").stop is Stop.TURNS


def test_masks_are_drawn_as_named() -> None:
    assert {masks.area(mask) for each in drawings(played("union_of_masks")) for mask in each.frames.values()} == {64**2}
    assert on_keyframes(played("spoiled_frames")) == [1.0, 1.0]
    assert on_keyframes(played("bad_first")) == [0.0, 1.0] == on_keyframes(better(CASE))
    assert on_keyframes(played("barely_better")) == pytest.approx([0.5, 0.56], abs=0.01)


def test_what_cannot_be_cheated_about_is_not_tried() -> None:
    assert TRICKS["empty_answer"].make(CASE, "right") is None
    still = Case.of(World(level="still").task(0), Keyframes(max_turns=1), "{action}")
    assert TRICKS["never_answers"].make(still, "right") is None
    assert TRICKS["bad_first"].make(still, "right") is None


def test_a_point_is_named_beside_the_object() -> None:
    episode = beside(CASE)
    assert episode
    assert episode.answer
    [point] = episode.answer.items[0].negatives
    there = point.to(CASE.task.video.space(CASE.keyframe))
    assert not masks.decode(TRUTH.masks[CASE.keyframe])[int(there.y), int(there.x)]

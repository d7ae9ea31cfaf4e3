from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.config import ConfigError, typed
from framework.reward import TurnReward
from framework.rubric import Rubric
from framework.testing import check_reward
from framework.types import (
    Action,
    Broken,
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
from rewards.progress import KeyframeMargin, Progress

SIDE = 20
CLIP = Video("clip", length=2, width=SIDE, height=SIDE)
TRUTH = Truth(present=(True, True), masks={frame: masks.pack(np.ones((SIDE, SIDE), bool)) for frame in range(2)})


def drawn(iou: float | None) -> masks.AnyMask | None:
    """A mask that has this IoU with the true one, which fills the frame."""
    return None if iou is None else masks.pack(np.arange(SIDE**2).reshape(SIDE, SIDE) < round(iou * SIDE**2))


def drew(*turns: tuple[float | None, float | None]) -> Episode:
    """Turns that drew this well on the other frames and on the keyframe."""
    made = [
        Drawn(frames={} if (mask := drawn(frame)) is None else {0: mask}, keyframe=1, on_keyframe=drawn(keyframe))
        for frame, keyframe in turns
    ]
    said = tuple(Turn(Observation(("?",)), Action("[SEG]", Malformed("")), each) for each in made)
    return Episode(task=Task(id="t", question="?", video=CLIP, truth=TRUTH), turns=said, stop=Stop.TURNS)


class Gives(TurnReward):
    turns: tuple[tuple[float | str, ...], ...] = ()

    def of_turns(self, episodes: Sequence[Episode]) -> list[list[float | Failure]]:
        failures: dict[str, Failure] = {"malformed": Malformed("m"), "not": NotApplicable("n"), "broken": Broken("b")}
        return [[failures[each] if isinstance(each, str) else each for each in turns] for turns in self.turns]


@pytest.mark.parametrize(
    ("turns", "best", "mean"),
    [
        ((0.25, 0.5, 1.0), 0.5, 0.625),
        ((0.75, 0.25, 0.5), -0.25, 0.0),
        ((1.0,), 0.0, 0.0),
        ((), Malformed("nothing was said"), Malformed("nothing was said")),
        ((0.5, "malformed"), Malformed("m"), Malformed("m")),
        (("malformed", 0.5), 0.0, 0.0),
        (("not", 0.25, 0.5), 0.25, 0.25),
        ((0.5, "broken", 1.0), Broken("b"), Broken("b")),
    ],
)
def test_progress_is_the_last_turn_less_the_earlier(
    turns: tuple[float | str, ...], best: float | Failure, mean: float | Failure
) -> None:
    episodes = [drew((0.5, 0.5))]
    assert Progress(of=Gives(turns=(turns,)))(episodes) == [best]
    assert Progress(of=Gives(turns=(turns,)), less="mean")(episodes) == [mean]


def test_masks_that_become_better_from_turn_to_turn() -> None:
    episode = drew((0.5, 0.1), (0.25, 0.3), (0.75, 0.2))
    assert Progress()([episode]) == [0.25]
    of = typed(Progress, {"of": {"use": "mask_iou", "where": "keyframe"}, "less": "mean"})
    assert of([episode]) == pytest.approx([0.0])


def test_a_keyframe_is_held_against_the_other_frames_of_its_turn() -> None:
    assert KeyframeMargin().of_turns([drew((0.5, 0.9), (0.5, 0.75), (0.5, 0.25))]) == [[0.0, 0.25, -0.25]]
    assert KeyframeMargin()([drew((0.5, 0.9)), drew((0.5, 0.9), (0.25, 0.75))]) == [0.0, 0.5]
    nothing = Malformed("nothing was drawn")
    assert KeyframeMargin()([drew((1, 1), (None, 0.5)), drew((1, 1), (0.5, None))]) == [nothing, nothing]


def o3(tree: dict[str, object], *turns: tuple[float | None, float | None]) -> float | None:
    part = typed(
        Progress if tree["use"] == "progress" else KeyframeMargin, {k: v for k, v in tree.items() if k != "use"}
    )
    return Rubric({"part": part}).score([drew(*turns)])[0].total


PROGRESS = {
    "use": "progress",
    "of": {"use": "mask_iou", "where": "keyframe", "undrawn": 0},
    "shape": [[-0.05, -1], [-0.05, 0], [0.05, 0], [0.05, 0.5], [0.1, 0.5], [0.25, 2]],
}
MARGIN = {
    "use": "keyframe_margin",
    "of": {"use": "mask_iou", "undrawn": 0},
    "shape": [[-0.05, -1], [-0.05, 0], [0.1, 0], [0.1, 0.5], [0.2, 0.5], [0.5, 2]],
}


@pytest.mark.parametrize(
    ("gained", "counts"), [(-0.2, -1), (-0.06, -1), (-0.04, 0), (0.04, 0), (0.06, 0.5), (0.11, 0.6), (0.6, 2)]
)
def test_progress_as_videoseg_o3_must_have_meant_it(gained: float, counts: float) -> None:
    assert o3(PROGRESS, (1, 0.1), (1, 0.25), (1, 0.25 + gained)) == pytest.approx(counts)


@pytest.mark.parametrize(("margin", "counts"), [(-0.06, -1), (0.04, 0), (0.11, 0.5), (0.25, 0.75), (0.6, 2)])
def test_the_keyframes_margin_as_videoseg_o3_must_have_meant_it(margin: float, counts: float) -> None:
    assert o3(MARGIN, (1, 0), (0.25, 0.25 + margin)) == pytest.approx(counts)


def test_drawing_nothing_at_the_end_does_not_escape_what_a_poor_mask_costs() -> None:
    assert o3(PROGRESS, (1, 0.5), (None, None)) == -1
    assert o3(MARGIN, (1, 0.5), (0.5, None)) == -1


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"of": "box_iou"}, "of: BoxIoU will not do; there are: .*mask_iou"),
        ({"of": {"use": "mask_iou", "weight": 2}}, "of.weight: has no meaning for a reward within another"),
        ({"of": {"use": "mask_iou", "over_turns": "mean"}}, "of.over_turns: has no meaning"),
        ({"of": {"use": "mask_iuo"}}, "of.use: no reward 'mask_iuo'; did you mean 'mask_iou'?"),
        ({"less": "worst"}, "less: 'worst' will not do; it should be 'best' or 'mean'"),
    ],
)
def test_settings_that_cannot_be_are_told(tree: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        typed(Progress, tree)


def test_a_printed_progress_can_be_read_back() -> None:
    reward = typed(Progress, {k: v for k, v in PROGRESS.items() if k != "use"})
    printed = reward.model_dump(mode="json")
    assert printed.pop("use") == "progress"
    assert typed(Progress, printed) == reward


shares = st.none() | st.floats(0, 1)


@given(st.lists(st.lists(st.tuples(shares, shares), min_size=1, max_size=4), max_size=4))
def test_progress_lies_between_minus_one_and_one(turns: list[list[tuple[float | None, float | None]]]) -> None:
    episodes = [drew(*each) for each in turns]
    for reward in (Progress(), Progress(less="mean"), KeyframeMargin(), KeyframeMargin(over_turns="mean")):
        check_reward(reward, episodes, low=-1, high=1)

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from framework.rubric import Rubric
from framework.testing import check_reward
from framework.types import (
    Action,
    AnyMask,
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
from framework.vision import masks, metrics
from framework.vision import overlap as masks_overlap
from rewards.mask import ContourAccuracy, JAndF, MaskIoU, MaskReward
from rewards.published import VideoSegO3

SIDE = 10
CLIP = Video("clip", length=6, width=SIDE, height=SIDE)
SEEN = (True, True, True, True, False, False)
ALL: Sequence[type[MaskReward]] = (MaskIoU, ContourAccuracy, JAndF)
O3 = ((0.2, -1.0), (0.2, 0.0), (0.4, 0.0), (0.9, 1.5))
"""What VideoSEG-O3 counts a frame's IoU as."""


def first(pixels: int) -> NDArray[np.bool_]:
    """A mask of the first pixels."""
    return np.arange(SIDE * SIDE).reshape(SIDE, SIDE) < pixels


FULL = Truth(present=SEEN, masks={frame: masks.encode(first(100)) for frame in range(4)})


def drew(*turns: Drawn | None, truth: Truth = FULL) -> Episode:
    said = tuple(Turn(Observation(("?",)), Action("[SEG]", Malformed("")), drawn) for drawn in turns)
    return Episode(task=Task(id="t", question="?", video=CLIP, truth=truth), turns=said, stop=Stop.TURNS)


def frames(areas: Mapping[int, int], store: Callable[[NDArray[np.bool_]], AnyMask] = masks.pack) -> Drawn:
    return Drawn(frames={frame: store(first(area)) for frame, area in areas.items()})


def large(frame: int, area: int) -> Drawn:
    return Drawn(keyframe=frame, on_keyframe=masks.pack(first(area)))


@pytest.mark.parametrize("store", [masks.pack, masks.encode])
def test_a_turn_has_the_mean_over_its_frames(store: Callable[[NDArray[np.bool_]], AnyMask]) -> None:
    episodes = [
        drew(frames({0: 20, 1: 100}, store)),
        drew(frames({0: 50}, store), frames({0: 30, 1: 60, 2: 90}, store)),
        drew(frames({0: 10}, store), truth=Truth(masks={0: masks.pack(first(40))})),
    ]
    assert [pytest.approx(each) for each in MaskIoU().of_turns(episodes)] == [[0.6], [0.5, 0.6], [0.25]]
    assert MaskIoU(over_turns="mean")(episodes) == pytest.approx([0.6, 0.55, 0.25])


@pytest.mark.parametrize(
    ("area", "counts"), [(20, -1.0), (21, 0.0), (40, 0.0), (50, 0.3), (90, 1.5), (100, 1.5), (0, -1.0)]
)
def test_a_frame_may_count_by_a_shape_before_the_mean(area: int, counts: float) -> None:
    assert MaskIoU(per_frame=O3)([drew(frames({0: area}))]) == pytest.approx([counts])
    assert MaskIoU(per_frame=O3)([drew(frames({0: area, 1: 50}))]) == pytest.approx([(counts + 0.3) / 2])


def test_the_keyframe_alone() -> None:
    both = Drawn(frames={0: masks.pack(first(10))}, keyframe=2, on_keyframe=masks.pack(first(70)))
    turns = [drew(both, large(3, 20)), drew(frames({0: 10}))]
    assert MaskIoU(where="keyframe").of_turns(turns) == [[0.7, 0.2], [Malformed("nothing was drawn")]]


def test_where_there_is_no_target_nothing_is_to_be_drawn() -> None:
    episodes = [drew(frames({4: 0})), drew(frames({4: 1}))]
    for reward in ALL:
        assert reward()(episodes) == [1.0, 0.0]
        assert reward(both_empty=0.5)(episodes) == [0.5, 0.0]
    nowhere = Truth(present=(False,) * 6)
    assert MaskIoU()([drew(frames({0: 0, 3: 7}), truth=nowhere)]) == [0.5]


def test_a_keyframe_without_target_counts_nothing_or_it_would_pay_to_look_there() -> None:
    for reward in ALL:
        assert reward(where="keyframe")([drew(large(5, 0)), drew(large(5, 1))]) == [0.0, 0.0]
        assert reward(where="keyframe", both_empty=1)([drew(large(5, 0))]) == [1.0]


def test_a_frame_of_unknown_truth_is_left_out() -> None:
    sparse = Truth(present=SEEN, masks={0: masks.pack(first(100))})
    episodes = [drew(frames({0: 40, 1: 90}), truth=sparse), drew(frames({1: 90}), truth=sparse)]
    unknown = NotApplicable("what is on the frames that were drawn on is not known")
    assert MaskIoU()(episodes) == [0.4, unknown]
    assert MaskIoU()([drew(frames({0: 1}), truth=Truth(masks=sparse.masks)), drew(frames({0: 1, 9: 4}))]) == [
        0.01,
        0.01,
    ]


def test_that_nothing_is_on_a_frame_which_nobody_annotated_is_a_guess() -> None:
    annotated = {0: masks.pack(first(100)), 4: masks.pack(first(0))}
    guessing = Truth(present=(True, False, False, False, False, False), masks=annotated)
    assert MaskIoU()([drew(frames({0: 40, 3: 0}), truth=guessing), drew(frames({4: 0}), truth=guessing)]) == [0.4, 1.0]


def test_a_turn_that_draws_nothing_is_malformed_or_counts_what_the_recipe_says() -> None:
    episodes = [drew(None), drew(Drawn()), drew(frames({0: 30}), None), drew()]
    nothing = Malformed("nothing was drawn")
    assert MaskIoU()(episodes) == [nothing, nothing, nothing, Malformed("nothing was said")]
    assert MaskIoU(undrawn=-1)(episodes[:3]) == [-1, -1, -1]
    assert MaskIoU(over_turns="most")(episodes[2:3]) == [0.3]


def test_a_task_without_true_masks_has_nothing_to_be_measured() -> None:
    for truth in (Truth(), Truth(present=SEEN)):
        assert MaskIoU()([drew(frames({0: 30}), truth=truth)]) == [NotApplicable("the task has no true mask")]


def test_a_mask_is_compared_at_the_true_ones_size() -> None:
    small = masks.encode(np.ones((5, 5), bool) & (np.arange(5) < 2))
    wide = Truth(masks={0: masks.encode(np.arange(SIDE) < np.full((SIDE, 1), 6))})
    assert MaskIoU()([drew(Drawn(frames={0: small}), truth=wide)]) == pytest.approx([4 / 6])


def test_masks_of_a_batch_are_measured_once_for_all_rewards(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[int] = []

    def counted(said: Sequence[AnyMask], true: Sequence[AnyMask], both_empty: float) -> NDArray[np.float64]:
        measured.append(len(said))
        return overlap(said, true, both_empty)

    overlap = masks_overlap.iou
    monkeypatch.setattr(masks_overlap, "iou", counted)
    rewards = {
        "mask": MaskIoU(),
        "shaped": MaskIoU(per_frame=O3),
        "both": JAndF(),
        "dense": VideoSegO3(term="lr_maskiou_dense"),
    }
    Rubric(rewards).score([drew(frames({0: 20, 1: 60}), frames({0: 30}))])
    assert measured == [3]


def test_what_is_paid_turn_by_turn_is_the_mean() -> None:
    row = Rubric({"mask": MaskIoU(over_turns="mean", paid="turn")}).score([drew(frames({0: 20}), frames({0: 60}))])[0]
    assert row.turns == {"mask": pytest.approx((0.1, 0.3))}


masked = st.tuples(st.integers(0, 5), arrays(bool, (SIDE, SIDE)), st.sampled_from([masks.pack, masks.encode]))
drawn = st.none() | st.builds(
    lambda some, key: Drawn(
        frames={frame: store(pixels) for frame, pixels, store in some}, keyframe=key[0], on_keyframe=key[2](key[1])
    ),
    st.lists(masked, max_size=3),
    masked,
)
truths = st.builds(
    lambda some, present: Truth(present=present, masks={frame: store(pixels) for frame, pixels, store in some}),
    st.lists(masked, max_size=4),
    st.just(()) | st.just(SEEN) | st.just((False,) * 6),
)


@given(st.lists(st.tuples(st.lists(drawn, max_size=3), truths), max_size=3), st.sampled_from(["frames", "keyframe"]))
def test_numbers_about_masks_are_shares(played: list[tuple[list[Drawn | None], Truth]], where: str) -> None:
    episodes = [drew(*turns, truth=truth) for turns, truth in played if turns]
    for reward in ALL:
        check_reward(reward.model_validate({"where": where}), episodes, low=0, high=1)


@given(st.lists(st.tuples(arrays(bool, (SIDE, SIDE)), arrays(bool, (SIDE, SIDE))), min_size=1, max_size=5))
def test_numbers_about_masks_are_those_of_their_pixels(
    pairs: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]],
) -> None:
    episode = drew(
        Drawn(frames={frame: masks.encode(pred) for frame, (pred, _) in enumerate(pairs)}),
        truth=Truth(masks={frame: masks.pack(true) for frame, (_, true) in enumerate(pairs)}),
    )
    exact = metrics.j_and_f(*(np.stack(side) for side in zip(*pairs, strict=True)))
    found: list[float | Failure] = [reward()([episode])[0] for reward in ALL]
    assert found == pytest.approx([exact.j, exact.f, exact.mean])

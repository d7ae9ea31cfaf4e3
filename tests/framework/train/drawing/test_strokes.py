"""Which tokens draw, in which turn, and where they stand; letters stand for ids."""

from typing import Any

import pytest
import torch

from framework.drawing import Canvas, Sitting, write
from framework.errors import TrainError
from framework.lab.world import World
from framework.train.drawing.strokes import Strokes
from framework.types import Mask

SEG = ord("*")
VIDEO = World(level="glance", split="eval", count=1).task(0).video
NOTHING = Mask((VIDEO.width * VIDEO.height,), VIDEO.width, VIDEO.height)


def sitting(turns: int) -> Sitting:
    return Sitting(VIDEO, tuple(Canvas((0, 3), number, {0: NOTHING}) for number in range(turns)))


def batch(*rows: tuple[str, str], turns: int = 3, **more: Any) -> dict[str, Any]:
    """Prompt and response; what the policy said of it stands in capitals or is a star."""
    ids = [torch.tensor([ord(letter) for letter in prompt + response]) for prompt, response in rows]
    masks = [torch.tensor([int(letter.isupper() or letter == "*") for letter in response]) for _, response in rows]
    return {
        "input_ids": torch.nested.as_nested_tensor(ids, layout=torch.jagged),
        "response_mask": torch.nested.as_nested_tensor(masks, layout=torch.jagged),
        "extra_fields": [{"sitting": write(sitting(turns))} for _ in rows],
        **more,
    }


def found(strokes: Strokes) -> list[tuple[int, int, int]]:
    return [(stroke.row, stroke.column, stroke.turn) for stroke in strokes.each]


def test_a_turn_is_a_run_of_what_was_said():
    assert found(Strokes.of(batch(("ab", "SAY*cdA**")), SEG)) == [(0, 5, 0), (0, 9, 1), (0, 10, 1)]


def test_what_was_shown_and_not_said_draws_nothing():
    data = batch(("a*b", "SAY*"))
    data["response_mask"].values()[:] = 0
    assert found(Strokes.of(data, SEG)) == []
    assert found(Strokes.of(batch(("a*b", "SAY*")), SEG)) == [(0, 6, 0)]


def test_rows_of_any_length_keep_their_own():
    strokes = Strokes.of(batch(("ab", "A"), ("abcd", "*b*"), ("a", "B*")), SEG)
    assert found(strokes) == [(1, 4, 0), (1, 6, 1), (2, 2, 0)]
    assert strokes.end_to_end().tolist() == [3 + 4, 3 + 6, 3 + 7 + 2]
    assert strokes.padded(9).tolist() == [9 + 4, 9 + 6, 18 + 2]


def test_each_token_has_its_turns_frames_and_the_keyframe_last():
    strokes = Strokes.of(batch(("a", "*b**")), SEG)
    assert [(place.of, place.spot[1], place.large) for place in strokes.places] == [
        *((0, 0, False), (0, 3, False), (0, 0, True)),
        *((1, 0, False), (1, 3, False), (1, 1, True)),
        *((2, 0, False), (2, 3, False), (2, 1, True)),
    ]
    assert strokes.large.tolist() == [2, 5, 8]


def test_only_tokens_of_which_something_is_known_are_counted():
    """Frame 0 is known, and is the keyframe of the first turn alone."""
    assert Strokes.of(batch(("a", "*b**")), SEG).counts.tolist() == [3, 1]
    assert Strokes.of(batch(("a", "A")), SEG).counts.tolist() == [0, 0]


def test_a_lesson_brings_its_sitting_along_and_its_mask_speaks_of_the_whole_row():
    data = batch(("ab", "A*cB*"))
    mask = torch.tensor([0, 0, 1, 1, 0, 1, 1])
    data["loss_mask"] = torch.nested.as_nested_tensor([mask], layout=torch.jagged)
    del data["response_mask"], data["extra_fields"]
    assert found(Strokes.of(data | {"sitting": [sitting(2)]}, SEG)) == [(0, 3, 0), (0, 6, 1)]


def test_a_token_of_a_turn_of_which_nothing_is_known_is_an_error():
    with pytest.raises(TrainError, match="turn 1"):
        Strokes.of(batch(("a", "*b*"), turns=1), SEG)
    lost = batch(("a", "A"), ("a", "b"))
    lost["extra_fields"] = [{}, {}]
    assert found(Strokes.of(lost, SEG)) == []

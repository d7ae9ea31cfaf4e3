import asyncio
from pathlib import Path
from typing import Any

import pytest

from envs.keyframes import Keyframes
from framework.config import typed
from framework.data.conversations import conversation
from framework.drawing import Drawing, Sitting, sitting, told
from framework.env import Sight
from framework.errors import ConfigError
from framework.lab.world import World
from framework.policy import Scripted
from framework.recipe import find_recipe
from framework.rollout import play
from framework.train.settings import overrides
from framework.types import Task
from framework.vision import masks

TASK = World(level="glance", split="eval", count=4).task(0)
RULES = Keyframes(max_turns=3, sight=Sight(unit=8, coordinates=32))
DRAWING = typed(Drawing, {"decoder": "conv", "frames": 3})


def sat(*lines: str, task: Task = TASK, drawing: Drawing = DRAWING) -> Sitting:
    return sitting(asyncio.run(play(task, RULES, Scripted(*lines))), drawing)


def look(keyframe: int) -> str:
    return f'<select>{{"start": 0, "end": 5, "keyframe": {keyframe}}}</select>'


def test_a_turn_draws_on_what_the_turn_before_it_selected_and_the_first_on_the_middle():
    there = sat(look(1), look(5), '<answer>{"keyframe": 0}</answer>')
    assert [turn.keyframe for turn in there.turns] == [TASK.video.length // 2, 1, 5]
    assert {turn.frames for turn in there.turns} == {(0, 2, 5)}


def test_an_answer_draws_on_the_frame_it_names_where_that_is_what_counts():
    names = DRAWING.model_copy(update={"keyframe": "answer"})
    there = sat(look(1), look(5), '<answer>{"keyframe": 0}</answer>', drawing=names)
    assert [turn.keyframe for turn in there.turns] == [TASK.video.length // 2, 1, 0]


def test_a_frame_without_the_target_is_known_to_be_empty():
    [turn] = sat('<answer>{"keyframe": 0}</answer>').turns
    for frame in (*turn.frames, turn.keyframe):
        assert bool(masks.area(turn.truth[frame])) == TASK.truth.present[frame]
        assert (turn.truth[frame].width, turn.truth[frame].height) == (TASK.video.width, TASK.video.height)


def test_of_what_nobody_knows_nothing_is_learned():
    from dataclasses import replace

    from framework.types import Truth

    [turn] = sat('<answer>{"keyframe": 0}</answer>', task=replace(TASK, truth=Truth())).turns
    assert turn.truth == {}


@pytest.mark.parametrize("change", ["algorithm.resample_settled=true", "cluster.sequence_parallel=2"])
def test_what_does_not_go_with_drawing_is_refused(change: str):
    with pytest.raises(ConfigError, match=f"{change.partition('=')[0]}: .* where the policy draws"):
        find_recipe("quickstart", ["drawing.decoder=conv", change])


def test_a_game_must_draw_by_the_token_that_draws():
    changes = ["drawing.decoder=conv", "env.grammar.draws='[SEG]'", "drawing.token='[MASK]'"]
    with pytest.raises(ConfigError, match=r"drawing\.token: is '\[MASK\]', and env\.grammar\.draws is '\[SEG\]'"):
        find_recipe("quickstart", changes)


def test_an_unknown_decoder_is_told_what_there_is():
    with pytest.raises(ConfigError, match=r"decoder.*no decoder 'cnov'; did you mean 'conv'\?"):
        typed(Drawing, {"decoder": "cnov"})


def test_a_lesson_draws_on_what_the_episode_it_was_made_of_drew_on():
    lines = f"{look(1)}[SEG]", '<answer>{"keyframe": 0}</answer>[SEG]'
    episode = asyncio.run(play(TASK, RULES, Scripted(*lines)))
    lesson, game = told(conversation(episode, "", "[SEG]", 3)), sitting(episode, DRAWING)
    assert lesson.video == game.video
    for one, other in zip(lesson.turns, game.turns, strict=True):
        assert (one.frames, one.keyframe) == (other.frames, other.keyframe)
        assert {frame: masks.as_runs(mask) for frame, mask in one.truth.items()} == {
            frame: masks.as_runs(mask) for frame, mask in other.truth.items()
        }


def test_a_reply_that_draws_nothing_has_nothing_to_draw_on():
    episode = asyncio.run(play(TASK, RULES, Scripted(look(1), '<answer>{"keyframe": 0}</answer>[SEG]')))
    first, second = told(conversation(episode, "", "[SEG]", 3)).turns
    assert (first.frames, first.truth) == ((), {})
    assert second.keyframe == 1


@pytest.mark.parametrize(
    ("calibration", "loss"),
    [({"weight": 0}, "gspo"), ({"weight": 1}, "drawn_gspo"), ({"weight": 1, "where": "logit"}, "gspo")],
)
def test_the_calibration_goes_by_verls_table_of_losses(calibration: dict[str, Any], loss: str):
    changes = ["algorithm.loss=gspo", *(f"drawing.calibration.{key}={value}" for key, value in calibration.items())]
    recipe = find_recipe("quickstart", ["drawing.decoder=conv", *changes])
    assert overrides(recipe, Path("run"), "model")["actor_rollout_ref.actor.policy_loss.loss_mode"] == loss

"""The miniature: its clips force one to look, its words are few, its game, player, rewards and tables fit together."""

import asyncio

import numpy as np
import pytest

from framework.ablation import plan
from framework.cli import main
from framework.data.conversations import Conversation
from framework.drawing import lesson
from framework.lab.players import PLAYERS
from framework.reasoners import pen
from framework.reasoners.recital import recite
from framework.reasoners.voice import Voice
from framework.recipe import find_recipe
from framework.rollout import play
from framework.testing import check_env
from framework.types import Episode, Role, Stop
from framework.vision import masks
from framework.vision.frames import pixels

UNTAUGHT = "reasoner.grounding=0"
MINI = find_recipe("videoseg_o3/mini", [UNTAUGHT])
TASKS = [MINI.data.train.task(index) for index in range(24)]


@pytest.fixture(scope="module")
def voice() -> Voice:
    return MINI.reasoner.voice()


@pytest.fixture(scope="module")
def episodes() -> list[Episode]:
    """As the cold start's player plays."""
    return [asyncio.run(play(task, MINI.env, PLAYERS["exact"](task, MINI.env, 0))) for task in TASKS]


def told(episode: Episode) -> Conversation:
    return lesson(episode, MINI.env, MINI.drawing)


def test_it_plays_the_papers_game_for_the_papers_rewards():
    rl = find_recipe("videoseg_o3/rl", ["reasoner.path=given", "data.root=given"])
    assert MINI.rewards == rl.rewards
    assert MINI.env.grammar == rl.env.grammar
    assert MINI.env.max_turns == rl.env.max_turns
    assert MINI.drawing
    assert rl.drawing
    assert MINI.drawing.calibration == rl.drawing.calibration
    assert MINI.drawing.loss == rl.drawing.loss


def test_who_looks_before_it_answers_is_imitated_in_two_turns_and_in_three(episodes: list[Episode]):
    assert {episode.stop for episode in episodes} == {Stop.ANSWERED}
    assert {len(episode.turns) for episode in episodes} == {2, 3}


def test_some_who_have_not_seen_it_answer_all_the_same_and_say_so():
    def last(number: int) -> str:
        task = MINI.data.train.task(number)
        return asyncio.run(play(task, MINI.env, PLAYERS["exact"](task, MINI.env, 0))).turns[-1].said.text

    unseen = [reply for reply in map(last, range(120)) if "cannot be told yet" in reply]
    assert 0 < len(unseen) < 15
    assert all("Action: answer" in reply for reply in unseen)


def test_a_reply_is_short_and_a_demonstration_has_room(episodes: list[Episode], voice: Voice):
    for episode in episodes:
        tokens, _ = recite(told(episode), voice, MINI.rollout)
        assert max(span.count for span in tokens.spans if span.said) <= MINI.rollout.reply_tokens


def test_the_token_that_draws_is_one_and_every_reply_has_it_once(episodes: list[Episode], voice: Voice):
    assert MINI.drawing
    token = pen.token(voice, MINI.drawing)
    for episode in episodes:
        assert [voice.write(turn.said.text).count(token) for turn in episode.turns] == [1] * len(episode.turns)
        replies = [message for message in told(episode).messages if message.role == "assistant"]
        assert all(message.draws and message.draws.keyframe is not None for message in replies)


def test_the_overview_shows_one_colour_a_frame_and_the_keyframe_shows_where(episodes: list[Episode]):
    for episode in episodes[:4]:
        for picture in (picture for turn in episode.turns for picture in turn.seen.pictures):
            colours = {tuple(colour) for colour in pixels(picture).reshape(-1, 3).tolist()}
            assert (len(colours) == 1) == (picture.role is not Role.KEYFRAME)


def test_on_most_frames_the_target_is_not_alone_and_words_do_not_tell_the_pen_which_one_it_is():
    from framework.reasoners.conv_decoder import outlined
    from framework.vision.frames import frame

    alone = list[bool]()
    for task in TASKS:
        for number, mask in task.truth.masks.items():
            off = outlined(frame(task.video, number))[..., 0] > 0
            true = masks.decode(mask)
            assert off[true].all()
            alone.append(bool((off == true).all()))
    assert np.mean(alone) < 0.3


def test_the_game_keeps_what_every_game_promises():
    check_env(MINI.env, TASKS[0])


def test_its_rewards_cannot_be_fooled(capsys: pytest.CaptureFixture[str]):
    assert main(["reward", "certify", "videoseg_o3/mini", UNTAUGHT]) == 0, capsys.readouterr().out[-2000:]


def test_a_step_of_it_is_played_dry(capsys: pytest.CaptureFixture[str]):
    assert main(["dry", "videoseg_o3/mini", "-n", "8", "--policy", "exact", UNTAUGHT]) == 0
    assert "8 answered" in capsys.readouterr().out


def test_variants_share_what_they_have_in_common(tmp_path):  # pyright: ignore
    tables = plan.read("videoseg_o3/mini").tables
    trials = plan.trials("videoseg_o3/mini", [UNTAUGHT], tables, tmp_path)
    jobs = plan.jobs(trials)
    count = {stage: sum(job.stage == stage for job in jobs) for stage in ("cold_start", "rl", "eval")}
    # Three seeds; then one for each number of turns but three, and one without thoughts.
    assert count == {"cold_start": 3 + 2 + 1, "rl": 12 + 2 + 2 + 1, "eval": 12 + 2 + 2 + 1}

import asyncio
from dataclasses import replace

from envs.locate import Locate
from framework.lab.world import World
from framework.policy import Scripted
from framework.rollout import play
from framework.testing import check_env
from framework.types import Focus
from framework.vision.boxes import Interval

TASK = World(level="moments", count=1).task(0)
SEEN = sorted(TASK.truth.boxes)


def test_the_interval_is_asked_of_the_frames_that_matter_so_far():
    rest = Interval(SEEN[1], TASK.video.length - 1)
    episode = check_env(Locate(), replace(TASK, focus=Focus(segment=rest)))
    assert [picture.frame for picture in episode.turns[0].seen.pictures] == list(rest.frames)
    assert episode.answer
    assert episode.answer.interval == Interval(SEEN[1], SEEN[-1])


def test_the_position_is_a_percentage():
    episode = check_env(Locate(asked="position"), TASK)
    assert episode.answer
    assert 0 <= int(episode.answer.text) <= 100


def test_what_cannot_be_read_is_asked_for_again():
    rules = Locate(max_turns=2, on_malformed="ask_again")
    episode = asyncio.run(play(TASK, rules, Scripted("early on", '<answer>{"start": 1, "end": 2}</answer>')))
    assert episode.turns[1].seen.text.startswith("That could not be read: no action")
    assert episode.answer
    assert episode.answer.interval == Interval(1, 2)


def test_the_prompt_holds_the_question():
    episode = check_env(Locate(prompt="When can one see this: {question}?\n"), TASK)
    assert episode.turns[0].seen.text.startswith(f"When can one see this: {TASK.question}?\n")


def test_where_the_target_is_not_all_of_the_segment_is_said_or_its_middle():
    nowhere = min(set(range(TASK.video.length)) - set(SEEN))
    empty = replace(TASK, focus=Focus(segment=Interval(nowhere, nowhere)))
    when, where = (check_env(Locate(asked=asked), empty).answer for asked in ("interval", "position"))
    assert when
    assert when.interval == Interval(nowhere, nowhere)
    assert where
    assert where.text == "50"

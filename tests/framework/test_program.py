import asyncio

from envs.single_turn import SingleTurn
from framework.policy import Policy, Scripted
from framework.program import ask, mean_interval
from framework.types import Task, Video
from framework.vision.boxes import Interval

TASK = Task(id="t", question="When?", video=Video("clip", length=100, width=64, height=64))
LINES = ('<answer>{"start": 10, "end": 20}</answer>', '<answer>{"start": 20, "end": 40}</answer>', "no idea")


def policies():
    lines = iter(LINES)

    def policy() -> Policy:
        return Scripted(next(lines))

    return policy


def test_a_program_asks_n_times_and_takes_the_mean_of_what_parses() -> None:
    episodes = asyncio.run(ask(TASK, SingleTurn(), policies(), 3))
    assert mean_interval(episodes) == Interval(15, 30)


def test_no_reply_that_parses_is_no_interval() -> None:
    episodes = asyncio.run(ask(TASK, SingleTurn(), lambda: Scripted("?"), 2))
    assert mean_interval(episodes) is None

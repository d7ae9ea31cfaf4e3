import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from envs.by_dataset import ByDataset
from envs.keyframes import Keyframes
from envs.single_turn import SingleTurn
from envs.zoom import Zooming
from framework.chat.grammar import Grammar
from framework.config import typed
from framework.env import Env, Rules, expert_of
from framework.errors import ConfigError, UserError
from framework.policy import Scripted
from framework.rollout import play
from framework.types import Action, Episode, Malformed, Observation, Past, Reply, Stop, Task, Video

TASK = Task(id="t", question="Where?", video=Video("clip", length=8, width=64, height=64))
NOTHING = Malformed("no action; say one of <select>…</select>, <answer>…</answer>")
SELECT = '<select>{"start": 2, "end": 5, "keyframe": 3}</select>'
ANSWER = '<answer>{"keyframe": 3, "bbox_2d": [0, 0, 500, 500]}</answer>'


def episode(rules: Rules, *lines: str) -> Episode:
    return asyncio.run(play(TASK, rules, Scripted(*lines)))


def test_an_episode_that_answers() -> None:
    played = episode(Keyframes(), SELECT, ANSWER)
    assert played.stop is Stop.ANSWERED
    assert [turn.said.text for turn in played.turns] == [SELECT, ANSWER]
    assert played.answer is not None


def test_turns_run_out() -> None:
    played = episode(Keyframes(max_turns=2), SELECT)
    assert (played.stop, len(played.turns)) == (Stop.TURNS, 2)


def test_a_malformed_reply_ends_or_is_asked_again_as_the_recipe_says() -> None:
    assert episode(Keyframes(), "hm").stop is Stop.MALFORMED
    again = episode(Keyframes(on_malformed="ask_again"), "hm", ANSWER)
    assert again.stop is Stop.ANSWERED
    assert "no action" in again.turns[1].seen.text


def test_the_last_turn_can_be_forced_to_answer() -> None:
    played = episode(Keyframes(max_turns=2, force_answer=True), SELECT, ANSWER)
    assert played.turns[1].seen.text.endswith("Answer now.\n")


@pytest.mark.parametrize(
    "rules",
    [
        SingleTurn(max_turns=2, force_answer=True, on_malformed="ask_again"),
        Zooming(max_turns=2, force_answer=True, on_malformed="ask_again"),
        Zooming(max_turns=2, force_answer=True, inner=Keyframes()),
        ByDataset(others=Keyframes(max_turns=2, force_answer=True)),
    ],
)
def test_any_game_can_force_the_answer(rules: Rules) -> None:
    told = "hm" if rules.on_malformed == "ask_again" else SELECT
    played = episode(rules, told)
    assert [turn.seen.text.count("Answer now.\n") for turn in played.turns] == [0, 1]


def test_a_task_is_played_by_the_rules_of_its_own_game() -> None:
    short = Keyframes(max_turns=2, on_malformed="ask_again", grammar=Grammar(ends=("from", "to")))
    rules = ByDataset(system="Look.", of={"t": short}, others=SingleTurn())
    assert episode(rules, SELECT.replace("start", "from").replace("end", "to")).stop is Stop.TURNS
    assert [turn.said.parsed for turn in episode(rules, "hm", "hm").turns] == [NOTHING, NOTHING]
    assert rules.game(TASK).system == "Look."
    around = Zooming(max_turns=2, on_malformed="ask_again", inner=rules.model_copy(update={"system": ""}))
    assert episode(around, SELECT.replace("start", "from").replace("end", "to")).stop is Stop.TURNS


def test_a_cut_reply_ends_for_its_length() -> None:
    class Rambling:
        async def act(self, past: Past, seen: Observation) -> Reply:
            return Reply("<think>…", cut_off=True)

    played = asyncio.run(play(TASK, Keyframes(), Rambling()))
    assert (played.stop, played.turns[0].said.cut_off) == (Stop.LENGTH, True)


class Trap(Rules):
    """Fails where it is told to."""

    at: str = "step"
    how: str = "raise"
    deadline_s: float = 0.05

    def make(self, task: Task) -> Env:
        if self.at == "make":
            raise KeyError("no such clip")
        return TrapGame(self)


closed: list[str] = []


class TrapGame:
    def __init__(self, rules: Trap) -> None:
        self.rules = rules

    async def do(self, what: str) -> Observation:
        if what == self.rules.at and self.rules.how == "raise":
            raise KeyError("no such clip")
        if what == self.rules.at:
            await asyncio.sleep(60)
        return Observation(("look",))

    async def start(self) -> Observation:
        return await self.do("start")

    async def step(self, action: Action) -> Observation:
        return await self.do("step")

    async def close(self) -> None:
        closed.append(self.rules.at)
        await self.do("close")


@pytest.mark.parametrize("at", ["make", "start", "step", "close"])
def test_an_env_that_raises_is_an_error_that_says_so(at: str) -> None:
    closed.clear()
    played = episode(Trap(at=at), ANSWER)
    assert played.stop is Stop.ERROR
    assert played.error == f"Trap.{at} raised KeyError: 'no such clip'"
    assert closed == ([] if at == "make" else [at])
    assert len(played.turns) == (0 if at in {"make", "start"} else 1 if at == "step" else 3)


@pytest.mark.parametrize("at", ["start", "step", "close"])
def test_an_env_that_hangs_meets_its_deadline(at: str) -> None:
    closed.clear()
    played = episode(Trap(at=at, how="hang"), ANSWER)
    assert played.error == f"Trap.{at} took longer than 0.05 s (env.deadline_s)"
    assert closed == [at]


def test_what_was_said_before_a_failure_is_kept() -> None:
    assert [turn.said.text for turn in episode(Trap(at="step"), ANSWER).turns] == [ANSWER]


class Wrong(Rules):
    def make(self, task: Task) -> Env:
        class Game:
            async def start(self) -> Observation:
                return "look"  # type: ignore[return-value]

            async def step(self, action: Action) -> Observation:
                raise AssertionError

            async def close(self) -> None: ...

        return Game()


def test_an_env_that_returns_something_else_is_told() -> None:
    assert episode(Wrong(), ANSWER).error == "Wrong.start must return Observation, not str"


def test_a_policy_that_raises_is_not_hidden_and_the_env_is_closed() -> None:
    class Failing:
        async def act(self, past: Past, seen: Observation) -> Reply:
            raise ConnectionError("server is gone")

    closed.clear()
    with pytest.raises(ConnectionError, match="server is gone"):
        asyncio.run(play(TASK, Trap(at="never"), Failing()))
    assert closed == ["never"]


def test_an_episode_is_the_same_each_time() -> None:
    assert episode(Keyframes(), SELECT, ANSWER) == episode(Keyframes(), SELECT, ANSWER)
    assert replace(episode(Keyframes(), ANSWER), stop=Stop.TURNS) != episode(Keyframes(), ANSWER)


class Odd(Rules):
    """Makes what is no game, or shows what is no picture."""

    makes: str = ""
    content: object = ("look",)

    def make(self, task: Task) -> Env:
        return cast(Env, {"nothing": None, "late": Late()}.get(self.makes, Shows(self.content)))


class Late:
    def start(self) -> Observation:
        return Observation(("look",))

    step = close = start


class Shows:
    def __init__(self, content: object) -> None:
        self.content = content

    async def start(self) -> Observation:
        return Observation(cast(tuple[str], self.content))

    async def step(self, action: Action) -> Observation:
        return Observation((), done=True)

    async def close(self) -> None: ...


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (Odd(makes="nothing"), "Odd.make gave a NoneType without start, step, close"),
        (Odd(makes="late"), "Odd.close must be `async def close`"),
        (Odd(content="look"), "Odd.start must show texts and Pictures, as Observation((text, picture)), not 'look'"),
        (Odd(content=(7,)), "Odd.start must show texts and Pictures, as Observation((text, picture)), not 7"),
    ],
)
def test_what_is_no_game_and_no_observation_is_told(rules: Rules, said: str) -> None:
    assert episode(rules, ANSWER).error == said


class Guessing(Keyframes):
    def expert(self, task: Task) -> Any:
        return "guess"


def test_an_expert_that_is_no_policy_is_told() -> None:
    with pytest.raises(UserError, match=r"^Guessing\.expert, task t: gave 'guess'; give a policy"):
        expert_of(Guessing(), TASK)


@pytest.mark.parametrize("rules", [Rules, Keyframes, SingleTurn, Zooming])
def test_no_game_is_without_a_turn(rules: type[Rules]) -> None:
    with pytest.raises(ConfigError, match=r"^max_turns: 0 will not do; it should be at least 1"):
        typed(rules, {"max_turns": 0})

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from framework.config import Fault, typed
from framework.rubric import Rubric
from framework.testing import check_reward
from framework.types import (
    Action,
    Answer,
    Broken,
    Episode,
    Malformed,
    NotApplicable,
    Observation,
    Stop,
    Task,
    Truth,
    Turn,
    Video,
)
from rewards.answer import ExactAnswer
from rewards.judge import Judge, score

Serve = Callable[[Callable[[Any, dict[str, Any]], Any]], Any]


def said(answer: str | None, truth: str = "a red car", task: str = "t", text: str = "") -> Episode:
    parsed = Malformed("…") if answer is None else Answer(text=answer)
    turn = Turn(Observation(("?",)), Action(text or f"<answer>{answer}</answer>", parsed))
    asked = Task(id=task, question="What {answer} is it?", video=Video("clip", 1, 8, 8), truth=Truth(answer=truth))
    return Episode(task=asked, turns=(turn,), stop=Stop.ANSWERED)


@pytest.fixture
def judge(tmp_path: Path) -> Callable[..., Judge]:
    def make(url: str, **settings: Any) -> Judge:
        endpoint = {"url": url, "model": "m", "retries": 1, "pause_s": 0.01, "cache": str(tmp_path / "asked")}
        return typed(Judge, {"endpoint": endpoint} | settings)

    return make


def content(asked: dict[str, Any]) -> str:
    return asked["messages"][0]["content"]


def strict(request: Any, asked: dict[str, Any]) -> None:
    """A judge that wants the very words."""
    answer = content(asked).split("----------\n")[1].strip()
    request.say(f"It says {len(answer)} letters.\nScore: {float(answer == 'a red car')}")


def test_it_gives_what_the_model_says(judge: Callable[..., Judge], serve: Serve) -> None:
    with serve(strict) as served:
        episodes = [said("a red car"), said("a blue car"), said("a red car", task="u")]
        assert check_reward(judge(served.url), episodes, 0, 1) == [1, 0, 1]
        assert len(served.asked) == 2
        assert "Question: What {answer} is it?\nTrue answer: a red car\n" in content(served.asked[0])


def test_nobody_is_asked_about_nothing(judge: Callable[..., Judge], serve: Serve) -> None:
    with serve(strict) as served:
        found = judge(served.url)([said(" "), said("x" * 4001), said(None), said("a car", truth="")])
        assert not served.asked
    assert found[:2] == [0, 0]
    assert isinstance(found[2], Malformed)
    assert isinstance(found[3], NotApplicable)


def test_a_judge_that_is_down_or_babbles_is_broken_and_its_group_is_dropped(
    judge: Callable[..., Judge], serve: Serve
) -> None:
    def babbles(request: Any, asked: dict[str, Any]) -> None:
        request.say("well, well" if "blue" in content(asked) else "Score: 1")

    with serve(babbles) as served:
        rubric = Rubric({"exact": ExactAnswer(), "judge": judge(served.url)})
        earned = rubric.score([said("a red car"), said("a blue car"), said("a red car", task="u")])
    assert [each.total for each in earned] == [None, None, 2]
    assert earned[1].failures["judge"] == Broken("m said 'well, well'")
    [down] = judge(served.url)([said("a green car")])
    assert isinstance(down, Broken)
    assert served.url in down.reason


def test_what_is_asked_is_the_recipes_to_say(judge: Callable[..., Judge], serve: Serve) -> None:
    asks = 'How {"calm"} is {reply}? As {truth} for {answer}?'
    with serve(lambda request, _: request.say("0.25")) as served:
        assert judge(served.url, prompt=asks)([said("{truth}", text="\ud800<b>")]) == [0.25]
        assert content(served.asked[0]) == 'How {"calm"} is ?<b>? As a red car for {truth}?'
        free = judge(served.url, prompt="Is {reply} polite?")
        assert free([said(None, truth="", text="Thank you.")]) == [0.25]


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        ("Score: 0.8", 0.8),
        ("**Score:** 1", 1.0),
        ("Score: 0.7.", 0.7),
        ("score = 3/4 overall", 0.75),
        ("A score of 1 is too much.\nScore: 0.5", 0.5),
        ("0", 0.0),
        ("80 %", 0.8),
        ("Score: 7", None),
        ("Score: -0.5", None),
        ("Score: NaN", None),
        ("Score:", None),
        ("0.2 or 0.7", None),
        ("", None),
        ("9" * 10_000, None),
    ],
)
def test_a_score_is_read_or_there_is_none(reply: str, value: float | None) -> None:
    assert score(reply) == value


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "endpoint: must be given"),
        ({"endpoint": {"model": "m"}}, "endpoint.url: must be given"),
        ({"endpoint": {"url": "http://x", "model": "m"}, "prompt": "Is it {truth}?"}, "prompt: shows nothing of what"),
    ],
)
def test_settings_that_make_no_sense_are_told(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(Fault) as fault:
        typed(Judge, settings)
    assert told in str(fault.value)


def test_a_score_may_be_written_with_a_comma() -> None:
    assert [score(said) for said in ("Score: 0,8", "Score: 1,0", "Score: 0,75 of 1")] == [0.8, 1.0, 0.75]

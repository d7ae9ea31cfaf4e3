"""A model behind OpenAI's protocol plays a recipe's evaluation, whatever goes wrong between here and there."""

import asyncio
import base64
import json
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from envs.by_dataset import ByDataset
from envs.keyframes import Keyframes
from framework.cli import main
from framework.env import Rules
from framework.errors import ConfigError, UserError
from framework.evaluation import standings
from framework.lab.world import World
from framework.policy import Scripted
from framework.recipe import find_recipe
from framework.remote.endpoint import Endpoint
from framework.remote.guest import Guest, Invitation, Seat, manual, messages
from framework.rollout import play
from framework.types import Observation, Stop, Task
from framework.vision.frames import pixels

Serve = Callable[..., Any]
TASKS = 24
QUICK = ["stages.eval.guest.pause_s=0.01", "stages.eval.guest.timeout_s=0.4", f"data.eval.count={TASKS}"]
LOOK, ANSWER = '<select>{"keyframe": 2}</select>', '<answer>{"keyframe": 2, "bbox_2d": [8, 8, 24, 24]}</answer>'
PRICE = "stages.eval.guest.price=[1000, 10000]"


def completion(text: str | None, finish: str = "stop", counts: bool = True) -> bytes:
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": finish}
    usage = {"usage": {"prompt_tokens": 100, "completion_tokens": 10}} if counts else {}
    return json.dumps({"choices": [choice], **usage}).encode()


def plays(request: Any, asked: dict[str, Any]) -> None:
    """Looks once, and then answers."""
    request.send(completion(ANSWER if len(asked["messages"]) > 2 else LOOK))


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Replies are kept here, and runs written here."""
    monkeypatch.setenv("LIMNER_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs" / "quickstart" / "m-1"


def limner(url: str, *changes: str) -> int:
    return main(["eval", "quickstart", "--policy", f"openai:m/1@{url}", *QUICK, *changes])


def test_it_plays_the_same_tasks_under_the_same_rules_as_everyone(
    kept: Path, serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(plays) as served:
        assert limner(served.url, PRICE) == 0
        assert served.most <= 8
    out = capsys.readouterr().out
    assert f"{2 * TASKS} replies · {200 * TASKS:,} tokens read, {20 * TASKS} said · cost now 9.6000" in out
    found = standings.read(kept / "eval.json")
    assert list(found.rows) == ["random", "hasty", "expert", "m/1"]
    assert found.rows["m/1"].well_formed == 1
    assert found.rows["m/1"].lost == 0
    assert 0 < found.rows["m/1"].score < found.rows["expert"].score
    assert (kept / "report.html").is_file()
    assert '"lost_share"' not in (kept / "eval.json").read_text()


def test_it_is_told_the_rules_and_shown_what_the_env_shows(kept: Path, serve: Serve) -> None:
    with serve(plays) as served:
        assert limner(served.url, "data.eval.count=1") == 0
    first, then = (each["messages"] for each in served.asked)
    recipe = find_recipe("quickstart")
    assert first[0] == {"role": "system", "content": manual(recipe.env)}
    assert '<select>{"keyframe": 3}</select>' in manual(recipe.env)
    assert "0–32 over the picture" in manual(recipe.env)
    assert then[: len(first)] == first
    assert then[len(first)] == {"role": "assistant", "content": LOOK}
    task = recipe.data.eval.task(0)
    texts = [part["text"] for part in first[1]["content"] if part["type"] == "text"]
    assert texts[0].startswith(task.question)
    large = [part["image_url"]["url"] for part in then[-1]["content"] if part["type"] == "image_url"]
    [picture] = asyncio.run(play(task, recipe.env, Scripted(LOOK, ANSWER))).turns[-1].seen.pictures
    written = cv2.imdecode(np.frombuffer(base64.b64decode(large[0].partition(",")[2]), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert np.array_equal(np.asarray(written), pixels(picture))


def test_it_is_told_the_rules_of_the_game_that_its_task_is_played_by() -> None:
    own, task = Keyframes(max_turns=2), World(count=1).task(0)
    [told] = manuals(ByDataset(of={"glance": own}), task)
    assert told == manual(own)


def manuals(rules: Rules, task: Task) -> list[str]:
    """What a guest is told of a task before it is shown anything."""
    seat = Guest(Endpoint(url="http://127.0.0.1:9", model="m")).player(task, rules, 0)
    assert isinstance(seat, Seat)
    first, *_ = messages(seat.rules, (), Observation(()))
    return [first["content"]]


def test_a_few_episodes_of_it_can_be_looked_at_first(
    kept: Path, serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(plays) as served:
        assert main(["play", "quickstart", "-n", "2", "--policy", f"openai:m@{served.url}", *QUICK]) == 0
    out = capsys.readouterr().out
    assert out.count(f"▸ {ANSWER}") == 2
    assert "m: 4 replies" in out


def test_a_game_with_words_of_its_own_is_not_explained_twice(kept: Path, serve: Serve) -> None:
    with serve(plays) as served:
        assert limner(served.url, "data.eval.count=1", "env.system=Play well.") == 0
    assert served.asked[0]["messages"][0]["content"] == "Play well."


def some_fail(request: Any, asked: dict[str, Any]) -> None:
    """A fifth of all requests goes wrong, in every way there is."""
    lot = next(LOTS)
    free = threading.Event()
    match lot:
        case 0:
            request.send(b"slow down", 429)
        case 1:
            request.send(b"oh", 503)
        case 2:
            free.wait(0.6)
        case 3:
            request.send(completion(ANSWER)[:30], length=4000)
        case 4:
            request.send(b'{"choices": [{"message": ')
        case 5:
            request.send(b'{"error": {"message": "overloaded"}}')
        case 6:
            request.connection.close()
        case _:
            plays(request, asked)


def lots() -> Any:
    drawn = np.random.default_rng(0)
    while True:
        yield int(drawn.integers(35))  # seven of them go wrong


LOTS = lots()


def test_faults_that_pass_cost_no_episode(kept: Path, serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    with serve(some_fail) as served:
        assert limner(served.url, "stages.eval.guest.retries=6", PRICE) == 0
        assert len(served.asked) > 2 * TASKS
    assert time.monotonic() - began < 30
    row = standings.read(kept / "eval.json").rows["m/1"]
    assert (row.lost, row.well_formed) == (0, 1)
    out = capsys.readouterr().out
    assert "lost" not in out
    assert "cost now 9.6000" in out


def test_what_was_answered_is_never_asked_again(kept: Path, serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(some_fail) as served:
        assert limner(served.url, "stages.eval.guest.retries=0", "stages.eval.players=[]") == 0
        url, first = served.url, capsys.readouterr().out
    lost = standings.read(kept / "eval.json").rows["m/1"].lost
    assert 0 < lost < 1
    assert re.search(rf"m/1: {round(lost * TASKS)} of {TASKS} episodes lost; its numbers speak of the others", first)
    answered = int(re.search(r"m/1: (\d+) replies", first)[1])  # pyright: ignore[reportOptionalSubscript]
    port = int(url.rpartition(":")[2].partition("/")[0])
    again: list[dict[str, Any]] = []

    def counts(request: Any, asked: dict[str, Any]) -> None:
        again.append(asked)
        plays(request, asked)

    with serve(counts, port):
        assert limner(url, "stages.eval.players=[]", PRICE) == 0
    out = capsys.readouterr().out
    assert len(again) == 2 * TASKS - answered
    assert f"{2 * TASKS} replies ({answered} of them asked before)" in out
    assert f"cost now {0.2 * len(again):.4f}" in out
    assert standings.read(kept / "eval.json").rows["m/1"].lost == 0


def test_a_server_that_is_down_ends_every_episode_and_becomes_no_number(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    assert limner("http://127.0.0.1:9/v1", "stages.eval.players=[]") == 0
    assert time.monotonic() - began < 20
    found = json.loads((kept / "eval.json").read_text())
    assert found["policies"]["m/1"]["score"] is None
    assert found["policies"]["m/1"]["lost_share"] == 1
    out = capsys.readouterr().out
    assert f"m/1: {TASKS} of {TASKS} episodes lost" in out
    assert "refused" in out
    episodes = [json.loads(line)["episode"] for line in (kept / "eval" / "episodes.jsonl").read_text().splitlines()]
    assert {each["stop"] for each in episodes} == {Stop.ERROR.value}
    assert standings.read(kept / "eval.json").rows["m/1"].score != 0


@pytest.mark.parametrize(
    ("body", "stop"),
    [
        (completion("<answer>", "length"), "length"),
        (completion(None), "malformed"),
        (completion("no idea", counts=False), "malformed"),
    ],
)
def test_a_reply_that_is_cut_or_no_action_is_the_models_own(
    body: bytes, stop: str, kept: Path, serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(lambda request, _: request.send(body)) as served:
        assert limner(served.url, "stages.eval.players=[]", "data.eval.count=2") == 0
    row = standings.read(kept / "eval.json").rows["m/1"]
    assert (row.score, row.lost, row.well_formed) == (0, 0, 0)
    lines = (kept / "eval" / "episodes.jsonl").read_text().splitlines()
    assert [json.loads(line)["episode"]["stop"] for line in lines] == [stop] * 2
    assert ("2 replies without a count" in capsys.readouterr().out) == (b"usage" not in body)


def test_a_name_or_a_key_that_will_not_do_is_told_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("gpt", "openai:gpt", "openai:@http://there", "ollama:m@http://there"):
        with pytest.raises(UserError, match="write openai:MODEL@URL"):
            Invitation().guest(name)
    with pytest.raises(ConfigError, match="should begin with http"):
        Invitation().guest("openai:m@there/v1")
    monkeypatch.delenv("NO_KEY", raising=False)
    with pytest.raises(UserError, match="the environment has no NO_KEY"):
        Invitation(key="NO_KEY").guest("openai:m@http://there/v1")

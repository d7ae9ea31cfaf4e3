"""Games that are played on a server: a real one, in a thread, that fails in every way it can."""

import asyncio
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from envs.remote import Remote
from envs.single_turn import SingleTurn
from envs.zoom import Zooming
from framework.cli import main
from framework.commands import console
from framework.commands.serve import unusual
from framework.config import typed
from framework.data.remote import Remote as Remote_
from framework.errors import DataError, NoExpert, PixelError, UserError
from framework.evaluation.arena import play_all
from framework.evaluation.losses import losses, table
from framework.lab.players import PLAYERS
from framework.policy import Scripted
from framework.recipe import Recipe, find_recipe
from framework.remote.client import Client
from framework.remote.request import Refused, sent
from framework.remote.server import Handler, Host, Server
from framework.rollout import play
from framework.testing import check_env
from framework.types import Action, Episode, Observation, Past, Reply, Stop, Task
from framework.vision import frames, streamed

HERE = """
about: served
reasoner: lab
data:
  train: {use: lab, level: LEVEL, count: 64}
  eval: {use: lab, level: LEVEL, split: eval, count: 64}
env: {use: zoom, max_turns: 2, crop: {min_pixels: 1024, max_pixels: 1024}, inner: {use: single_turn}}
rewards: {place: box_iou}
"""
THERE = """
about: played from elsewhere
reasoner: lab
data:
  train: {use: remote, url: URL}
  eval: {use: remote, url: URL, split: eval}
env: {use: remote, max_turns: 2, grammar: {actions: [zoom, answer]}, deadline_s: 20, try_s: 1}
rewards: {place: box_iou}
"""
Make = Callable[..., Any]


@pytest.fixture
def served(tmp_path: Path) -> Make:
    """Serves a recipe: `with served() as (server, recipe of a client)`."""

    def recipe(name: str, text: str, *changes: str) -> Recipe:
        path = tmp_path / name
        path.write_text(text)
        return find_recipe(str(path), changes)

    @contextmanager
    def serve(
        *changes: str, handler: type[Handler] = Handler, level: str = "still", here: str = HERE
    ) -> Iterator[tuple[Server, Recipe]]:
        server = Server(Host(recipe("here.yaml", here.replace("LEVEL", level))), ("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server, recipe("there.yaml", THERE.replace("URL", server.url), *changes)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    return serve


def test_a_game_is_the_same_game_from_elsewhere(served: Make) -> None:
    with served() as (server, there):
        here = server.host.recipe
        for index in range(3):
            own, far = here.data.train.task(index), there.data.train.task(index)
            assert (own.id, own.question, len(own.truth.boxes)) == (far.id, far.question, len(far.truth.boxes))
            near = asyncio.run(play(own, here.env, here.env.expert(own)))
            episode = check_env(there.env, far)
            assert [turn.said.text for turn in episode.turns] == [turn.said.text for turn in near.turns]
            for one, other in zip(episode.turns, near.turns, strict=True):
                assert one.seen.text == other.seen.text
                for a, b in zip(one.seen.pictures, other.seen.pictures, strict=True):
                    assert (frames.pixels(a) == frames.pixels(b)).all()
            assert here.rubric.score([near])[0].parts == there.rubric.score([episode])[0].parts


class Faulty(Handler):
    """A fifth of all requests goes wrong, on the way there or on the way back."""

    lots = random.Random(0)
    ways = ("never came", "reply lost", "busy", "slow", "cut", "garbled")
    fault = ""

    def reply(self, asked: Any) -> None:
        self.fault = self.lots.choice(self.ways) if self.lots.random() < 0.2 else ""
        match self.fault:
            case "never came":
                self.hang_up()
            case "busy":
                super().send(503, b"busy")
            case "slow":
                time.sleep(1.2)
                super().reply(asked)
            case _:
                super().reply(asked)

    def send(self, status: int, body: bytes) -> None:
        match self.fault:
            case "reply lost":
                self.hang_up()
            case "cut":
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2])
            case "garbled":
                super().send(status, body[: len(body) // 2])
            case _:
                super().send(status, body)

    def hang_up(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)


def together(recipe: Recipe, player: str = "mixed") -> tuple[list[Episode], float]:
    """All tasks at once, and the seconds that took."""
    tasks = [recipe.data.eval.task(index) for index in range(64)]
    began = time.monotonic()
    played = asyncio.run(play_all(tasks, recipe.arena, PLAYERS[player]))
    return list(played.rounds[0]), time.monotonic() - began


def test_64_episodes_at_once_survive_a_fifth_of_faults(served: Make) -> None:
    with served(handler=Faulty) as (server, there):
        episodes, seconds = together(there, "random")
        assert Counter(episode.stop for episode in episodes) == {Stop.ANSWERED: 64}
        assert seconds < 4 * 20
        games = [table_ for table_ in server.host.tables.values() if table_.turn > 2]
        assert not games  # what was asked for twice was played once


def test_a_server_that_fails_for_some_loses_those_in_time_and_says_what_that_does(
    served: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    class Picky(Handler):
        """Cannot serve what is asked of unseen pairs."""

        def reply(self, asked: Any) -> None:
            split_number = str(asked.get("task", "/0")).rpartition("/")[2]
            task = self.server.host.recipe.data.eval.task(int(split_number))
            if self.path.startswith("/games") and asked.get("turn") == 0 and "unseen" in task.truth.kind:
                super().send(503, b"out of memory")
            else:
                super().reply(asked)

    with served("env.deadline_s=4", handler=Picky) as (_, there):
        episodes, seconds = together(there, "random")
        assert seconds < 3 * 4 + 10
    lost = {episode.task.truth.kind for episode in episodes if episode.stop is Stop.ERROR}
    assert "attribute, unseen pair" in lost
    assert all(episode.stop in Stop for episode in episodes)
    kinds, reasons = [each.task.truth.kind for each in episodes], [each.error for each in episodes]
    found = {each.kind: each for each in losses(kinds, reasons)}
    assert found["attribute, unseen pair"].share == 1
    assert found["attribute"].after > found["attribute"].before
    console().print(table("random", kinds, reasons))
    out = capsys.readouterr().out
    assert " × Remote.start " in out
    assert all(bool(reason) == (each.stop is Stop.ERROR) for reason, each in zip(reasons, episodes, strict=True))
    assert "of 64 episodes lost; its numbers speak of the others" in out


def test_a_server_that_is_gone_ends_an_episode_within_its_deadline(served: Make) -> None:
    with served("env.deadline_s=0.6", "env.try_s=0.2") as (server, there):
        task = there.data.train.task(0)

        class Leaving:
            async def act(self, past: Any, seen: Any) -> Any:
                server.socket.close()
                return await Scripted("<answer>x</answer>").act(past, seen)

        began = time.monotonic()
        episode = asyncio.run(play(task, there.env, Leaving()))
        assert time.monotonic() - began < 3
    assert episode.stop is Stop.ERROR
    assert len(episode.turns) == 1
    assert asyncio.run(play(task, there.env, Scripted("?"))).stop is Stop.ERROR


def test_a_server_that_was_started_again_says_that_the_game_is_gone(served: Make) -> None:
    with served() as (server, there):

        class Restarting:
            async def act(self, past: Any, seen: Any) -> Any:
                server.host.tables.clear()
                return await Scripted("<answer>x</answer>").act(past, seen)

        episode = asyncio.run(play(there.data.train.task(0), there.env, Restarting()))
    assert "was the server started again?" in episode.error


def test_rules_that_differ_are_told_before_anything_is_played(served: Make) -> None:
    with served("env.max_turns=3") as (_, there):
        episode = asyncio.run(play(there.data.train.task(0), there.env, Scripted("?")))
    assert "plays by other rules: env.max_turns is '2' there; say the same here" in episode.error


def test_only_what_was_shown_can_be_asked_for(served: Make) -> None:
    with served() as (server, there):
        for path in ("/clips/etc/0", "/tasks/train/64", "/tasks/secret/0", "/games/none", "/", "/clips/../0"):
            if path == "/":
                assert json.loads(sent(server.url, timeout_s=5))["tasks"] == {"train": 64, "eval": 64}
                continue
            with pytest.raises(Refused, match="404"):
                sent(f"{server.url}{path}", b"{}" if "games" in path else None, timeout_s=5)
        with pytest.raises(DataError, match=r"there is no task train/64"):
            there.data.train.task(64)


def test_an_env_that_fails_there_fails_here_with_its_own_words(served: Make) -> None:
    with served() as (server, there):
        own = server.host.recipe.env
        broken = Burnt(max_turns=own.max_turns, inner=SingleTurn())
        server.host.recipe = server.host.recipe.model_copy(update={"env": broken})
        episode = asyncio.run(play(there.data.train.task(0), there.env, Scripted("?")))
    assert episode.stop is Stop.ERROR
    assert "Burnt.make raised ValueError: the oven is on fire" in episode.error


class Burnt(Zooming):
    def make(self, task: Task) -> Any:
        raise ValueError("the oven is on fire")


def test_a_server_without_an_expert_says_so_and_tasks_from_nowhere_too(served: Make, tmp_path: Path) -> None:
    with served() as (server, there):
        server.host.about = lambda: {"expert": False}
        task = there.data.train.task(0)
        with pytest.raises(NoExpert, match="has no expert"):
            there.env.expert(task)
        own = server.host.recipe.data.train.task(0)
    with pytest.raises(DataError, match="comes from no server; play data that says use: remote"):
        typed(Remote, {}).make(own)


GRID = """
about: a world, served
reasoner: lab
data:
  train: {use: gymnasium, id: "framework.lab.grid:limner/Grid-v0", question: Find the red circle., count: 9}
  eval: {use: gymnasium, id: "framework.lab.grid:limner/Grid-v0", question: Find the red circle., count: 9, seed: 1}
env: {use: gymnasium, actions: [left, right, up, down], max_turns: 3, look: {min_pixels: 4096, max_pixels: 4096}}
rewards: {return: env_return}
"""


def test_what_an_answer_may_say_is_read_alike_on_both_sides(served: Make) -> None:
    with served(here=GRID) as (server, _):
        here, task = server.host.recipe, Remote_(url=server.url).task(0)
        there = typed(Remote, {**unusual(here.env), "sight": here.env.sight})
        for words in ("jump", " DOWN "):
            near, far = (
                asyncio.run(play(of, rules, Scripted(f"<answer>{words}</answer>")))
                for of, rules in ((here.data.train.task(0), here.env), (task, there))
            )
            assert (near.stop, [each.paid for each in near.turns]) == (far.stop, [each.paid for each in far.turns])
            assert [each.said for each in near.turns] == [each.said for each in far.turns]


def test_a_game_that_reads_in_its_own_way_is_not_served(served: Make) -> None:
    several = "env: {use: by_dataset, of: {still: {use: keyframes}}}\nrewards: {place: box_iou}\n"
    with served(here=HERE.partition("env:")[0] + several) as (server, _):
        with pytest.raises(UserError, match=r"ByDataset reads replies to still/train/\d+ in a way of its own, which"):
            server.host.about()
        server.host.recipe = server.host.recipe.model_copy(update={"env": Inventive()})
        with pytest.raises(UserError, match=r"Inventive reads replies to .* in a way of its own \(read\)"):
            server.host.about()


class Inventive(SingleTurn):
    def read(self, reply: Reply, task: Task, past: Past, seen: Observation) -> Action:
        return super().read(replace(reply, text="<answer>x</answer>"), task, past, seen)


def test_what_is_garbled_for_good_is_asked_for_with_pauses(served: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[str] = []

    class Login(Handler):
        def reply(self, asked: Any) -> None:
            requests.append(self.path)
            super().send(200, b"<html>please log in</html>")

    with served(handler=Login) as (server, _):
        with pytest.raises(Refused, match="the reply is no JSON; asked until no time was left"):
            Client(server.url).about(0.5)
        monkeypatch.setattr(streamed, "PATIENCE_S", 0.5)
        with pytest.raises(PixelError, match="is it still served"):
            streamed.Streamed(f"{server.url}/clips/x").read(0)
    assert len(requests) < 16


def test_a_place_that_cannot_be_listened_at_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["serve", "quickstart", "--port", str(port)]) == 2
        assert f"--host 127.0.0.1 --port {port}: " in capsys.readouterr().err


def test_a_game_that_nobody_plays_and_cannot_be_closed_costs_no_other(served: Make) -> None:
    async def stuck() -> None:
        raise ValueError("the browser is gone")

    with served() as (server, there):
        asyncio.run(there.env.make(there.data.train.task(0)).start())
        [old] = server.host.tables.values()
        old.touched, old.game.close = -1e9, stuck
        episode = asyncio.run(play(there.data.train.task(1), there.env, Scripted("<answer>x</answer>")))
    assert episode.stop is Stop.ANSWERED


def test_what_a_client_must_say_is_printed(served: Make) -> None:
    with served() as (server, there):
        assert unusual(server.host.recipe.env) == {"max_turns": 2, "grammar": {"actions": ["zoom", "answer"]}}
        assert unusual(Remote()) == {}
        assert there.env.max_turns == 2


def test_every_command_takes_it(served: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served() as _:
        there = str(tmp_path / "there.yaml")
        assert main(["check", there]) == 0
        assert "an expert earns 0.9" in capsys.readouterr().out
        assert main(["play", there, "-n", "2", "--out", str(tmp_path / "play")]) == 0
        assert (tmp_path / "play" / "report.html").is_file()
        assert main(["dry", there, "-n", "16"]) == 0

"""A game that is played on another machine: replies go there, observations come back, frames as bytes.

    reply ─▶ POST /games/ID {"turn": 2, "text": …} ─┬▶ Observation, its frames fetched before the policy looks
                                                    ├▶ lost on the way: asked again, played once
                                                    └▶ refused, or no time left: EnvError ─▶ Stop.ERROR

The task says where (data: {use: remote, url: …}). How replies are read is settled here as there; `limner serve` prints
what to write.
"""

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from uuid import uuid4

from pydantic import Field

from framework.env import Rules
from framework.errors import DataError, EnvError, NoExpert
from framework.remote.client import TRY_S, Client, agreed
from framework.remote.request import Refused
from framework.types import Action, Observation, Past, Reply, Task
from framework.vision.frames import frame

THREADS = ThreadPoolExecutor(128, "remote")
"""Requests that this process may have under way."""
MARGIN = 0.9
"""A request gives up after this part of the deadline, so that it can still say why."""


class Remote(Rules):
    """Plays where the task was found."""

    try_s: float = Field(default=TRY_S, gt=0)
    """Seconds that one request may take before it is made again; all tries together have `deadline_s`."""

    def make(self, task: Task) -> "RemoteGame":
        return RemoteGame(self, task)

    def expert(self, task: Task) -> "Adviser":
        """The server's own, which plays along there."""
        client, _ = self.found(task)
        try:
            has_one = client.about(self.deadline_s).get("expert")
        except Refused as refused:
            raise DataError(f"task {task.id}: {refused}; start it with: limner serve RECIPE") from None
        if not has_one:
            raise NoExpert(f"{client.url} has no expert; play it with --policy random or human")
        return Adviser(self, task)

    def found(self, task: Task) -> tuple[Client, str]:
        """The server, and the path of the task there."""
        url, tasks, path = task.truth.world.rpartition("/tasks/")
        if not tasks:
            raise DataError(f"task {task.id}: comes from no server; play data that says use: remote")
        return Client(url, self.try_s), f"{tasks}{path}"


class RemoteGame:
    def __init__(self, rules: Remote, task: Task) -> None:
        self.rules = rules
        self.client, self.task = rules.found(task)
        self.name, self.turn = uuid4().hex, 0

    async def start(self) -> Observation:
        return await self.at(0, {"task": self.task, "sight": self.rules.sight.model_dump(exclude={"use"})}, first=True)

    async def step(self, action: Action) -> Observation:
        return await self.at(self.turn + 1, {"text": action.text, "cut_off": action.cut_off})

    async def at(self, turn: int, told: Mapping[str, Any], first: bool = False) -> Observation:
        """The observation after this turn."""
        until = time.monotonic() + MARGIN * self.rules.deadline_s
        asked = (self.path, {"turn": turn, **told}, until, first)
        self.turn = turn
        return await asyncio.get_running_loop().run_in_executor(THREADS, self._asked, *asked)

    async def close(self) -> None:
        """Told once, and not waited for: a server closes what nobody plays."""
        asyncio.get_running_loop().run_in_executor(THREADS, self._closed)

    async def advice(self) -> str:
        """What the server's expert would say now."""
        until = time.monotonic() + MARGIN * self.rules.deadline_s
        return await asyncio.get_running_loop().run_in_executor(THREADS, self._advised, until)

    @property
    def path(self) -> str:
        return f"/games/{self.name}"

    # ---- in a thread -------------------------------------------------------------------------------------------------

    def _asked(self, path: str, told: Mapping[str, Any], until: float, first: bool) -> Observation:
        try:
            if first:
                self._agrees(self.client.about(until - time.monotonic()))
            seen = self.client.word(Observation, "POST", path, told, until)
        except Refused as refused:
            raise EnvError(self._said(refused)) from None
        for picture in seen.pictures:
            frame(picture.video, picture.frame)
        return seen

    def _agrees(self, about: Mapping[str, Any]) -> None:
        ours = agreed(self.rules)
        differing = {name: about.get(name) for name, value in ours.items() if about.get(name) != value}
        if differing:
            said = "; ".join(f"env.{name} is {str(value)[:200]!r} there" for name, value in differing.items())
            raise EnvError(f"{self.client.url} plays by other rules: {said}; say the same here")

    def _advised(self, until: float) -> str:
        try:
            return self.client.text(f"{self.path}/expert", {"turn": self.turn}, until)
        except Refused as refused:
            raise EnvError(self._said(refused)) from None

    def _said(self, refused: Refused) -> str:
        """Without the name of this one game, so that like reasons are alike."""
        return str(refused).replace(self.name, "…")

    def _closed(self) -> None:
        with suppress(Refused):  # then it will be swept
            self.client.asked("DELETE", self.path, None, time.monotonic() + self.rules.try_s)


class Adviser:
    """Plays along in a game of its own, and says what the server's expert says there."""

    def __init__(self, rules: Remote, task: Task) -> None:
        self.game = RemoteGame(rules, task)

    async def act(self, past: Past, seen: Observation) -> Reply:
        if past:
            await self.game.step(past[-1].said)
        else:
            await self.game.start()
        return Reply(await self.game.advice())

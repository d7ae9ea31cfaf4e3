"""Serves a recipe's tasks and games over HTTP, so that they are played from elsewhere: `limner serve RECIPE`.

    GET    /                     what is served: how many tasks, and the rules one must play by
    GET    /tasks/train/17       a task
    POST   /games/ID             {"turn": 0, "task": "/tasks/train/17", "sight": …}, then {"turn": n, "text": …}
    POST   /games/ID/expert      {"turn": n}: what an expert would say now
    DELETE /games/ID
    GET    /clips/NAME/3         a frame as png: what a client needs of the pictures it is told of

Words are JSON as framework/codec.py writes them. A turn that is asked for twice is answered alike and played once:
whoever lost the reply may ask again.
"""

import asyncio
import hashlib
import json
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from framework import codec
from framework.env import Env, Rules, Sight, expert_of
from framework.errors import EnvError, LimnerError, UserError
from framework.policy import Policy
from framework.recipe import Recipe
from framework.remote.client import agreed
from framework.rollout import guarded, opened
from framework.rows import lot, read
from framework.types import Observation, Reply, Task, Turn, Video
from framework.vision import frames
from framework.vision.footage import Pixels
from framework.vision.inline import png

LONGEST = 2**22
"""Bytes of a request."""
SAMPLE = 8
"""Tasks that are looked at to say whether there is an expert."""
READING = ("read", "place", "said_on")
"""What settles how a reply is read, besides what both sides say alike."""
IDLE_S = 600.0
"""Seconds after which a game that nobody plays is closed."""


@dataclass
class Table:
    """A game in play."""

    task: Task
    rules: Rules
    game: Env
    past: list[Turn] = field(default_factory=list[Turn])
    turn: int = -1
    seen: Observation | None = None
    written: bytes = b""
    """The last reply, for whoever asks again."""
    expert: Policy | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    touched: float = field(default_factory=time.monotonic)


class Missing(LimnerError):
    """There is no such thing here, and asking again will not help."""


class Host:
    """Everything that is served, on one event loop."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.tables: dict[str, Table] = {}
        self.clips: dict[str, Video] = {}
        """By the names under which clients know them; nothing else can be asked for."""
        self.task = lru_cache(maxsize=1024)(self._task)
        self.about = lru_cache(maxsize=1)(self._about)

    async def answer(self, method: str, path: Sequence[str], asked: Mapping[str, Any]) -> bytes:
        """The reply to one request."""
        match method, *path:
            case ("GET",):
                return json.dumps(await asyncio.to_thread(self.about)).encode()
            case "GET", "tasks", split, number:
                return self.written(await asyncio.to_thread(self.task, split, number))
            case "GET", "clips", name, number:
                return await asyncio.to_thread(lambda: png(self.frame(name, number)))
            case "POST", "games", name:
                return await self.played(name, asked)
            case "POST", "games", name, "expert":
                return json.dumps({"text": await self.advised(name)}).encode()
            case "DELETE", "games", name:
                await self.closed(name)
                return b"{}"
            case _:
                raise Missing(f"{method} /{'/'.join(path)} is nothing that is served here")

    def _about(self) -> dict[str, Any]:
        rules, data = self.recipe.env, self.recipe.data
        tasks = read(data.train, lot(data.train, SAMPLE, self.recipe.seed), data.faulty).tasks
        expert = all(expert_of(self.rules(task), task) for task in tasks)
        return {"tasks": {"train": data.train.size(), "eval": data.eval.size()}, "expert": expert, **agreed(rules)}

    def rules(self, task: Task) -> Rules:
        """By which a task is played: a client reads replies as well, and can know of them what both sides say alike."""
        rules = self.recipe.env.game(task)
        own = next((name for name in READING if getattr(type(rules), name) is not getattr(Rules, name)), "")
        if own or agreed(rules) != agreed(self.recipe.env):
            raise UserError(
                f"env: {type(self.recipe.env).__name__} reads replies to {task.id} in a way of its own"
                f"{own and f' ({own})'}, which a client cannot know; serve a game that leaves it to env.grammar"
            )
        return rules

    def _task(self, split: str, number: str) -> Task:
        sources = {"train": self.recipe.data.train, "eval": self.recipe.data.eval}
        if split not in sources or not number.isdecimal() or int(number) >= sources[split].size():
            raise Missing(f"there is no task {split}/{number}")
        return sources[split].task(int(number))

    def frame(self, name: str, number: str) -> Pixels:
        if name not in self.clips or not number.isdecimal():
            raise Missing(f"there is no frame {number} of a clip {name}")
        return frames.frame(self.clips[name], int(number))

    # ---- games -------------------------------------------------------------------------------------------------------

    async def played(self, name: str, asked: Mapping[str, Any]) -> bytes:
        """The observation after turn n; turn 0 is the opening."""
        turn = int(asked["turn"])
        if turn == 0 and name not in self.tables:
            await self._swept()
            self.tables.setdefault(name, await self._laid(asked))  # who asks twice may have come twice
        table = self._at(name)
        async with table.lock:
            if turn == table.turn + 1:
                table.seen = await self._next(table, asked)
                table.turn, table.written = turn, self.written(table.seen)
            if turn != table.turn:
                raise Missing(f"game {name} is at turn {table.turn}, not {turn}")
            return table.written

    async def _laid(self, asked: Mapping[str, Any]) -> Table:
        _, _, split, number = str(asked["task"]).split("/")
        task = await asyncio.to_thread(self.task, split, number)
        rules = self.rules(task).model_copy(update={"sight": Sight.model_validate(dict(asked["sight"]))})
        return Table(task, rules, await opened(rules, task))

    async def _next(self, table: Table, asked: Mapping[str, Any]) -> Observation:
        if table.seen is None:
            return await guarded(table.game.start(), table.rules, "start", Observation)
        reply = Reply(str(asked["text"]), bool(asked.get("cut_off", False)))
        action = table.rules.read(reply, table.task, tuple(table.past), table.seen)
        seen = await guarded(table.game.step(action), table.rules, "step", Observation)
        table.past.append(Turn(table.seen, action))
        return seen

    async def advised(self, name: str) -> str:
        table = self._at(name)
        async with table.lock:
            assert table.seen is not None, "a game has begun before it is in the table"
            table.expert = table.expert or table.rules.expert(table.task)
            return (await table.expert.act(tuple(table.past), table.seen)).text

    async def closed(self, name: str) -> None:
        table = self.tables.pop(name, None)
        if table is not None:
            await guarded(table.game.close(), table.rules, "close")

    async def _swept(self) -> None:
        late = time.monotonic() - IDLE_S
        for name in [name for name, table in self.tables.items() if table.touched < late]:
            with suppress(EnvError):  # whoever comes next is not to blame
                await self.closed(name)

    def _at(self, name: str) -> Table:
        if name not in self.tables:
            raise Missing(f"there is no game {name} any more; was the server started again?")
        table = self.tables[name]
        table.touched = time.monotonic()
        return table

    # ---- words -------------------------------------------------------------------------------------------------------

    def written(self, word: Task | Observation) -> bytes:
        """As JSON; sources that only this machine knows get a name that a client can ask for."""
        data = codec.write(word)
        for row in data["shared"]:  # videos as their fields, spaces of a frame of one as theirs
            source, mark, number = (row[0], "", "") if len(row) == len(fields(Video)) else row[0].rpartition("#")
            if not source.startswith("data:"):
                name = hashlib.blake2b(source.encode(), digest_size=12).hexdigest()
                row[0] = f"/clips/{name}{mark}{number}"
                if not mark:
                    self.clips[name] = Video(source, *row[1:])
        return json.dumps(data).encode()


# ---- HTTP ------------------------------------------------------------------------------------------------------------


class Server(ThreadingHTTPServer):
    """Threads that hear, and one event loop that plays."""

    request_queue_size, daemon_threads = 256, True

    def __init__(self, host: Host, address: tuple[str, int], handler: "type[Handler] | None" = None) -> None:
        self.host, self.loop = host, asyncio.new_event_loop()  # first: what fails below is closed by server_close
        super().__init__(address, handler or Handler)
        threading.Thread(target=self.loop.run_forever, name="games", daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # that is a client who hung up
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        super().server_close()
        self.loop.call_soon_threadsafe(self.loop.stop)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        self.reply({})

    def do_DELETE(self) -> None:
        self.reply({})

    def do_POST(self) -> None:
        length, asked = int(self.headers.get("Content-Length") or 0), None
        with suppress(ValueError):  # then it lacks what it should say
            asked = json.loads(self.rfile.read(length)) if length <= LONGEST else None
        self.reply(cast(dict[str, Any], asked) if isinstance(asked, dict) else {})

    def reply(self, asked: Mapping[str, Any]) -> None:
        path = [part for part in self.path.split("/") if part]
        promised = asyncio.run_coroutine_threadsafe(
            self.server.host.answer(self.command, path, asked), self.server.loop
        )
        try:
            self.send(200, promised.result())
        except (EnvError, UserError) as error:
            self.send(422, str(error).encode())
        except (LimnerError, LookupError, ValueError, TypeError) as error:  # what was asked makes no sense
            self.send(404, f"{type(error).__name__}: {error}".encode())

    def send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass

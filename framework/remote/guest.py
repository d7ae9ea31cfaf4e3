"""A model that others serve, as a player: whichever speaks OpenAI's chat and sees pictures.

    what was shown and said ─▶ messages, pictures as data URLs ─▶ Endpoint ─┬─▶ Reply
                                                                            └─ given up ─▶ PolicyError ─▶ Stop.ERROR

    limner eval quickstart --policy openai:MODEL@http://127.0.0.1:8000/v1 stages.eval.guest.price=[0.15,0.6]

What was answered is kept on disk: the same command, given again, asks only for what is not there yet.
"""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from framework.config import typed
from framework.env import Rules
from framework.errors import PolicyError, UserError
from framework.player import Player
from framework.remote.endpoint import Asking, Endpoint, Said
from framework.types import Answer, Broken, Item, Observation, Past, Reply, Select, Task, Turn, Zoom
from framework.vision import inline
from framework.vision.boxes import Box, Interval, Space

PROTOCOL = "openai:"


class Invitation(Asking):
    """How a model that others serve is asked to play."""

    max_tokens: int = Field(default=1024, ge=1)
    """Of a reply, thoughts included."""
    price: tuple[float, float] = (0.0, 0.0)
    """What a million tokens cost that it reads, and that it says."""

    def guest(self, name: str) -> "Guest":
        """The guest called openai:MODEL@URL."""
        model, at, url = name.removeprefix(PROTOCOL).partition("@")
        if not name.startswith(PROTOCOL) or not at or not model:
            raise UserError(f"--policy {name}: no guest; write openai:MODEL@URL, as openai:m@http://127.0.0.1:8000/v1")
        settings = self.model_dump(exclude={"price", "use"})
        endpoint = typed(Endpoint, {**settings, "url": url, "model": model})
        if lacking := endpoint.lacking():
            raise UserError(f"--policy {name}: {lacking.reason.replace('endpoint.', 'stages.eval.guest.')}")
        return Guest(endpoint, self.price)


@dataclass
class Bill:
    """What a guest was asked, and what that came to."""

    price: tuple[float, float]
    replies: int = 0
    remembered: int = 0
    """Of these, how many had been asked before, and cost nothing now."""
    lost: int = 0
    """Asked for, and never there."""
    tokens_read: int = 0
    tokens_said: int = 0
    uncounted: int = 0
    """Replies of which the server did not say how many tokens they took."""
    cost: float = 0.0

    def add(self, said: Said) -> None:
        self.replies += 1
        self.remembered += said.remembered
        if said.tokens_read is None or said.tokens_said is None:
            self.uncounted += 1
            return
        self.tokens_read += said.tokens_read
        self.tokens_said += said.tokens_said
        if not said.remembered:
            self.cost += (said.tokens_read * self.price[0] + said.tokens_said * self.price[1]) / 1e6

    def __str__(self) -> str:
        kept = f" ({self.remembered:,} of them asked before)" if self.remembered else ""
        parts = [f"{self.replies:,} replies{kept}", f"{self.tokens_read:,} tokens read, {self.tokens_said:,} said"]
        parts += [f"{self.uncounted:,} replies without a count"] if self.uncounted else []
        parts += [f"{self.lost:,} never came"] if self.lost else []
        parts += [f"cost now {self.cost:.4f}"] if any(self.price) else []
        return " · ".join(parts)


class Guest:
    """One served model, and the threads in which it is asked."""

    def __init__(self, endpoint: Endpoint, price: tuple[float, float] = (0.0, 0.0)) -> None:
        self.endpoint, self.bill = endpoint, Bill(price)
        self.silent = threading.Event()
        self.threads = ThreadPoolExecutor(endpoint.at_once, "guest")

    @property
    def name(self) -> str:
        return self.endpoint.model

    @property
    def player(self) -> Player:
        return self._seated

    def _seated(self, task: Task, rules: Rules, seed: int) -> "Seat":
        return Seat(self, rules.game(task))

    def asked(self, rules: Rules, past: Past, seen: Observation) -> Said | Broken:
        """What it says next; in a thread, since pictures are written and a server is waited for."""
        return self.endpoint.said(list(messages(rules, past, seen)), lambda said: said, self.silent)


class Seat:
    """A guest's place in one episode."""

    def __init__(self, guest: Guest, rules: Rules) -> None:
        self.guest, self.rules = guest, rules

    async def act(self, past: Past, seen: Observation) -> Reply:
        loop, guest = asyncio.get_running_loop(), self.guest
        said = await loop.run_in_executor(guest.threads, guest.asked, self.rules, tuple(past), seen)
        if isinstance(said, Broken):
            guest.bill.lost += 1
            raise PolicyError(said.reason)
        guest.bill.add(said)
        return Reply(said.text, cut_off=said.cut_off, tokens=said.tokens_said)


# ---- what it is told -------------------------------------------------------------------------------------------------


def messages(rules: Rules, past: Past, seen: Observation) -> Iterator[Mapping[str, Any]]:
    """The episode so far as a conversation."""
    yield {"role": "system", "content": rules.system or manual(rules)}
    for turn in past:
        yield from _exchange(turn)
    yield _shown(seen)


def _exchange(turn: Turn) -> Iterator[Mapping[str, Any]]:
    yield _shown(turn.seen)
    yield {"role": "assistant", "content": turn.said.text}


def _shown(seen: Observation) -> Mapping[str, Any]:
    """Text and pictures in the order in which they are read."""
    parts = [
        {"type": "text", "text": part}
        if isinstance(part, str)
        else {"type": "image_url", "image_url": {"url": inline.url(part)}}
        for part in seen.content
    ]
    return {"role": "user", "content": parts}


def manual(rules: Rules) -> str:
    """How replies are written, for one who was never shown; a game with words of its own (env.system) needs none."""
    space = Space("", (0.0, 0.0, 1.0, 1.0), (100.0, 100.0))
    box = Box(10, 20, 60, 80, space)
    forms = {
        "select": ("to see some frames and one of them large", Select(Interval(2, 5), 3)),
        "zoom": ("to see a part of a frame larger", Zoom(3, box)),
        "answer": ("to answer with a place", Answer(items=(Item(box=box),), keyframe=3)),
    }
    asked = [forms[action] for action in rules.grammar.actions]
    if "answer" in rules.grammar.actions:
        asked.append(("to answer in words", Answer(text="…")))
    said = rules.sight.coordinates
    places = "in pixels of the picture as it is shown" if said == "pixels" else f"as 0–{said} over the picture"
    lines = [f"{why}: {rules.grammar.write(action, lambda _: space)}" for why, action in asked]
    return "\n".join(
        [
            f"You are shown pictures and asked about them, and may speak {rules.max_turns} times. Think as long as you",
            "like, then end your reply with exactly one of these, with what you mean in its place:",
            *lines,
            f"Places are said {places}: x0, y0, x1, y1.",
        ]
    )

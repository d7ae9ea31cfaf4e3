"""A model that plays: turns observations into tokens and pixels, asks for a reply, and keeps the book of both.

    seen ─▶ ids ─┬─ does not fit ─▶ "", cut off: the episode ends, nothing is cut
                 └─ fits ─▶ pixels (in a thread) ─▶ ledger.show ─▶ generate ─▶ ledger.say ─▶ Reply(text)

Who generates is not its business: a batch in this process or a server of a cluster.
"""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Protocol

from framework.blocks import Image, content_hash
from framework.chat.thought import thought
from framework.errors import UserError
from framework.reasoners.eyes import See, clear
from framework.reasoners.sampling import Generate, Pixels, Request
from framework.reasoners.voice import Shown, Voice
from framework.tokens import TokenLedger
from framework.types import Observation, Past, Picture, Reply

STRIDE = 0x9E3779B9
"""Between the seeds of two turns, so that episodes with neighbouring seeds share none."""


class Limits(Protocol):
    """How it is asked: the `rollout:` section of a recipe."""

    @property
    def temperature(self) -> float: ...
    @property
    def top_p(self) -> float: ...
    @property
    def reply_tokens(self) -> int: ...
    @property
    def prompt_tokens(self) -> int: ...
    @property
    def episode_tokens(self) -> int: ...


class ModelPolicy:
    """Plays one episode. Afterwards `ledger` holds its tokens and `images` the pixels behind them."""

    def __init__(
        self,
        voice: Voice,
        generate: Generate,
        limits: Limits,
        system: str = "",
        seed: int | None = None,
        painters: Executor | None = None,
        see: See = clear,
    ) -> None:
        """`painters` make pixels, off the event loop; None takes asyncio's own threads. `see`, for evaluation alone,
        may tamper with what it sees."""
        self.voice, self.generate, self.limits = voice, generate, limits
        self.system, self.seed, self.painters = system, seed, painters
        self.see = see
        self.ledger = TokenLedger(voice.image_token, limits.prompt_tokens, limits.episode_tokens)
        self.images: list[Pixels] = []

    async def act(self, past: Past, seen: Observation) -> Reply:
        shown = self._read(seen)
        if self.ledger.spans and not self.ledger.fits(len(shown.ids)):
            return Reply("", cut_off=True, tokens=0, thought=0)
        await self._show(shown, seen)
        sampled = await self.generate(self._request())
        self.ledger.say(sampled.ids, sampled.log_probs)
        text = self.voice.read(sampled.ids)
        within = thought_tokens(self.voice, sampled.ids, text)
        return Reply(text, cut_off=not sampled.finished, tokens=len(sampled.ids), thought=within)

    def _read(self, seen: Observation) -> Shown:
        if self.ledger.spans:
            return self.voice.following(seen, ended=self.ledger.ids[-1] == self.voice.stop_tokens[0])
        return self.voice.opening(self.system, seen)

    async def _show(self, shown: Shown, seen: Observation) -> None:
        if not self.ledger.fits(len(shown.ids)):
            visual = sum(grid.tokens for grid in shown.grids)
            raise UserError(
                f"rollout.prompt_tokens: {self.limits.prompt_tokens} are too few for a first observation of "
                f"{len(shown.ids)} tokens ({len(shown.grids)} pictures take {visual}); raise it or show less"
            )
        loop = asyncio.get_running_loop()
        fresh = await loop.run_in_executor(self.painters, _painted, self.see, seen.pictures)
        images = [Image(grid, hash) for grid, (_, hash) in zip(shown.grids, fresh, strict=True)]
        self.ledger.show(shown.ids, images)
        self.images += [pixels for pixels, _ in fresh]

    def _request(self) -> Request:
        turn = self.ledger.turn
        return Request(
            ids=tuple(self.ledger.ids),
            images=tuple(self.images),
            max_tokens=min(self.limits.reply_tokens, self.ledger.room),
            temperature=self.limits.temperature,
            top_p=self.limits.top_p,
            seed=None if self.seed is None else (self.seed + turn * STRIDE) % 2**63,
        )


def thought_tokens(voice: Voice, ids: Sequence[int], text: str) -> int:
    """How many of these tokens lie wholly inside the thought of the reply that ends with them.

    ids       <think> The red one </think><answer> …        found by reading prefixes back, half as many each time
    counted            1   1   1
    """
    within = thought(text)
    if within.start == within.stop:
        return 0
    said = ids[:-1] if ids and ids[-1] in voice.stop_tokens else ids
    before = len(text) - len(voice.read(said))  # characters that were put into its mouth

    def characters(count: int) -> int:
        return before + len(voice.read(said[:count]))

    first = bisect_left(range(len(said) + 1), within.start, key=characters)
    past = bisect_right(range(len(said) + 1), within.stop, key=characters) - 1
    return max(past - first, 0)


def _painted(see: See, pictures: Sequence[Picture]) -> list[tuple[Pixels, str]]:
    """All pictures of an observation in one errand, since each errand to a thread takes time of the event loop."""
    seen = [see(picture) for picture in pictures]
    return [(pixels, content_hash(pixels)) for pixels in seen]

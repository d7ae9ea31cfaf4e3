"""What a model read and said, token by token: the one owner of which ids belong to which picture.

    letters   system, question, overview │ first reply     │ what came back  │ second reply
    ids       = P0                       + A0              + I0              + A1
    mask      = [0] * len(P0)            + [1] * len(A0)   + [0] * len(I0)   + [1] * len(A1)
    log_probs = [0] * len(P0)            + said with A0    + [0] * len(I0)   + said with A1

    a picture of 4 × 6 patches, merged 2 × 2, is a block of six equal ids somewhere in P0 or I0:   … v v v v v v …

Token in, token out: spans are appended and never changed, and text is never tokenised twice. A picture is in whole or
not at all: what does not fit ends the episode, nothing is cut. `Tokens` is the finished record, and knows what it
should look like wherever it arrives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framework.blocks import Block, Image, Ints, blocks_of
from framework.errors import TokenError

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of ids of one origin: shown by the env, or said by the policy."""

    turn: int
    said: bool
    start: int
    count: int

    def __str__(self) -> str:
        return f"turn {self.turn}, {'reply' if self.said else 'observation'} ({self.count} tokens from {self.start})"


class TokenLedger:
    """The record while the episode is played: show, say, show, say, …"""

    def __init__(self, image_token: int, prompt_tokens: int, episode_tokens: int) -> None:
        self.image_token = image_token
        self.prompt_tokens, self.episode_tokens = prompt_tokens, episode_tokens
        self.ids: list[int] = []
        self.log_probs: list[float] = []
        self.spans: list[Span] = []
        self.blocks: list[Block] = []

    @property
    def turn(self) -> int:
        """The turn that is shown or answered next."""
        return sum(span.said for span in self.spans)

    @property
    def room(self) -> int:
        """Tokens that may still follow."""
        if not self.spans:
            return self.prompt_tokens
        return self.episode_tokens - (len(self.ids) - self.spans[0].count)

    def fits(self, count: int) -> bool:
        """Is there room for an observation of `count` tokens and at least one of a reply?"""
        return count < self.room if self.spans else count <= self.room and self.episode_tokens > 0

    def show(self, ids: Sequence[int], images: Sequence[Image] = ()) -> None:
        """Append an observation. Its pictures are the runs of the image token, in order."""
        if self.spans and not self.spans[-1].said:
            raise TokenError(f"turn {self.turn}: an observation was shown and not answered; show one per turn")
        if not self.fits(len(ids)):
            key = "episode_tokens" if self.spans else "prompt_tokens"
            raise TokenError(
                f"turn {self.turn}: an observation of {len(ids)} tokens with {len(images)} pictures does not fit in "
                f"the {self.room} that are left; raise rollout.{key} or show less (env.*.max_pixels, env.*.frames)"
            )
        new = np.asarray(ids, dtype=np.int64)
        self.blocks += blocks_of(new, images, self.image_token, self.turn, len(self.ids), len(self.blocks))
        self._append(new, np.zeros(len(new), dtype=np.float32), said=False)

    def say(self, ids: Sequence[int], log_probs: Sequence[float]) -> None:
        """Append a reply exactly as it was sampled."""
        if not self.spans or self.spans[-1].said:
            raise TokenError(f"turn {self.turn}: a reply needs an observation before it")
        if len(ids) != len(log_probs):
            raise TokenError(f"turn {self.turn}, reply: {len(ids)} tokens but {len(log_probs)} log-probs")
        if not 0 < len(ids) <= self.room:
            raise TokenError(
                f"turn {self.turn}, reply: {len(ids)} tokens where 1 to {self.room} may follow; "
                "the sampler must keep to max_tokens (rollout.reply_tokens, rollout.episode_tokens)"
            )
        new = np.asarray(ids, dtype=np.int64)
        if (new == self.image_token).any():
            at = int(np.argmax(new == self.image_token))
            raise TokenError(
                f"turn {self.turn}, reply: token {at} is the image token {self.image_token}, with no picture "
                "behind it; the sampler must ban it"
            )
        self._append(new, np.asarray(log_probs, dtype=np.float32), said=True)

    def _append(self, ids: Ints, log_probs: Floats, said: bool) -> None:
        self.spans.append(Span(self.turn, said, len(self.ids), len(ids)))
        self.ids += ids.tolist()
        self.log_probs += log_probs.tolist()

    def close(self) -> "Tokens":
        """The finished record."""
        mask = np.repeat([int(span.said) for span in self.spans], [span.count for span in self.spans])
        return Tokens(
            ids=np.asarray(self.ids, dtype=np.int64),
            mask=mask.astype(np.int64),
            log_probs=np.asarray(self.log_probs, dtype=np.float32),
            spans=tuple(self.spans),
            blocks=tuple(self.blocks),
            image_token=self.image_token,
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Tokens:
    """An episode as tokens, finished. It cannot exist with a mask, a span or a picture that does not fit its ids."""

    ids: Ints
    mask: Ints
    log_probs: Floats
    spans: tuple[Span, ...]
    blocks: tuple[Block, ...]
    image_token: int

    def __post_init__(self) -> None:
        for array in (self.ids, self.mask, self.log_probs):
            array.flags.writeable = False
        self._spans_tile()
        self._blocks_stand()
        self.check(mask=np.repeat([int(s.said) for s in self.spans], [s.count for s in self.spans]))
        if not np.isfinite(self.log_probs).all():
            raise TokenError(f"{self.where(int(np.argmin(np.isfinite(self.log_probs))))}: a log-prob is not finite")

    @property
    def prompt(self) -> int:
        """Tokens of P0: what follows is the response."""
        return self.spans[0].count

    @property
    def hashes(self) -> tuple[str, ...]:
        """One per picture, in the order in which they are read."""
        return tuple(block.image.hash for block in self.blocks)

    def where(self, position: int) -> str:
        """What stands at a position, in words."""
        for block in self.blocks:
            if block.start <= position < block.start + block.count:
                return str(block)
        return next((str(s) for s in self.spans if s.start <= position < s.start + s.count), f"after {self.spans[-1]}")

    def check(
        self,
        ids: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        log_probs: ArrayLike | None = None,
        hashes: Sequence[str] | None = None,
    ) -> None:
        """Refuse what arrived elsewhere and is not this: says what is wrong in which turn and block."""
        if hashes is not None:
            self._same_pictures(hashes)
        self._same("ids", self.ids, ids)
        self._same("mask", self.mask, mask)
        self._same("log_probs", self.log_probs, log_probs)

    def _same(self, name: str, mine: NDArray[Any], given: ArrayLike | None) -> None:
        if given is None:
            return
        theirs = np.asarray(given, dtype=mine.dtype)
        shared = min(len(mine), len(theirs))
        differ = mine[:shared] != theirs[:shared]
        if len(mine) == len(theirs) and not differ.any():
            return
        at = int(np.argmax(differ)) if differ.any() else shared
        mine_at, theirs_at = (str(each[at]) if at < len(each) else "nothing" for each in (mine, theirs))
        raise TokenError(
            f"{self.where(at)}: {name}[{at}] should be {mine_at}, is {theirs_at} "
            f"({len(mine)} in the record, {len(theirs)} arrived)"
        )

    def _same_pictures(self, hashes: Sequence[str]) -> None:
        for block, hash in zip(self.blocks, hashes, strict=False):
            if block.image.hash != hash:
                known = next((other for other in self.blocks if other.image.hash == hash), None)
                found = f"the picture of {known}" if known else "a picture that was never shown"
                raise TokenError(f"{block}: should be picture {block.image.hash}, is {found} ({hash})")
        if len(hashes) < len(self.blocks):
            raise TokenError(
                f"{self.blocks[len(hashes)]}: no picture for it ({len(self.blocks)} blocks, {len(hashes)} pictures)"
            )
        if len(hashes) > len(self.blocks):
            last = f"after {self.blocks[-1]}" if self.blocks else "turn 0, block 0"
            raise TokenError(f"{last}: a picture too many ({len(self.blocks)} blocks, {len(hashes)} pictures)")

    def _spans_tile(self) -> None:
        if not self.spans or self.spans[0].said:
            raise TokenError("turn 0: an episode begins with an observation")
        end = 0
        for number, span in enumerate(self.spans):
            if span.start != end or span.said != bool(number % 2) or span.turn != number // 2:
                raise TokenError(f"{span}: spans must follow each other, shown and said in turn; one ended at {end}")
            end += span.count
        if not end == len(self.ids) == len(self.mask) == len(self.log_probs):
            sizes = f"{len(self.ids)} ids, {len(self.mask)} mask, {len(self.log_probs)} log-probs"
            raise TokenError(f"{self.spans[-1]}: spans end at {end}, but there are {sizes}")

    def _blocks_stand(self) -> None:
        for span in self.spans:
            ids = self.ids[span.start : span.start + span.count]
            mine = [block for block in self.blocks if block.turn == span.turn and not span.said]
            images = [block.image for block in mine]
            first = mine[0].index if mine else 0
            if blocks_of(ids, images, self.image_token, span.turn, span.start, first) != mine:
                raise TokenError(f"{span}: its pictures are not where its blocks say")
        stray = [block for block in self.blocks if block.turn > self.spans[-1].turn]
        if stray or [block.index for block in self.blocks] != list(range(len(self.blocks))):
            raise TokenError(f"{(stray or self.blocks)[0]}: blocks must be numbered from 0 in the order they are read")

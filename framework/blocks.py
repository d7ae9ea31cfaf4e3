"""Where a picture stands among tokens: a block of equal ids, exactly as long as its patches make it.

4 × 6 patches, merged 2 × 2   ─▶   … <v> p p p p p p </v> …      Block(start of the first p, 6 tokens)
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TokenError

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Grid:
    """Patches of a picture, and how many along a side are merged into one token.

    >>> Grid(rows=4, columns=6, merge=2).tokens
    6
    """

    rows: int
    columns: int
    merge: int

    @property
    def tokens(self) -> int:
        return self.rows * self.columns // self.merge**2

    def __str__(self) -> str:
        return f"{self.rows}×{self.columns} patches, merged {self.merge}×{self.merge}"


@dataclass(frozen=True, slots=True)
class Image:
    """A picture as the model takes it."""

    grid: Grid
    hash: str
    """Of its pixels: what the env showed is what the trainer must get."""


def content_hash(pixels: NDArray[np.uint8]) -> str:
    """Sixteen letters that tell pictures apart: size and pixels."""
    told = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=8)
    told.update(np.ascontiguousarray(pixels).data)
    return told.hexdigest()


@dataclass(frozen=True, slots=True)
class Block:
    """The ids of one picture."""

    turn: int
    index: int
    """Which picture of the episode, from 0."""
    start: int
    image: Image

    @property
    def count(self) -> int:
        return self.image.grid.tokens

    def __str__(self) -> str:
        return f"turn {self.turn}, block {self.index} ({self.count} tokens from {self.start})"


def blocks_of(ids: Ints, images: Sequence[Image], token: int, turn: int, start: int, index: int) -> list[Block]:
    """The blocks of an observation: as many runs of the image token as pictures, each as long as its grid makes it."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], ids == token, [0]])))
    starts, counts = edges[::2], edges[1::2] - edges[::2]
    blocks = [
        Block(turn, index + k, start + int(at), image)
        for k, (at, image) in enumerate(zip(starts, images, strict=False))
    ]
    for block, count in zip(blocks, counts, strict=False):
        if block.count != count:
            raise TokenError(
                f"turn {turn}, block {block.index}: {count} image tokens stand in the text, but its grid of "
                f"{block.image.grid} makes {block.count}; was it made for another reasoner.unit?"
            )
    if len(starts) != len(images):
        raise TokenError(
            f"turn {turn}, block {index + len(blocks)}: {len(starts)} runs of image tokens for {len(images)} pictures"
        )
    return blocks

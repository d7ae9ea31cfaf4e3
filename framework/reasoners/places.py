"""Where tokens stand, by the two rules that families have. Both give time, height and width: [3, tokens].

counted   one after another, whatever they are
spread    text moves on by one in all three; a picture spreads in height and width; text goes on past it
"""

from collections.abc import Sequence

import numpy as np

from framework.blocks import Grid, Ints


def counted(ids: Sequence[int] | Ints) -> Ints:
    return np.tile(np.arange(len(ids), dtype=np.int64), (3, 1))


def spread(ids: Sequence[int] | Ints, grids: Sequence[Grid], image_token: int) -> Ints:
    seen = np.asarray(ids) == image_token
    wide = np.array([grid.columns // grid.merge for grid in grids], dtype=np.int64)
    counts = np.array([grid.tokens for grid in grids], dtype=np.int64)
    starts = np.flatnonzero(np.diff(seen.astype(np.int8), prepend=0) == 1)
    step = (~seen).astype(np.int64)
    step[starts + counts - 1] = np.maximum(wide, counts // wide)
    place = np.cumsum(step) - step
    positions = np.tile(place, (3, 1))
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    along = np.repeat(wide, counts)
    first = np.repeat(place[starts], counts)
    positions[:, seen] = first + np.stack([np.zeros_like(within), within // along, within % along])
    return positions

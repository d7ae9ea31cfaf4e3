"""What the env itself paid: for games that bring rewards of their own, as Gymnasium's do."""

from collections.abc import Sequence
from typing import Literal

from framework.reward import TurnReward
from framework.types import Episode, Failure, Malformed, NotApplicable, Turn


class EnvReturn(TurnReward):
    """What each turn was paid; by default their sum, the env's return. A turn that could not be read was paid nothing.

    A game whose env pays nowhere has nothing to be measured.
    """

    over_turns: Literal["last", "first", "mean", "sum", "most"] = "sum"

    def of_turns(self, episodes: Sequence[Episode]) -> list[list[float | Failure]]:
        return [[_paid(turn) for turn in episode.turns] for episode in episodes]


def _paid(turn: Turn) -> float | Failure:
    if turn.paid is not None:
        return turn.paid
    parsed = turn.said.parsed
    return parsed if isinstance(parsed, Malformed) else NotApplicable("this env pays nothing")

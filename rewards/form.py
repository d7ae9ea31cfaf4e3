"""Is it said in the agreed form?"""

from collections.abc import Sequence

from framework.reward import Reward
from framework.types import Episode, Malformed, Stop


class WellFormed(Reward):
    """1 if every reply was an action of the game, else 0."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float]:
        return [
            float(bool(episode.turns) and not any(isinstance(turn.said.parsed, Malformed) for turn in episode.turns))
            for episode in episodes
        ]


class Answered(Reward):
    """1 if the episode ended with an answer, else 0."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float]:
        return [float(episode.stop is Stop.ANSWERED) for episode in episodes]

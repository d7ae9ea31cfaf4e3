"""Was it done without waste?"""

from collections.abc import Sequence

from framework.reward import Reward
from framework.types import Episode, Stop


class TurnEconomy(Reward):
    """1 for an answer within `free` turns, less `price` for each turn more; in [0, 1], and 0 without an answer."""

    free: int = 2
    price: float = 0.25

    def __call__(self, episodes: Sequence[Episode]) -> list[float]:
        return [self._of(episode) for episode in episodes]

    def _of(self, episode: Episode) -> float:
        if episode.stop is not Stop.ANSWERED:
            return 0.0
        return max(0.0, 1.0 - self.price * max(0, len(episode.turns) - self.free))

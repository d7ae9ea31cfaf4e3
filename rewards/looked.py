"""Was there another look?"""

from collections.abc import Sequence

from framework.reward import Reward
from framework.types import Episode


class LookedAgain(Reward):
    """1 if the policy asked for a picture beyond those it was shown first, and was shown it, else 0."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float]:
        return [float(any(turn.seen.pictures for turn in episode.turns[1:])) for episode in episodes]

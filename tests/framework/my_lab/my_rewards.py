"""Does the policy zoom in calmly, or does it jump about?"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

from framework.reward import Reward
from framework.types import Episode


class Smoothness(Reward):
    """Mean overlap of each look with the one before it; 1 if there was but one look."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float]:
        return [calm(episode) for episode in episodes]


def calm(episode: Episode) -> float:
    looks = [turn.seen.pictures[-1].space.whole() for turn in episode.turns if turn.seen.pictures]
    return fmean(before.iou(after) for before, after in pairwise(looks)) if len(looks) > 1 else 1.0

"""Was it looked at the right time?"""

from collections.abc import Sequence

from framework.reward import Reward
from framework.types import Answer, Episode, Failure, Malformed, NotApplicable, Select


class KeyframeHit(Reward):
    """1 if the target is visible on the keyframe that was named last, else 0."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        return [_hit(episode) for episode in episodes]


def _hit(episode: Episode) -> float | Failure:
    present = episode.task.truth.present
    if not any(present):
        return NotApplicable("the target is never visible")
    named = _last(episode)
    if named is None or named.keyframe is None:
        return Malformed("no keyframe was named")
    return float(present[named.keyframe])


class IntervalIoU(Reward):
    """Intersection over union of the interval that was named last and the true one, in frames; in [0, 1]."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        return [_overlap(episode) for episode in episodes]


def _overlap(episode: Episode) -> float | Failure:
    true = episode.task.truth.interval
    if true is None:
        return NotApplicable("the task has no true interval")
    named = _last(episode)
    if named is None or named.interval is None:
        return Malformed("no interval was named")
    return named.interval.iou(true.in_frames(episode.task.video.fps))


def _last(episode: Episode) -> Select | Answer | None:
    """The last time something was selected or answered."""
    acts = (turn.said.parsed for turn in reversed(episode.turns))
    return next((act for act in acts if isinstance(act, Select | Answer)), None)

"""Was it looked at the right time?"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from framework.line import Values
from framework.reward import FAILURES, Reward
from framework.truth import known
from framework.types import Answer, Episode, Failure, Malformed, NotApplicable, Select, Truth
from framework.vision import masks
from framework.vision.boxes import Interval


class TimeReward(Reward):
    """A number about the frames that an episode names."""

    act: Literal["last", "answer"] = "last"
    """What counts: what the last turn selects or answers, or the answer alone."""

    def named(self, episode: Episode) -> Select | Answer | None:
        if self.act == "answer":
            return episode.answer
        last = episode.turns[-1].said.parsed if episode.turns else None
        return last if isinstance(last, Select | Answer) else None


class KeyframeHit(TimeReward):
    """1 if the target is visible on the named keyframe, else 0."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        return [self._hit(episode) for episode in episodes]

    def _hit(self, episode: Episode) -> float | Failure:
        present = episode.task.truth.present
        if not any(present):
            return _unseen(episode.task.truth)
        frame = _keyframe(self.named(episode))
        return frame if isinstance(frame, Malformed) else float(0 <= frame < len(present) and present[frame])


def _unseen(truth: Truth) -> NotApplicable:
    if truth.present:
        return NotApplicable("the target is never visible")
    return NotApplicable("which frames show the target is not known (Truth.present)")


class KeyframeQuality(TimeReward):
    """Area of the target on the named keyframe / its largest area on any frame; in [0, 1].

    Areas are those of the true masks; where a task has none, of the true boxes.
    """

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        truths = {id(episode.task.truth): episode.task.truth for episode in episodes}
        measured = {one: _areas(truth) for one, truth in truths.items()}
        return [self._quality(episode, measured[id(episode.task.truth)]) for episode in episodes]

    def _quality(self, episode: Episode, areas: Mapping[int, float]) -> float | Failure:
        largest = max(areas.values(), default=0.0)
        if largest <= 0:
            return NotApplicable("the area of the target is not known on any frame")
        frame = _keyframe(self.named(episode))
        if isinstance(frame, Malformed):
            return frame
        if frame not in areas and frame not in known(episode.task.truth, [frame]):
            return NotApplicable(f"the area of the target on frame {frame} is not known")
        return areas.get(frame, 0.0) / largest


def _keyframe(named: Select | Answer | None) -> int | Malformed:
    return Malformed("no keyframe was named") if named is None or named.keyframe is None else named.keyframe


def _areas(truth: Truth) -> Mapping[int, float]:
    if truth.masks:
        return {frame: float(masks.area(mask)) for frame, mask in truth.masks.items()}
    return {frame: sum(box.area for box in boxes) for frame, boxes in truth.boxes.items()}


class IntervalReward(TimeReward):
    """A number about the interval that an episode names and the true one; in [0, 1].

    Both ends of an interval are in it. Two intervals without a frame in common have 0.
    """

    unit: Literal["frame", "second"] = "frame"
    """What is counted. An interval in the other unit is turned into this one by the clip's frame rate.
    Where both are said in frames, no rate is needed: the share is the same."""
    truth: Literal["interval", "present"] = "interval"
    """The true interval, or the frames on which the target is visible, in one piece or not."""

    @abstractmethod
    def share(self, both: Values, named: Values, true: Values) -> Values:
        """Of each episode: what is in both, what is named, what is true; all in frames or seconds."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        found = [self._lengths(episode) for episode in episodes]
        lengths = np.array([each for each in found if not isinstance(each, FAILURES)], np.float64).reshape(-1, 3)
        shares = iter(self.share(*lengths.T).tolist())
        return [each if isinstance(each, FAILURES) else next(shares) for each in found]

    def _lengths(self, episode: Episode) -> tuple[float, float, float] | Failure:
        truth, fps = episode.task.truth, episode.task.video.fps
        if self.truth == "present" and not any(truth.present):
            return _unseen(truth)
        if self.truth == "interval" and truth.interval is None:
            return NotApplicable("the task has no true interval")
        act = self.named(episode)
        if act is None or act.interval is None:
            return Malformed("no interval was named")
        if not fps and any(each and each.unit == "second" for each in (act.interval, truth.interval)):
            return NotApplicable("seconds cannot be counted in frames: the clip's frame rate is not known")
        if self.truth == "interval" and truth.interval is not None:
            named, true = (self._counted(each, fps or 1.0) for each in (act.interval, truth.interval))
            both = Interval(max(named.start, true.start), min(named.end, true.end), self.unit)
            return both.length, named.length, true.length
        named = act.interval.in_frames(fps)
        seen = truth.present[max(int(named.start), 0) : max(int(named.end) + 1, 0)]
        return sum(seen), named.length, sum(truth.present)

    def _counted(self, interval: Interval, fps: float) -> Interval:
        return interval.in_frames(fps) if self.unit == "frame" else interval.in_seconds(fps)


class IntervalIoU(IntervalReward):
    """What the named interval and the true one have in common / what they cover together; in [0, 1]."""

    def share(self, both: Values, named: Values, true: Values) -> Values:
        return _ratio(both, named + true - both)


class IntervalPrecision(IntervalReward):
    """The share of the named interval that is true; in [0, 1]. A single right frame has 1: `interval_iou` minds."""

    def share(self, both: Values, named: Values, true: Values) -> Values:
        return _ratio(both, named)


class Coverage(IntervalReward):
    """The share of the true interval that is named (recall); in [0, 1]. The whole clip has 1: `interval_iou` minds."""

    def share(self, both: Values, named: Values, true: Values) -> Values:
        return _ratio(both, true)


def _ratio(part: Values, whole: Values) -> Values:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)

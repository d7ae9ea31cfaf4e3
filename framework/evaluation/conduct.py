"""How games were played, whatever they earned: how many turns, what could not be read, where they looked last.

<select> … keyframe 7 …   ▸ shown 7   ▸ <answer> … keyframe 4 …      2 turns, none unread; 4 is its keyframe
"""

from collections.abc import Sequence

from framework.types import Answer, Episode, Malformed


def turns_used(episodes: Sequence[Episode]) -> float:
    """Their mean; NaN if there are no episodes."""
    return _mean([len(episode.turns) for episode in episodes])


def unread_replies(episodes: Sequence[Episode]) -> float:
    """The share of replies that are no action."""
    return _mean([isinstance(turn.said.parsed, Malformed) for episode in episodes for turn in episode.turns])


def empty_keyframes(episodes: Sequence[Episode]) -> float:
    """The share of keyframes on which the target is not; NaN where there are none, or nobody knows."""
    seen = [(episode.task.truth.present, keyframe(episode)) for episode in episodes]
    return _mean([not present[frame] for present, frame in seen if frame is not None and 0 <= frame < len(present)])


def keyframe(episode: Episode) -> int | None:
    """The frame that an episode ends on: that which it drew on, or answers on, or was shown large last."""
    if not episode.turns:
        return None
    last = episode.turns[-1]
    if last.drawn and last.drawn.keyframe is not None:
        return last.drawn.keyframe
    if isinstance(last.said.parsed, Answer) and last.said.parsed.keyframe is not None:
        return last.said.parsed.keyframe
    large = (turn.seen.keyframe for turn in reversed(episode.turns))
    return next((frame for frame in large if frame is not None), None)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")

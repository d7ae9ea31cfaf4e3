"""From what was answered to masks on every frame: prompts, a segmenter on the frame spoken of, a propagator beyond it.

    Episode ─▶ asked ─▶ [Asked(frame 3, box), …] ─▶ segmenter ─▶ masks on frame 3 ─▶ propagator ─▶ masks on 0 … T-1

Training's rewards, evaluation and `limner segment` all read an answer through `asked`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from framework.errors import DataError
from framework.types import AnyMask, Broken, Episode, Item
from framework.vision.boxes import Box, Point
from framework.vision.propagator import Masks, Propagator
from framework.vision.segmenter import Asked, Found, Prompt, Segmenter


@dataclass(frozen=True, slots=True)
class Traced:
    """The masks of what was answered."""

    frame: int | None = None
    """The frame that the answer speaks of; None if it says no place."""
    masks: Mapping[int, Masks] = field(default_factory=dict[int, Masks])
    """Frame → a mask of each object: of all frames if there is a propagator, else of that one."""
    scores: tuple[float, ...] = ()
    """How good the segmenter takes each object to be."""


def asked(episode: Episode, segmenter: Segmenter) -> list[Asked]:
    """The answered objects that lie on the frame spoken of and of which the segmenter can make something."""
    frame, answer, video = spoken_of(episode), episode.answer, episode.task.video
    if frame is None or answer is None:
        return []
    picture = video.space(frame).picture
    prompts = [_prompt(item) for item in answer.items if all(each.space.picture == picture for each in _places(item))]
    return [Asked(video, frame, prompt) for prompt in prompts if prompt.hints & segmenter.accepts]


def spoken_of(episode: Episode) -> int | None:
    """The frame of an answer: its keyframe, or that of its first position, or the one shown last."""
    answer = episode.answer
    if answer is None or answer.keyframe is not None:
        return answer and answer.keyframe
    for place in (place for item in answer.items for place in _places(item)):
        return int(place.space.picture.rpartition("#")[2])
    shown = (picture.frame for turn in reversed(episode.turns) for picture in reversed(turn.seen.pictures))
    return next(shown, None)


def traced(episode: Episode, segmenter: Segmenter, propagator: Propagator | None = None) -> Traced:
    """Segment what was answered, and follow it."""
    prompts = asked(episode, segmenter)
    if not prompts:
        return Traced()
    video, frame = prompts[0].video, prompts[0].frame
    found = [_sound(each) for each in segmenter.segment(prompts)]
    start: tuple[AnyMask, ...] = tuple(each.mask for each in found)
    masks = propagator.propagate(video, frame, start) if propagator else {frame: start}
    return Traced(frame, masks, tuple(each.score for each in found))


def _sound(found: Found | Broken) -> Found:
    if isinstance(found, Broken):
        raise DataError(found.reason)
    return found


def _places(item: Item) -> list[Box | Point]:
    return [each for each in (item.box, item.point, *item.negatives) if each is not None]


def _prompt(item: Item) -> Prompt:
    on = (item.point,) if item.point else ()
    labels = (True,) * len(on) + (False,) * len(item.negatives)
    return Prompt(box=item.box, points=(*on, *item.negatives), labels=labels)

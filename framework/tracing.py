"""From an answer to masks on every frame: a segmenter is prompted on the answer's frame, a propagator goes on.

    Episode ─▶ asked ─▶ [Asked(frame 3, box), …] ─▶ segmenter ─▶ masks on frame 3 ─▶ propagator ─▶ masks on 0 … T-1

Training's rewards, evaluation and `limner segment` all read an answer through `asked`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from framework.config import Settings
from framework.errors import PixelError
from framework.types import Answer, Broken, Drawn, Episode, Item, Stop
from framework.vision import masks
from framework.vision.boxes import Box, Point
from framework.vision.propagator import Masks, Propagator
from framework.vision.segmenter import Asked, Found, Prompt, Segmenter


class Hints(Settings):
    """What of an answered object a segmenter is told."""

    box: bool = True
    point: bool = True
    negatives: bool = True

    def prompt(self, item: Item) -> Prompt:
        """The prompt of an answered object. Its negatives count only beside a box or a point."""
        box = item.box if self.box else None
        on = (item.point,) if self.point and item.point else ()
        beside = item.negatives if self.negatives and (box or on) else ()
        return Prompt(box=box, points=(*on, *beside), labels=(True,) * len(on) + (False,) * len(beside))


@dataclass(frozen=True, slots=True)
class Traced:
    """The masks of what was answered."""

    frame: int | None = None
    """The frame that the answer speaks of; None if nothing was answered."""
    masks: Mapping[int, Masks] = field(default_factory=dict[int, Masks])
    """Frame → a mask of each object: of all frames if there is a propagator, else of that one."""
    scores: tuple[float, ...] = ()
    """How good the segmenter takes each object to be."""


class Draws(Protocol):
    """Whatever makes masks of episodes."""

    def draw(self, episodes: Sequence[Episode]) -> list[Episode]:
        """The same episodes, with what they drew."""
        ...

    def traced(self, episodes: Sequence[Episode]) -> list[Traced | Broken]:
        """The masks of what was answered."""
        ...


@dataclass(frozen=True, slots=True)
class Tracer:
    """Makes masks of answers."""

    segmenter: Segmenter
    propagator: Propagator | None = None
    """Without one, only the answer's frame has masks."""
    hints: Hints = field(default_factory=Hints)

    def traced(self, episodes: Sequence[Episode]) -> list[Traced | Broken]:
        """The masks of each episode's answer. All answers are segmented in one call; a frame that cannot be read makes
        its own episode Broken and no other."""
        prompts = [asked(episode, self.segmenter, self.hints) for episode in episodes]
        found = iter(self.segmenter.segment([each for several in prompts for each in several]))
        several = zip(episodes, prompts, strict=True)
        return [self._traced(episode, [next(found) for _ in asked]) for episode, asked in several]

    def _traced(self, episode: Episode, objects: Sequence[Found | Broken]) -> Traced | Broken:
        sound = [each for each in objects if not isinstance(each, Broken)]
        if len(sound) < len(objects):
            return next(each for each in objects if isinstance(each, Broken))
        frame, start = spoken_of(episode), tuple(each.mask for each in sound)
        if frame is None:
            return Traced()
        follow = self.propagator
        try:
            followed = follow.propagate(episode.task.video, frame, start) if follow else {frame: start}
        except PixelError as error:
            return Broken(str(error))
        return Traced(frame, followed, tuple(each.score for each in sound))

    def draw(self, episodes: Sequence[Episode]) -> list[Episode]:
        """The same episodes, with the masks of the answer in the turn that gave it. Where a mask is Broken, the episode
        ends as ERROR."""
        return [_with(episode, trace) for episode, trace in zip(episodes, self.traced(episodes), strict=True)]


def _with(episode: Episode, trace: Traced | Broken) -> Episode:
    if isinstance(trace, Broken):
        return replace(episode, stop=Stop.ERROR, error=trace.reason)
    if trace.frame is None:
        return episode
    video = episode.task.video
    frames = {frame: masks.together(several, video.width, video.height) for frame, several in trace.masks.items()}
    drawn = Drawn(frames=frames, keyframe=trace.frame, on_keyframe=frames[trace.frame])
    return replace(episode, turns=(*episode.turns[:-1], replace(episode.turns[-1], drawn=drawn)))


def asked(episode: Episode, segmenter: Segmenter, hints: Hints | None = None) -> list[Asked]:
    """A prompt for each answered object on the answer's frame that says something this segmenter accepts."""
    frame, answer, video = spoken_of(episode), episode.answer, episode.task.video
    if frame is None or answer is None:
        return []
    picture, told = video.space(frame).picture, hints or Hints()
    there = [item for item in answer.items if all(each.space.picture == picture for each in _places(item))]
    return [Asked(video, frame, prompt) for prompt in map(told.prompt, there) if prompt.hints & segmenter.accepts]


def spoken_of(episode: Episode) -> int | None:
    """The frame of the answer; None if nothing was answered."""
    return frame_of(episode, episode.answer) if episode.answer else None


def frame_of(episode: Episode, answer: Answer) -> int | None:
    """The frame that an answer speaks of: its keyframe, or that of its first position, or the one shown last."""
    if answer.keyframe is not None:
        return answer.keyframe
    for item in answer.items:
        if position := item.box or item.point or next(iter(item.negatives), None):
            return position.space.frame
    pictures = (turn.seen.pictures[-1] for turn in reversed(episode.turns) if turn.seen.pictures)
    return next((picture.frame for picture in pictures), None)


def _places(item: Item) -> list[Box | Point]:
    return [each for each in (item.box, item.point, *item.negatives) if each is not None]

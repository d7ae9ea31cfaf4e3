"""From answers to masks on every frame: each object is segmented where it was answered, then carried over the clip.

answer: box, points on frame 3 ─▶ segmenter ─▶ its mask on frame 3 ─▶ propagator ─▶ masks on frames 0 … 11
                                                                         └▶ Drawn, of the turn that answered
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from framework.config import Settings
from framework.types import Answer, AnyMask, Broken, Drawn, Episode, Item, Mask, Stop, Video
from framework.vision import masks
from framework.vision.propagator import Propagator
from framework.vision.segmenter import Asked, Prompt, Segmenter


class Hints(Settings):
    """What of an answered object the segmenter is told."""

    box: bool = True
    point: bool = True
    negatives: bool = True

    def prompt(self, item: Item) -> Prompt:
        box = item.box if self.box else None
        on = (item.point,) if self.point and item.point else ()
        beside = item.negatives if self.negatives and (box or on) else ()
        return Prompt(box=box, points=(*on, *beside), labels=(True,) * len(on) + (False,) * len(beside))


@dataclass(frozen=True, slots=True)
class Tracker:
    """Draws what was answered."""

    segmenter: Segmenter
    propagator: Propagator | None
    """Without one, nothing is drawn but on the frame of the answer."""
    hints: Hints

    def __call__(self, episodes: Sequence[Episode]) -> list[Episode]:
        """The same episodes, the answering turn of each with its masks. A frame that cannot be read is our error."""
        asked = [self._asked(episode) for episode in episodes]
        found = iter(self.segmenter.segment([each for several in asked for each in several or ()]))
        drawn: list[Episode] = []
        for episode, several in zip(episodes, asked, strict=True):
            if several is None:
                drawn.append(episode)
                continue
            objects = [next(found) for _ in several]
            broken = next((each for each in objects if isinstance(each, Broken)), None)
            if broken:
                drawn.append(replace(episode, stop=Stop.ERROR, error=broken.reason))
            else:
                drawn.append(self._drawn(episode, [each.mask for each in objects if not isinstance(each, Broken)]))
        return drawn

    def _asked(self, episode: Episode) -> list[Asked] | None:
        """What is asked about each object of an answer; None if there was no answer."""
        if episode.answer is None:
            return None
        frame, prompts = answered_frame(episode.answer, episode), map(self.hints.prompt, episode.answer.items)
        return [Asked(episode.task.video, frame, prompt) for prompt in prompts if prompt.hints]

    def _drawn(self, episode: Episode, objects: Sequence[AnyMask]) -> Episode:
        video, answer = episode.task.video, episode.answer
        assert answer
        frame = answered_frame(answer, episode)
        tracks = self.propagator.propagate(video, frame, objects) if self.propagator and objects else {}
        frames = (
            {each: _together(tracks.get(each, ()), video) for each in range(video.length)} if self.propagator else {}
        )
        here = _together(objects, video)
        drawn = Drawn(frames={**frames, frame: here}, keyframe=frame, on_keyframe=here)
        return replace(episode, turns=(*episode.turns[:-1], replace(episode.turns[-1], drawn=drawn)))


def answered_frame(answer: Answer, episode: Episode) -> int:
    """The frame an answer is about: the one it names, or the one its places are on, or the last that was shown."""
    if answer.keyframe is not None:
        return answer.keyframe
    places = [place for item in answer.items for place in (item.box, item.point, *item.negatives) if place]
    if places:
        return int(places[0].space.picture.rpartition("#")[2])
    shown = [picture.frame for turn in episode.turns for picture in turn.seen.pictures]
    return shown[-1] if shown else 0


def _together(seen: Sequence[AnyMask], video: Video) -> AnyMask:
    """The pixels of any of these objects."""
    if not seen:
        return Mask((video.width * video.height,), video.width, video.height)
    return seen[0] if len(seen) == 1 else masks.union([masks.as_runs(each) for each in seen])

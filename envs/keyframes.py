"""Find the moment, then look closely: an overview first, then the frames and the keyframe that the policy selects.

overview, small ─▶ <select> 2–5, keyframe 3 ─▶ frames 2 … 5, frame 3 large ─▶ <select> … ─▶ <answer>
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from framework.env import Rules
from framework.errors import NoExpert
from framework.player import Doing
from framework.types import Action, Answer, Item, Malformed, Observation, Picture, Role, Select, Task
from framework.vision.boxes import Box, Interval
from framework.vision.plan import Look, spread, within


class Keyframes(Rules):
    """The policy may look again as often as the turn limit allows; what it selects comes back larger."""

    prompt: str = "{question}\nThe clip has {frames} frames.\n"
    """How the task is put, with {question} and the number of {frames} in their places."""
    begins: Literal["prompt", "frames"] = "prompt"
    """What stands first."""
    again: str = ""
    """What follows every later look, with the same places filled in; empty leaves it at the frames."""
    captions: Literal["each", "line"] = "each"
    """Each frame comes with its number and, if known, its time; or a line after those of a kind numbers them."""
    overview: Look = Look(frames=10, max_pixels=25_088)
    """The whole clip at a glance."""
    detail: Look = Look(frames=0, max_pixels=100_352)
    """Some frames of the clip, larger, shown with the overview."""
    interval: Look = Look(frames=5, max_pixels=25_088)
    """Frames of a selected interval."""
    keyframe: Look = Look(frames=1, max_pixels=200_704)
    """The selected keyframe."""

    def make(self, task: Task) -> "KeyframesGame":
        return KeyframesGame(self, task)

    def expert(self, task: Task) -> Doing:
        """Selects the stretch where the target is seen, and its largest view; then answers with its boxes there, and
        in words where the truth has some. Without a box it selects the true interval, as far as one is known.
        """
        truth, boxes = task.truth, task.truth.boxes
        if truth.answer and not boxes and not self.grammar.draws:
            span = (truth.interval or task.segment).in_frames(task.video.fps)
            looks = [Select(span, span.frames[len(span.frames) // 2])] if self.max_turns > 1 else []
            return Doing(self, task, *looks, Answer(text=truth.answer))
        if self.max_turns == 1 and self.sight.coordinates == "pixels":  # what is not shown at once has no pixels
            at_once = {
                frame for look in (self.overview, self.detail) for frame in spread(task.video.length, look.frames)
            }
            boxes = {frame: each for frame, each in boxes.items() if frame in at_once}
        if not boxes:
            raise NoExpert(f"task {task.id}: no frame has a box, so no expert can answer it")
        keyframe, interval = largest(boxes), Interval(min(boxes), max(boxes))
        items = tuple(Item(box=box) for box in boxes[keyframe])
        drawn = Answer(interval=interval, keyframe=keyframe)
        answer = drawn if self.grammar.draws else replace(drawn, text=truth.answer, items=items)
        looks = [Select(interval, keyframe)] if self.max_turns > 1 else []
        return Doing(self, task, *looks, answer)


class KeyframesGame:
    def __init__(self, rules: Keyframes, task: Task) -> None:
        self.rules, self.task = rules, task

    async def start(self) -> Observation:
        video, rules = self.task.video, self.rules
        overview = self.shown(spread(video.length, rules.overview.frames), rules.overview, Role.OVERVIEW)
        detail = self.shown(spread(video.length, rules.detail.frames), rules.detail, Role.DETAIL)
        asked, shown = (filled(rules.prompt, self.task),), (*overview, *detail)
        return Observation((*asked, *shown) if rules.begins == "prompt" else (*shown, *asked))

    async def step(self, action: Action) -> Observation:
        match action.parsed:
            case Answer():
                return Observation((), done=True)
            case Malformed(reason):
                return Observation((f"That could not be read: {reason}.\n{self.closing()}",))
            case Select(interval, keyframe):
                frames = self.shown(within(interval, self.rules.interval.frames), self.rules.interval, Role.INTERVAL)
                large = self.shown([keyframe], self.rules.keyframe, Role.KEYFRAME)
                return Observation((*frames, *large, self.closing()))
            case _:
                raise TypeError(f"{type(action.parsed).__name__} is no action of this game")

    async def close(self) -> None:
        pass

    def closing(self) -> str:
        """What is said after a look."""
        return filled(self.rules.again, self.task)

    def shown(self, frames: Sequence[int], look: Look, role: Role) -> list[str | Picture]:
        """Frames of a kind, none without its number."""
        pictures = [look.picture(self.task.video, frame, role, self.rules.sight.unit) for frame in frames]
        if self.rules.captions == "each":
            return [part for picture in pictures for part in captioned(picture)]
        if not pictures:
            return []
        numbers = ", ".join(str(frame) for frame in frames)
        return [*(part for picture in pictures for part in (picture, "\n")), f"{KINDS[role]}: {numbers}.\n"]


KINDS = {
    Role.OVERVIEW: "Frames of the whole clip, small",
    Role.DETAIL: "Frames of the whole clip, larger",
    Role.INTERVAL: "Frames of what was selected, small",
    Role.KEYFRAME: "The keyframe, large",
}


def filled(words: str, task: Task) -> str:
    """The words with their places filled in; what a question says of places is no place."""
    return words.replace("{frames}", str(task.video.length)).replace("{question}", task.question)


def captioned(picture: Picture) -> tuple[str, Picture, str]:
    """A picture never comes without its frame, nor without its time where that is known."""
    when = f" ({picture.video.time(picture.frame):.1f} s)" if picture.video.fps else ""
    return f"Frame {picture.frame}{when}: ", picture, "\n"


def largest(boxes: Mapping[int, Sequence[Box]]) -> int:
    """The first of the frames on which the target is seen largest."""
    return max(boxes, key=lambda frame: (sum(box.area for box in boxes[frame]), -frame))

"""Where in the clip is it? The two short questions by which a sampler narrows a clip down to one frame.

frames of the segment ─▶ interval   <answer>{"start": 4, "end": 9}</answer>
                      └▶ position   <answer>40</answer>                          percent of the way through
"""

from typing import Literal

from envs.keyframes import captioned, filled, largest
from envs.single_turn import OneQuestion
from framework.chat.grammar import Grammar
from framework.env import Rules
from framework.player import Doing
from framework.types import Answer, Observation, Role, Task
from framework.vision.boxes import Interval
from framework.vision.plan import Look, percent, within


class Locate(Rules):
    """One question about the frames that matter so far, and one answer."""

    max_turns: int = 1
    grammar: Grammar = Grammar(actions=("answer",), turn_round=True)
    asked: Literal["interval", "position"] = "interval"
    """The stretch in which the target is, or how far through the segment its best view comes."""
    prompt: str = "{question}\n"
    """How it is put, with {question} and the number of {frames} in their places."""
    look: Look = Look(frames=16)
    """The frames of the segment that are shown."""

    def make(self, task: Task) -> "LocateGame":
        return LocateGame(self, task)

    def expert(self, task: Task) -> Doing:
        """The part of the true interval that lies in the segment; or where in the segment the target is largest.

        All of the segment, or its middle, where the target is not in it.
        """
        seen = [frame for frame in task.segment.frames if task.truth.boxes.get(frame)]
        if not seen and self.asked == "position":
            return Doing(self, task, Answer(text="50"))
        if self.asked == "interval":
            known = Interval(seen[0], seen[-1]) if seen else _told(task)
            return Doing(self, task, Answer(interval=known or task.segment))
        keyframe = largest({frame: task.truth.boxes[frame] for frame in seen})
        return Doing(self, task, Answer(text=str(percent(task.segment, keyframe))))


class LocateGame(OneQuestion):
    def __init__(self, rules: Locate, task: Task) -> None:
        self.rules, self.task = rules, task

    async def start(self) -> Observation:
        task, rules = self.task, self.rules
        frames = within(task.segment, rules.look.frames)
        shown = [rules.look.picture(task.video, frame, Role.OVERVIEW, rules.sight.unit) for frame in frames]
        asked = filled(rules.prompt, task)
        return Observation((asked, *(part for picture in shown for part in captioned(picture))))


def _told(task: Task) -> Interval | None:
    """What of the true interval lies in the segment, where nothing but it is known."""
    if task.truth.interval is None or task.truth.boxes:
        return None
    true, segment = task.truth.interval.in_frames(task.video.fps), task.segment
    both = Interval(max(true.start, segment.start), min(true.end, segment.end))
    return both if both.end >= both.start else None

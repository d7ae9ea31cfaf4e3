"""One frame to point at, and what surrounds it: the game of papers that choose the frame before they reason.

references, all over the clip ─┐
frames of the key segment ─────┼─▶ <think>…</think> <answer>[{"bbox_2d": …, "point_2d": …, "neg_point_2d": …}]</answer>
the target frame, large ───────┘
"""

from collections.abc import Sequence

from envs.keyframes import captioned
from envs.single_turn import NOTHING, OneQuestion
from framework.chat.grammar import Grammar
from framework.env import Rules
from framework.errors import NoExpert
from framework.player import Doing
from framework.truth import known
from framework.types import Answer, Item, Observation, Picture, Role, Task
from framework.vision import masks
from framework.vision.boxes import Box, Point
from framework.vision.plan import Look, spread, within


class Target(Rules):
    """The task's focus says which frames; without one the whole clip is the segment, and its middle the target."""

    max_turns: int = 1
    grammar: Grammar = Grammar(actions=("answer",))
    prompt: str = "{question}\n"
    """How it is put, with {question} in its place."""
    references: Look = Look(frames=8)
    """Frames all over the clip."""
    segment: Look = Look(frames=6)
    """Frames of the segment that matters."""
    target: Look = Look(frames=1, max_pixels=705_600)
    """The frame that is asked about; 705 600 is 840 × 840."""
    negatives: bool = True
    """An expert also says a point beside each object."""

    def make(self, task: Task) -> "TargetGame":
        return TargetGame(self, task)

    def expert(self, task: Task) -> Doing:
        """Box, inner point and a point beside it for each object of the target frame; "[]" if it has none."""
        frame = aimed(task)
        boxes = task.truth.boxes.get(frame, ())
        if not boxes:
            if known(task.truth, [frame]) != {frame: None}:
                raise NoExpert(f"task {task.id}: what is on frame {frame} is not known, so no expert can answer it")
            return Doing(self, task, NOTHING)
        inner = task.truth.points.get(frame, ())
        points = inner if len(inner) == len(boxes) else [box.centre for box in boxes]
        items = [
            Item(box=box, point=point, negatives=beside(task, frame, box, point) if self.negatives else ())
            for box, point in zip(boxes, points, strict=True)
        ]
        return Doing(self, task, Answer(items=tuple(items)))


class TargetGame(OneQuestion):
    def __init__(self, rules: Target, task: Task) -> None:
        self.rules, self.task = rules, task

    async def start(self) -> Observation:
        task, rules = self.task, self.rules
        around = self.shown(spread(task.video.length, rules.references.frames), rules.references, Role.REFERENCE)
        key = self.shown(within(task.segment, rules.segment.frames), rules.segment, Role.INTERVAL)
        target = self.shown([aimed(task)], rules.target, Role.TARGET)
        return Observation((rules.prompt.replace("{question}", task.question), *around, *key, *target))

    def shown(self, frames: Sequence[int], look: Look, role: Role) -> list[str | Picture]:
        pictures = [look.picture(self.task.video, frame, role, self.rules.sight.unit) for frame in frames]
        return [part for picture in pictures for part in captioned(picture)]


def aimed(task: Task) -> int:
    """The frame that is asked about."""
    if task.focus and task.focus.target is not None:
        return task.focus.target
    frames = task.segment.frames
    return frames[len(frames) // 2]


def beside(task: Task, frame: int, box: Box, point: Point) -> tuple[Point, ...]:
    """A point just off the object, level with its inner point: to the right, or to the left at the picture's edge."""
    mask = task.truth.masks.get(frame)
    step = max(task.video.width / 64, 1.0)
    first, last = box.x0, box.x1
    if mask is not None:
        dense = masks.decode(mask)
        row = dense[min(int(point.y * mask.height / task.video.height), mask.height - 1)].nonzero()[0]
        if row.size:
            scale = task.video.width / mask.width
            first, last = float(row[0]) * scale, float(row[-1] + 1) * scale
    x = last + step if last + step < task.video.width else first - step
    return (Point(x, point.y, box.space),) if 0 <= x < task.video.width else ()

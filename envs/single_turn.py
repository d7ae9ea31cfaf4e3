"""Look once, answer once: the game of single-turn papers, on images and on chosen frames of a clip."""

from envs.keyframes import captioned, largest
from framework.chat.grammar import Grammar
from framework.env import Rules
from framework.errors import NoExpert
from framework.player import Doing
from framework.truth import nowhere
from framework.types import Action, Answer, Item, Malformed, Observation, Role, Task
from framework.vision.plan import Look, spread

NOTHING = Answer(text="[]")
"""Says that there is no object."""


class SingleTurn(Rules):
    """Everything is shown at once; the first reply is the answer."""

    max_turns: int = 1
    grammar: Grammar = Grammar(actions=("answer",))
    look: Look = Look(frames=8, max_pixels=200_704)
    """The frames that are shown; an image is a clip of one."""

    def make(self, task: Task) -> "SingleTurnGame":
        return SingleTurnGame(self, task)

    def expert(self, task: Task) -> Doing:
        """Answers with the words or the boxes of the truth, "[]" where the target is nowhere; or draws."""
        truth = task.truth
        if self.grammar.draws:
            return Doing(self, task, Answer())
        if truth.answer:
            return Doing(self, task, Answer(text=truth.answer))
        if nowhere(truth):
            return Doing(self, task, NOTHING)
        seen = {
            frame: truth.boxes[frame] for frame in spread(task.video.length, self.look.frames) if frame in truth.boxes
        }
        if not truth.boxes:
            raise NoExpert(f"task {task.id}: has neither an answer nor a box, so no expert can answer it")
        if not seen and self.sight.coordinates == "pixels":
            raise NoExpert(f"task {task.id}: no frame that is shown has a box, and places are said in pixels of those")
        keyframe = largest(seen or truth.boxes)
        boxes, points = truth.boxes[keyframe], truth.points.get(keyframe, ())
        inner = points if len(points) == len(boxes) else [box.centre for box in boxes]
        items = tuple(Item(box=box, point=point) for box, point in zip(boxes, inner, strict=True))
        return Doing(self, task, Answer(items=items, keyframe=keyframe if task.video.length > 1 else None))


class OneQuestion:
    """Whatever was asked, the first reply that can be read ends it."""

    async def step(self, action: Action) -> Observation:
        if isinstance(action.parsed, Malformed):
            return Observation((f"That could not be read: {action.parsed.reason}.\n",))
        return Observation((), done=True)

    async def close(self) -> None:
        pass


class SingleTurnGame(OneQuestion):
    def __init__(self, rules: SingleTurn, task: Task) -> None:
        self.rules, self.task = rules, task

    async def start(self) -> Observation:
        video, look = self.task.video, self.rules.look
        role = Role.TARGET if video.length == 1 else Role.DETAIL
        pictures = [
            look.picture(video, frame, role, self.rules.sight.unit) for frame in spread(video.length, look.frames)
        ]
        return Observation((f"{self.task.question}\n", *(part for each in pictures for part in captioned(each))))

"""An image at a glance, and one look at a part of it before the answer: <zoom> … <answer>."""

from framework.chat.grammar import Grammar
from framework.env import Rules
from framework.player import Doing
from framework.types import Action, Answer, Item, Observation, Role, Task, Zoom
from framework.vision.boxes import Box
from framework.vision.plan import Look


class Glance(Rules):
    """The rules: settings, one object for a whole run."""

    max_turns: int = 2
    grammar: Grammar = Grammar(actions=("zoom", "answer"))
    look: Look = Look(min_pixels=1024, max_pixels=1024)
    """How large the image, and a part of it, is shown."""

    def make(self, task: Task) -> "GlanceGame":
        return GlanceGame(self, task)

    def expert(self, task: Task) -> Doing:
        """Looks at the target with some room around it, then says where it is."""
        target = task.truth.boxes[0][0]
        wide, high = (target.x1 - target.x0) / 2, (target.y1 - target.y0) / 2
        around = Box(target.x0 - wide, target.y0 - high, target.x1 + wide, target.y1 + high, target.space).clamped()
        return Doing(self, task, Zoom(0, around), Answer(items=(Item(box=target),)))


class GlanceGame:
    """The game: made for one task and played once. It never sees a token or a pixel."""

    def __init__(self, rules: Glance, task: Task) -> None:
        self.rules, self.task = rules, task

    async def start(self) -> Observation:
        return self.shown(f"{self.task.question}\n")

    async def step(self, action: Action) -> Observation:
        if isinstance(action.parsed, Zoom):
            return self.shown("Closer. ", action.parsed.box.to(self.task.video.space(0)))
        return Observation(("Zoom or answer.\n",), done=isinstance(action.parsed, Answer))

    async def close(self) -> None:
        pass

    def shown(self, words: str, part: Box | None = None) -> Observation:
        picture = self.rules.look.picture(self.task.video, 0, Role.CROP, self.rules.sight.unit, part)
        return Observation((f"{words}Frame 0: ", picture, "\n"))

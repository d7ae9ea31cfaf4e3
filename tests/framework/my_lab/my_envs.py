"""One picture and a magnifying glass: each <zoom> comes back larger, until the policy answers."""

from envs.keyframes import captioned
from envs.zoom import grown
from framework.chat.grammar import Grammar
from framework.env import Rules
from framework.player import Doing
from framework.types import Action, Answer, Item, Observation, Role, Task, Zoom
from framework.vision.boxes import Box
from framework.vision.plan import Look


class Magnifier(Rules):
    grammar: Grammar = Grammar(actions=("zoom", "answer"))
    glass: Look = Look(min_pixels=4096, max_pixels=4096)

    def make(self, task: Task) -> "MagnifierGame":
        return MagnifierGame(self, task)

    def expert(self, task: Task) -> Doing:
        target = task.truth.boxes[0][0]
        return Doing(self, task, Zoom(0, target), Answer(items=(Item(box=target),)))


class MagnifierGame:
    def __init__(self, rules: Magnifier, task: Task) -> None:
        self.rules, self.task, self.picture = rules, task, task.video.space(0).whole()

    async def start(self) -> Observation:
        return self.seen(f"{self.task.question}\n", self.picture)

    async def step(self, action: Action) -> Observation:
        if isinstance(action.parsed, Zoom):
            return self.seen("Closer: ", grown(action.parsed.box.to(self.picture.space), smallest=8))
        return Observation(("Zoom or answer.\n",), done=isinstance(action.parsed, Answer))

    async def close(self) -> None:
        pass

    def seen(self, words: str, part: Box) -> Observation:
        picture = self.rules.glass.picture(self.task.video, 0, Role.CROP, self.rules.sight.unit, part)
        return Observation((words, *captioned(picture)))

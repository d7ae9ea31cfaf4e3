"""A game and a reward that a random model can play: every turn shows a frame, whatever is said."""

from collections.abc import Sequence
from dataclasses import replace

from framework.env import Rules
from framework.lab.world import World
from framework.reward import Reward
from framework.types import Action, Answer, Episode, Observation, Past, Picture, Reply, Role, Task, Truth
from framework.vision.plan import Look


class Peek(Rules):
    """Shows the frames of a clip one by one."""

    look: Look = Look(frames=1, max_pixels=1024, min_pixels=1024)
    fails_on: int = -1
    """The env raises on the second turn of every task whose number this divides; -1 for none."""

    def make(self, task: Task) -> "Peeking":
        return Peeking(self, task)

    def read(self, reply: Reply, task: Task, past: Past, seen: Observation) -> Action:
        return Action(reply.text, Answer(text=reply.text))


class Peeking:
    def __init__(self, rules: Peek, task: Task) -> None:
        self.rules, self.task, self.turns = rules, task, 0

    def frame(self) -> Picture:
        number = self.turns % self.task.video.length
        return self.rules.look.picture(self.task.video, number, Role.DETAIL, self.rules.sight.unit)

    async def start(self) -> Observation:
        return Observation((f"{self.task.question}\n", self.frame(), "\n"))

    async def step(self, action: Action) -> Observation:
        self.turns += 1
        if self.rules.fails_on > 0 and sum(map(ord, self.task.id)) % self.rules.fails_on == 0:
            raise RuntimeError("this env fails on purpose")
        done = self.turns == self.rules.max_turns
        return Observation(() if done else ("then ", self.frame(), "\n"), done=done)

    async def close(self) -> None:
        pass


class Vowels(Reward):
    """The share of vowels in what was said."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float]:
        said = ["".join(turn.said.text for turn in episode.turns) for episode in episodes]
        return [sum(letter in "aeiou" for letter in text) / max(len(text), 1) for text in said]


class Brevity(Reward):
    """The shorter the better."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float]:
        return [1 / (1 + sum(len(turn.said.text) for turn in episode.turns)) for episode in episodes]


class Torn(World):
    """The lab's clips, of which every so many, from the first, has lost its truth."""

    every: int = 3

    def task(self, index: int) -> Task:
        whole = super().task(index)
        return whole if index % self.every else replace(whole, truth=Truth())

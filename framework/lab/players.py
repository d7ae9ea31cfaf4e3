"""Players that need no model: who know, think aloud or in steps, look coarsely or not at all, say too much, guess.

    PLAYERS["hasty"](task, rules, seed) ─▶ Policy, for one episode of this task; the same seed plays the same way

Only the hasty and the random one are not handed the truth.
"""

import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from framework.chat.spelling import Place
from framework.env import Rules, knowing, shown
from framework.lab.scene import COLOURS
from framework.lab.stepwise import exact, stepwise
from framework.lab.world import everything
from framework.player import Doing, Player
from framework.policy import Policy
from framework.types import Answer, Item, Observation, Past, Picture, Reply, Select, Task, Truth, Zoom
from framework.vision.boxes import Box, Interval, Space
from framework.vision.frames import pixels

MIDDLE = (0.25, 0.25, 0.75, 0.75)
"""Where a thing is if one has no idea, as shares of the picture."""


def expert(task: Task, rules: Rules, seed: int) -> Policy:
    """Knows the truth, and plays as the env's own expert does."""
    return knowing(rules, task)


def mixed(task: Task, rules: Rules, seed: int, share: float = 0.5, jitter: float = 0.2) -> Policy:
    """Plays as an expert, but in this share of tasks believes in a wrong frame or, as often, in a displaced box."""
    lots = _lots(task, seed)
    if lots.random() >= share or not task.truth.boxes:
        return expert(task, rules, seed)
    elsewhere = sorted(set(range(task.video.length)) - set(task.truth.boxes))
    if elsewhere and lots.random() < 0.5:
        frame = elsewhere[lots.integers(len(elsewhere))]
        boxes = {frame: _moved(task, min(task.truth.boxes), frame)}
    else:
        boxes = {frame: tuple(_shaken(box, jitter, lots) for box in there) for frame, there in task.truth.boxes.items()}
    return expert(replace(task, truth=replace(task.truth, boxes=boxes)), rules, seed)


def aloud(task: Task, rules: Rules, seed: int) -> Policy:
    """Plays as an expert, and first thinks aloud about the frame it is shown last, mostly about another before it."""
    return Aloud(expert(task, rules, seed), task, seed)


def terse(task: Task, rules: Rules, seed: int) -> Policy:
    """Plays as an expert, and first thinks aloud about the one frame it is shown last."""
    return Terse(expert(task, rules, seed), task, seed)


def eager(task: Task, rules: Rules, seed: int) -> Policy:
    """Answers at once as an expert answers after looking: what a cold start shows that leaves looking to be learned."""
    knows = expert(task, rules, seed)
    return Doing(rules.game(task), task, knows.actions[-1]) if isinstance(knows, Doing) else knows


def generous(task: Task, rules: Rules, seed: int) -> Policy:
    """Plays as an expert, but takes all that is seen for what was asked for: to say less is left to be learned."""
    return expert(everything(task), rules, seed)


def terse_generous(task: Task, rules: Rules, seed: int) -> Policy:
    """Plays as the generous one, and first thinks as the terse one."""
    return Terse(generous(task, rules, seed), task, seed)


def roomy(task: Task, rules: Rules, seed: int) -> Policy:
    """Plays as an expert, but begins a frame early and ends a frame late: to be exact is left to be learned."""
    there = task.truth.boxes
    if not there:
        return expert(task, rules, seed)
    first, last = min(there), max(there)
    early, late = max(first - 1, 0), min(last + 1, task.video.length - 1)
    boxes = {early: _moved(task, first, early), **there, late: _moved(task, last, late)}
    span = task.truth.interval and Interval(early, late)
    return expert(replace(task, truth=replace(task.truth, boxes=boxes, interval=span)), rules, seed)


def coarse(task: Task, rules: Rules, seed: int) -> Policy:
    """Plays as an expert, but zooms on the whole half in which a thing lies: a blur or a word says no more of where."""
    knows = expert(task, rules, seed)
    if not isinstance(knows, Doing):
        return knows
    return Doing(
        rules.game(task), task, *(_half(action) if isinstance(action, Zoom) else action for action in knows.actions)
    )


def _half(zoom: Zoom) -> Zoom:
    width, height = zoom.box.space.units
    left = 0.0 if zoom.box.centre.x < width / 2 else width / 2
    return Zoom(zoom.frame, Box(left, 0.0, left + width / 2, height, zoom.box.space))


def hasty(task: Task, rules: Rules, seed: int) -> Policy:
    """Answers at once, from the question's words and the first pictures' pixels."""
    return Hasty(replace(task, truth=Truth()), rules.game(task))


def random(task: Task, rules: Rules, seed: int) -> Policy:
    """Does anything the grammar allows, and answers anything on its last turn."""
    return Random(replace(task, truth=Truth()), rules.game(task), seed)


PLAYERS: dict[str, Player] = {
    "aloud": aloud,
    "coarse": coarse,
    "eager": eager,
    "exact": exact,
    "expert": expert,
    "generous": generous,
    "hasty": hasty,
    "mixed": mixed,
    "random": random,
    "roomy": roomy,
    "stepwise": stepwise,
    "terse": terse,
    "terse_generous": terse_generous,
}
UNTOLD = ("hasty", "random")
"""Those who need no truth."""


class Aloud:
    def __init__(self, speaks: Policy, task: Task, seed: int) -> None:
        self.speaks, self.task, self.seed = speaks, task, seed

    async def act(self, past: Past, seen: Observation) -> Reply:
        thoughts = map(self.thought, self.frames(past, seen))
        reply = await self.speaks.act(past, seen)
        return Reply(f"<think>{' '.join(thoughts)}</think> {reply.text}")

    def frames(self, past: Past, seen: Observation) -> Sequence[int]:
        """Which are thought of."""
        lots = _lots(self.task, self.seed, len(past))
        last = [picture.frame for picture in seen.pictures[-1:]]
        others = sorted({picture.frame for picture in seen.pictures} - {*last})
        count = min(int(lots.integers(3) > 0), len(others))
        return [*lots.choice(others, count).tolist(), *last]

    def thought(self, frame: int) -> str:
        """What a frame shows of the target."""
        target = self.task.question.removeprefix("Find").removesuffix(".").strip()
        return f"Frame {frame} {target} {'appears' if frame in self.task.truth.boxes else 'leaves'}."


class Terse(Aloud):
    def frames(self, past: Past, seen: Observation) -> Sequence[int]:
        return [picture.frame for picture in seen.pictures[-1:]]


class Hasty:
    def __init__(self, task: Task, rules: Rules) -> None:
        self.task, self.rules = task, rules

    async def act(self, past: Past, seen: Observation) -> Reply:
        pictures = (past[0].seen if past else seen).pictures
        return Reply(self.rules.grammar.write(self.answer(pictures), self.rules.place(self.task, pictures)))

    def answer(self, pictures: Sequence[Picture]) -> Answer:
        """The picture with most of the colour that was asked for, and where that colour is on it."""
        if not pictures:
            return Answer()
        views = [pixels(picture).astype(float) for picture in pictures]
        means = np.array([view.mean((0, 1)) for view in views])
        usual = np.median(means if len(means) > 1 else views[0].reshape(-1, 3), axis=0)
        colour = _colour(self.task.question)
        best = int(np.argmax(_likeness(means, usual, colour)))
        x0, y0, x1, y1 = _extent(_likeness(views[best], usual, colour) > 0.5)
        space = pictures[best].space
        wide, high = space.units
        box = Box(x0 * wide, y0 * high, x1 * wide, y1 * high, space)
        return Answer(items=(Item(box=box),), keyframe=_named(self.task, pictures[best].frame))


class Random:
    def __init__(self, task: Task, rules: Rules, seed: int) -> None:
        self.task, self.rules, self.seed = task, rules, seed

    async def act(self, past: Past, seen: Observation) -> Reply:
        lots = _lots(self.task, self.seed, len(past))
        pictures = shown(past, seen)
        actions = self.rules.grammar.actions
        last = len(past) >= self.rules.max_turns - 1
        action = "answer" if last and "answer" in actions else actions[lots.integers(len(actions))]
        place = self.rules.place(self.task, pictures)
        frames = [picture.frame for picture in pictures]
        return Reply(self.rules.grammar.write(self.action(action, frames, place, lots), place))

    def action(self, action: str, frames: list[int], place: Place, lots: np.random.Generator) -> Select | Zoom | Answer:
        if action == "select":
            start, keyframe, end = sorted(lots.integers(self.task.video.length, size=3).tolist())
            return Select(Interval(start, end), keyframe)
        if not frames:
            return Answer()
        frame = frames[lots.integers(len(frames))]
        named = frame if action == "zoom" else _named(self.task, frame)
        space = place(named)
        assert space is not None, f"frame {frame} was shown and has no place"
        box = _anywhere(space, lots)
        return Zoom(frame, box) if action == "zoom" else Answer(items=(Item(box=box),), keyframe=named)


def _lots(task: Task, seed: int, turn: int = 0) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(task.id.encode()), turn])


def _named(task: Task, frame: int) -> int | None:
    """The keyframe of an answer; an image has but one frame, and it is not named."""
    return frame if task.video.length > 1 else None


# ---- beliefs that are not quite true ---------------------------------------------------------------------------------


def _moved(task: Task, start: int, end: int) -> tuple[Box, ...]:
    """The target's boxes on one frame, as boxes of another."""
    return tuple(Box(*box.corners, space=task.video.space(end)) for box in task.truth.boxes[start])


def _shaken(box: Box, jitter: float, lots: np.random.Generator) -> Box:
    """The box with each side off by about this share of its size, inside the picture and in order."""
    wide, high = box.x1 - box.x0, box.y1 - box.y0
    off = lots.normal(0, jitter, 4) * (wide, high, wide, high)
    x0, y0, x1, y1 = (np.array(box.corners) + off).tolist()
    return Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1), box.space).clamped()


def _anywhere(space: Space, lots: np.random.Generator) -> Box:
    """A box of at least a quarter of the picture's sides."""
    size = lots.uniform(0.25, 1, 2)
    low = lots.uniform(0, 1 - size)
    x0, y0, x1, y1 = (np.concatenate([low, low + size]) * np.tile(space.units, 2)).tolist()
    return Box(x0, y0, x1, y1, space)


# ---- what a glance shows ---------------------------------------------------------------------------------------------


def _colour(question: str) -> NDArray[np.float64] | None:
    """The colour a question speaks of first."""
    words = question.lower().replace(".", " ").split()
    return next((np.array(COLOURS[word], float) for word in words if word in COLOURS), None)


def _likeness(
    seen: NDArray[np.float64], usual: NDArray[np.float64], colour: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """How much of `colour` is in what is seen: 0 as usual, 1 all of it. Without a colour, how unusual it is."""
    off = seen - usual
    if colour is None:
        return np.linalg.norm(off, axis=-1) / 100
    toward = (colour - usual) / np.linalg.norm(colour - usual)
    along = off @ toward
    astray = np.linalg.norm(off - along[..., None] * toward, axis=-1)
    return (along - astray) / np.linalg.norm(colour - usual)


def _extent(there: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """What holds these pixels, as shares of the picture; the middle if they are none or all."""
    rows, columns = np.flatnonzero(there.any(1)), np.flatnonzero(there.any(0))
    if not rows.size or there.all():
        return MIDDLE
    height, width = there.shape
    return columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height

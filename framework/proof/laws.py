"""What holds for every reward, whatever it measures: laws that are tried on the episodes of a certification.

order         episodes in another order earn the same, each its own
translation   the truth and all that is said moved together earn the same
layout        line breaks inside an answer, and after a thought, change nothing
look          who draws half of the target gains nothing by looking last where it is not, and drawing nothing there
speed         a megabyte is read at once
"""

import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from framework.proof.case import Act, Case
from framework.proof.meaning import with_places
from framework.proof.wording import Changed
from framework.reward import FAILURES, Reward
from framework.types import Answer, AnyMask, Episode, Failure, Mask, Task, Zoom
from framework.vision import masks
from framework.vision.boxes import Box, Point

SAME = 1e-6
ROUNDED = 0.05
"""What is said is rounded: so much may change where things are moved."""
SHARE = 0.7
"""Of each box's width that is said where things are moved, so that not all is right."""
SLOW_S = 2.0
"""CPU seconds for one episode."""
STEPS = (4, -4, 8, -8, 16, -16)
"""A scene is moved by one of these parts of its size."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A part that does not hold to a law."""

    part: str
    law: str
    said: str
    episode: Episode


def breaches(
    rewards: Mapping[str, Reward], cases: Sequence[Case], episodes: Sequence[Episode], long: Episode
) -> Iterator[Breach]:
    """Every law on every part; one breach of a law is enough.

    `episodes` are all that were played of these cases; in the long one a megabyte was said.
    """
    moved, laid = [_moved_about(cases, _across), _moved_about(cases, _down)], list(_laid_out(cases))
    blank = list(_looked_away(cases))
    for name, reward in rewards.items():
        laws = (
            _order(reward, episodes),
            _translation(reward, moved),
            _layout(reward, laid),
            _look(reward, blank),
            _speed(reward, long),
        )
        yield from (Breach(name, *found) for law in laws if (found := next(law, None)))


Found = Iterator[tuple[str, str, Episode]]


def _order(reward: Reward, episodes: Sequence[Episode]) -> Found:
    places: list[int] = np.random.default_rng(0).permutation(len(episodes)).tolist()
    before = list(reward(episodes))
    shuffled: list[Episode] = [episodes[place] for place in places]
    after = dict(zip(places, reward(shuffled), strict=True))
    for place, episode in enumerate(episodes):
        if _change(before[place], after[place]) > SAME:
            was, is_ = _said(before[place]), _said(after[place])
            yield "order", f"earns {was} among these episodes, and {is_} among the same in another order", episode


def _speed(reward: Reward, long: Episode) -> Found:
    began = time.process_time()
    reward([long])
    took = time.process_time() - began
    if took > SLOW_S:
        yield "speed", f"takes {took:.1f} s of CPU for one long reply", long


# ---- layout ----------------------------------------------------------------------------------------------------------


def _spread(text: str) -> str:
    """Each number of the JSON on a line of its own."""
    start, end = re.search(r"[{\[]", text), max(text.rfind("}"), text.rfind("]"))
    if not start or end < start.start():
        return text
    inside = text[start.start() : end + 1]
    try:
        return text[: start.start()] + json.dumps(json.loads(inside), indent=1) + text[end + 1 :]
    except ValueError:
        return text


LAYOUTS: Mapping[str, Callable[[str], str]] = {
    "line breaks inside the answer": lambda text: re.sub(
        r"(<(?:select|zoom|answer|VTG)>)([^<]*)", lambda found: found[1] + _spread(found[2]), text
    ),
    "line breaks after a thought": lambda text: re.sub(r"</think>\s*", "</think>\n\n", text),
    "no line breaks after a thought": lambda text: re.sub(r"</think>\s+", "</think>", text),
}


def _laid_out(cases: Sequence[Case]) -> Iterator[tuple[str, Episode, Episode]]:
    """What is changed, and the gold answer before and after, where that is not the same."""
    for case in cases:
        gold = case.said(*case.actions)
        before = case.played(gold, ["right"])
        for words, change in LAYOUTS.items():
            after = case.played(Changed(gold, change), ["right"])
            if [turn.said.text for turn in after.turns] != [turn.said.text for turn in before.turns]:
                yield words, before, after


def _layout(reward: Reward, laid: Sequence[tuple[str, Episode, Episode]]) -> Found:
    was, is_ = reward([before for _, before, _ in laid]), reward([after for _, _, after in laid])
    for (words, _, after), one, other in zip(laid, was, is_, strict=True):
        if _change(one, other) > SAME:
            yield "layout", f"{words} change what the gold answer earns from {_said(one)} to {_said(other)}", after


# ---- look -----------------------------------------------------------------------------------------------------------


def _looked_away(cases: Sequence[Case]) -> Iterator[tuple[Episode, Episode]]:
    """Half of the target is drawn throughout; and the same, but that the last look showed none and nothing is drawn."""
    for case in cases:
        without = [frame for frame, there in enumerate(case.task.truth.present) if not there]
        if not case.draws or not without:
            continue
        looked = case.done(case.actions, "half")
        *before, last = looked.turns
        if last.drawn and last.drawn.on_keyframe:
            width, height = last.drawn.on_keyframe.width, last.drawn.on_keyframe.height
            nothing = Mask((width * height,), width, height)
            away = replace(last, drawn=replace(last.drawn, keyframe=without[0], on_keyframe=nothing))
            yield looked, replace(looked, turns=(*before, away))


def _look(reward: Reward, pairs: Sequence[tuple[Episode, Episode]]) -> Found:
    was, is_ = reward([looked for looked, _ in pairs]), reward([away for _, away in pairs])
    for (_, away), one, other in zip(pairs, was, is_, strict=True):
        if not isinstance(one, FAILURES) and not isinstance(other, FAILURES) and other > one + SAME:
            told = f"earns {_said(other)} by looking where the target is not, and {_said(one)} by looking where it is"
            yield "look", told, away


# ---- translation -----------------------------------------------------------------------------------------------------


def _translation(reward: Reward, moved: Sequence[Sequence[tuple[Episode, Episode]]]) -> Found:
    """One case may change by more than it should, since what is said is rounded, but not most."""
    for pairs in moved:
        values = list(zip(reward([each for each, _ in pairs]), reward([each for _, each in pairs]), strict=True))
        changes = [_change(was, is_) for was, is_ in values]
        if changes and np.median(changes) > ROUNDED:
            worst = int(np.argmax(changes))
            was, is_ = map(_said, values[worst])
            yield "translation", f"earns {was}, and {is_} once truth and answer are moved together", pairs[worst][1]


@dataclass(frozen=True, slots=True)
class Move:
    """So many original pixels right and down; what is left of a box's width is only a share of it."""

    right: int = 0
    down: int = 0
    share: float = 1.0

    def box(self, box: Box) -> Box:
        x0, y0, x1, y1 = box.to(original := box.space.original()).corners
        wide = (x1 - x0) * self.share
        return Box(x0 + self.right, y0 + self.down, x0 + wide + self.right, y1 + self.down, original).to(box.space)

    def point(self, point: Point) -> Point:
        there = point.to(original := point.space.original())
        return Point(there.x + self.right, there.y + self.down, original).to(point.space)

    def mask(self, mask: AnyMask, width: int, height: int) -> AnyMask:
        across, down = self.right * mask.width // width, self.down * mask.height // height
        return masks.encode(np.roll(masks.decode(mask), (down, across), (0, 1)))


def _across(case: Case) -> Iterator[Move]:
    """Those that leave every true box inside the picture."""
    yield from (Move(right=by) for by in _steps(case, 0, case.task.video.width))


def _down(case: Case) -> Iterator[Move]:
    yield from (Move(down=by) for by in _steps(case, 1, case.task.video.height))


def _steps(case: Case, axis: int, side: int) -> Iterator[int]:
    corners = [box.corners for there in case.task.truth.boxes.values() for box in there]
    low, high = min(each[axis] for each in corners or [(0, 0)]), max(each[axis + 2] for each in corners or [(0,) * 4])
    steps = [side // part for part in STEPS if corners and side % part == 0]
    yield from (by for by in steps if low + by >= 0 and high + by <= side)


def _moved_about(cases: Sequence[Case], moves: Callable[[Case], Iterator["Move"]]) -> list[tuple[Episode, Episode]]:
    """An episode of each case that may be moved so, and the same moved."""
    moved = [(case, move) for case in cases if (move := next(moves(case), None))]
    return [(_narrow(case, Move()), _narrow(replace(case, task=_moved(case.task, move)), move)) for case, move in moved]


def _narrow(case: Case, move: Move) -> Episode:
    """What the expert does, had it seen but a share of each box, and that moved."""
    acts = [_act(_act(action, Move(share=SHARE)), move) for action in case.actions]
    return case.done(acts, "right")


def _moved(task: Task, move: Move) -> Task:
    truth, video = task.truth, task.video
    return replace(
        task,
        truth=replace(
            truth,
            boxes={frame: tuple(map(move.box, there)) for frame, there in truth.boxes.items()},
            points={frame: tuple(map(move.point, there)) for frame, there in truth.points.items()},
            masks={frame: move.mask(mask, video.width, video.height) for frame, mask in truth.masks.items()},
        ),
    )


def _act(action: Act, move: Move) -> Act:
    match action:
        case Zoom(frame, box):
            return Zoom(frame, move.box(box))
        case Answer(items=items):
            return replace(action, items=tuple(with_places(item, move.box, move.point) for item in items))
        case _:
            return action


# ---- values ----------------------------------------------------------------------------------------------------------


def _change(one: float | Failure, other: float | Failure) -> float:
    """By how much; a failure differs from any number, and from other failures."""
    if isinstance(one, FAILURES) or isinstance(other, FAILURES):
        return 0.0 if type(one) is type(other) else math.inf
    return abs(one - other)


def _said(value: float | Failure) -> str:
    return type(value).__name__ if isinstance(value, FAILURES) else f"{value:.3f}"

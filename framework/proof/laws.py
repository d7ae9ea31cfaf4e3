"""What holds for every reward, whatever it measures: laws that are tried on the episodes of a certification.

order         episodes in another order earn the same, each its own
translation   the truth and all that is said moved together earn the same
layout        line breaks inside an answer, and after a thought, change nothing
speed         a megabyte is read at once
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from framework.proof.case import Act, Case
from framework.proof.wording import Laid
from framework.reward import FAILURES, Reward
from framework.types import Answer, AnyMask, Episode, Failure, Item, Task, Zoom
from framework.vision import masks
from framework.vision.boxes import Box, Point

SAME = 1e-6
NEARLY = 0.03
"""What is said is rounded: so much may change where things are moved."""
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
    for name, reward in rewards.items():
        laws = (_order(reward, episodes), _translation(reward, cases), _layout(reward, cases), _speed(reward, long))
        yield from (Breach(name, *found) for law in laws if (found := next(law, None)))


Found = Iterator[tuple[str, str, Episode]]


def _order(reward: Reward, episodes: Sequence[Episode]) -> Found:
    places: list[int] = np.random.default_rng(0).permutation(len(episodes)).tolist()
    before = list(reward(episodes))
    shuffled: list[Episode] = [episodes[place] for place in places]
    after = dict(zip(places, reward(shuffled), strict=True))
    for place, episode in enumerate(episodes):
        if not _alike(before[place], after[place], SAME):
            was, is_ = _said(before[place]), _said(after[place])
            yield "order", f"earns {was} among these episodes, and {is_} among the same in another order", episode


def _layout(reward: Reward, cases: Sequence[Case]) -> Found:
    for case in cases:
        gold = case.said(*case.actions)
        plain = case.played(gold, ["right"])
        for words, change in LAYOUTS.items():
            episode = case.played(Laid(gold, change), ["right"])
            if [turn.said.text for turn in episode.turns] == [turn.said.text for turn in plain.turns]:
                continue
            [was], [is_] = reward([plain]), reward([episode])
            if not _alike(was, is_, SAME):
                said = f"{words} change what the gold answer earns from {_said(was)} to {_said(is_)}"
                yield "layout", said, episode


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


# ---- translation -----------------------------------------------------------------------------------------------------


def _translation(reward: Reward, cases: Sequence[Case]) -> Found:
    for case in cases:
        if (move := next(_moves(case), None)) is None:
            continue
        there = replace(case, task=_moved(case.task, move))
        for share in (1.0, 0.6):
            acts = [_act(action, Move(0, 0, share)) for action in case.actions]
            further = [_act(action, move) for action in acts]
            before, after = case.played(case.said(*acts), ["right"]), there.played(there.said(*further), ["right"])
            [was], [is_] = reward([before]), reward([after])
            if not _alike(was, is_, NEARLY):
                said = f"earns {_said(was)}, and {_said(is_)} once truth and answer are moved together"
                yield "translation", said, after


@dataclass(frozen=True, slots=True)
class Move:
    """So many original pixels right and down; what is left of a box's width is only a share of it."""

    right: int
    down: int
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


def _moves(case: Case) -> Iterator[Move]:
    """Those that leave every true box inside the picture."""
    video = case.task.video
    corners = [box.corners for there in case.task.truth.boxes.values() for box in there]
    if not corners:
        return
    x0, y0 = (min(each[axis] for each in corners) for axis in (0, 1))
    x1, y1 = (max(each[axis] for each in corners) for axis in (2, 3))
    for part in STEPS:
        for move in (Move(video.width // part, 0), Move(0, video.height // part)):
            across, down = x0 + move.right >= 0 and x1 + move.right <= video.width, y1 + move.down <= video.height
            if across and down and y0 + move.down >= 0 and (video.width % part, video.height % part) == (0, 0):
                yield move


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
            return replace(action, items=tuple(_item(item, move) for item in items))
        case _:
            return action


def _item(item: Item, move: Move) -> Item:
    return Item(
        box=move.box(item.box) if item.box else None,
        point=move.point(item.point) if item.point else None,
        negatives=tuple(move.point(each) for each in item.negatives),
    )


# ---- values ----------------------------------------------------------------------------------------------------------


def _alike(one: float | Failure, other: float | Failure, within: float) -> bool:
    if isinstance(one, FAILURES) or isinstance(other, FAILURES):
        return type(one) is type(other)
    return abs(one - other) <= within


def _said(value: float | Failure) -> str:
    return type(value).__name__ if isinstance(value, FAILURES) else f"{value:.3f}"

"""The synthetic video world: clips drawn by lot, a question about each, and the exact truth.

    "lab:glance/train/17" ─▶ lots ─▶ Clip(scene, question) ─┬▶ Task: words and truth
                                                            └▶ pixels, where they are asked for

The name of a clip is all of it, so references travel and every process sees the same pixels.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from framework.errors import DataError, UnknownName
from framework.lab.levels import CELLS, LEVELS, UNSEEN_PAIRS, Level
from framework.lab.queries import Question, Track, ask
from framework.lab.scene import COLOURS, SHAPES, Scene, Thing, cut
from framework.registry import find
from framework.source import Source
from framework.types import Task, Truth, Video
from framework.vision import masks
from framework.vision.boxes import Box, Interval, Point

T = TypeVar("T")
Split = Literal["train", "eval", "held_out"]
SPLITS: tuple[Split, ...] = get_args(Split)
ROOM = 1_000_000
"""Clips of one seed."""
SLIVER = 0.15
"""A thing that shows less than this share of itself in a frame can hardly be pointed at: such scenes are not used."""
TRIES = 20_000


def _level(name: str) -> str:
    find(LEVELS, name, "level")
    return name


class World(Source):
    """Tasks of one level. Two splits never share a clip."""

    level: Annotated[str, AfterValidator(_level)] = "glance"
    """How hard it is; `framework/lab/levels.py` lists them."""
    split: Split = "train"
    """`train` never asks for an unseen pair of colour and shape, `held_out` always does, `eval` asks for any."""
    seed: int = Field(default=0, ge=0)
    """Each seed has clips of its own."""
    count: int = Field(default=1000, ge=1, le=ROOM)

    def size(self) -> int:
        return self.count

    def task(self, index: int) -> Task:
        name = f"{self.level}/{self.split}/{self.seed * ROOM + index}"
        if not 0 <= index < self.count:
            raise DataError(f"lab:{name}: there is no task {index} among {self.count}; raise count")
        return task(f"lab:{name}")


@dataclass(frozen=True, slots=True)
class Clip:
    scene: Scene
    question: Question
    kind: str


def task(source: str) -> Task:
    """What is asked about the clip of this name, and the truth."""
    clip = drawn(source)
    scene = clip.scene
    video = Video(source, scene.length, scene.size, scene.size)
    asked = f"Find {clip.question.words}."
    return Task(id=source.removeprefix("lab:"), question=asked, video=video, truth=_truth(clip, video))


def everything(task: Task) -> Task:
    """The task of somebody who takes all that is seen for what is asked for; first in each frame is what truly is."""
    clip, known = drawn(task.video.source), task.truth
    who = clip.scene.who()
    boxes, points, covered = dict(known.boxes), dict(known.points), dict(known.masks)
    for frame in np.flatnonzero(who.any((1, 2))).tolist():
        for number in sorted(set(np.unique(who[frame]).tolist()) - {0, clip.question.target + 1}):
            seen = who[frame] == number
            if box := masks.box(masks.encode(seen), task.video.space(frame)):
                boxes[frame] = (*boxes.get(frame, ()), box)
                points[frame] = (*points.get(frame, ()), _inner_point(clip.scene.things[number - 1], seen, box))
        covered[frame] = masks.encode(who[frame] > 0)
    span = known.interval and Interval(min(boxes), max(boxes))
    return replace(task, truth=replace(known, boxes=boxes, points=points, masks=covered, interval=span))


def render(source: str) -> NDArray[np.uint8]:
    """The frames of a clip, [T, H, W, 3], from its name alone."""
    return drawn(source).scene.frames()


@lru_cache(maxsize=512)
def drawn(source: str) -> Clip:
    """The clip of this name: scenes are drawn until one holds a question of the kind that was drawn first."""
    name, split, number = _read(source)
    level = LEVELS[name]
    digest = hashlib.blake2b(f"{name}/{split}/{number}".encode(), digest_size=16).digest()
    lots = np.random.default_rng(int.from_bytes(digest, "little"))
    kind = _one(level.kinds, lots)
    for _ in range(TRIES):
        scene = _scene(level, split, lots)
        if not any(_allowed(thing, split) for thing in scene.things):
            continue
        questions = [each for each in _asked(scene, kind, level) if _allowed(scene.things[each.target], split)]
        if questions:
            return Clip(scene, _one(questions, lots), kind)
    raise DataError(f"{source}: {TRIES:,} scenes of level {name!r} held no {kind!r} question; give it more things")


def _read(source: str) -> tuple[str, Split, int]:
    """The level, split and number in a clip's name."""
    parts = source.removeprefix("lab:").split("/")
    if not source.startswith("lab:") or len(parts) != 3 or not (parts[2].isascii() and parts[2].isdigit()):
        raise DataError(f"{source!r} is no clip of the lab; write lab:level/split/number, as in lab:glance/train/17")
    try:
        find(LEVELS, parts[0], "level")
        split = find(dict(zip(SPLITS, SPLITS, strict=True)), parts[1], "split")
    except UnknownName as error:
        raise DataError(f"{source}: {error}") from None
    return parts[0], split, int(parts[2])


# ---- lots ------------------------------------------------------------------------------------------------------------


def _scene(level: Level, split: Split, lots: np.random.Generator) -> Scene:
    things: list[Thing] = []
    for _ in range(int(lots.integers(level.things[0], level.things[1] + 1))):
        things.append(_thing(level, things, lots))
    # Splits never share a clip, because the shade of the background tells them apart.
    red, green, blue = (lots.integers(*level.grey, 3) * len(SPLITS) + SPLITS.index(split)).tolist()
    seed = int(lots.integers(2**32))
    return Scene(tuple(things), level.length, level.size, (red, green, blue), level.noise, seed)


def _thing(level: Level, earlier: Sequence[Thing], lots: np.random.Generator) -> Thing:
    colour, shape = _one(tuple(COLOURS), lots), _one(tuple(SHAPES), lots)
    if earlier and lots.random() < level.alike:
        shape = _one(earlier, lots).shape
    cell = level.size // CELLS
    radius = cell * int(lots.integers(level.radius[0], level.radius[1] + 1))
    life = int(lots.integers(level.life[0], level.life[1] + 1))
    low, high = radius, level.size - radius
    start = lots.uniform(low, high, 2)
    end = np.clip(start + lots.normal(0, level.size / 50, 2) * life, low, high)
    path = np.linspace(start, end, life)
    places = (np.round(path / cell).astype(int) * cell).tolist()
    first = int(lots.integers(level.length - life + 1))
    return Thing(colour, shape, radius, first, tuple((x, y) for x, y in places))


def _one(things: Sequence[T], lots: np.random.Generator) -> T:
    return things[int(lots.integers(len(things)))]


# ---- what the state says ---------------------------------------------------------------------------------------------


def _asked(scene: Scene, kind: str, level: Level) -> list[Question]:
    """The questions of this kind whose target is seen as well as the level wants."""
    shares = seen_shares(scene)
    if not shares.any(axis=1).all():
        return []
    frames = np.arange(scene.length)
    alive = np.array([(thing.first <= frames) & (frames < thing.first + len(thing.path)) for thing in scene.things])
    badly = alive & ((1 - shares > level.covered) | ((shares > 0) & (shares < SLIVER)))
    unfit = set(np.flatnonzero(badly.any(axis=1)).tolist())
    return [each for each in ask(kind, _tracks(scene, shares), scene.length) if each.target not in unfit]


def _tracks(scene: Scene, shares: NDArray[np.float64]) -> list[Track]:
    seen = shares > 0
    first, last = seen.argmax(1).tolist(), (scene.length - 1 - seen[:, ::-1].argmax(1)).tolist()
    drift = [(thing.path[-1][0] - thing.path[0][0]) / scene.size for thing in scene.things]
    lives = zip(scene.things, first, last, drift, strict=True)
    return [Track(thing.colour, thing.shape, begin, end, way) for thing, begin, end, way in lives]


def seen_shares(scene: Scene) -> NDArray[np.float64]:
    """How much of each thing is seen in each frame, [things, T], as a share of its own pixels."""
    count, who = len(scene.things) + 1, scene.who().reshape(scene.length, -1)
    rows = np.arange(scene.length)[:, None] * count
    seen = np.bincount((who + rows).ravel(), minlength=scene.length * count).reshape(scene.length, count)
    return seen.T[1:] / np.array([[thing.pixels] for thing in scene.things])


def _allowed(target: Thing, split: Split) -> bool:
    unseen = (target.colour, target.shape) in UNSEEN_PAIRS
    return split == "eval" or unseen == (split == "held_out")


def _truth(clip: Clip, video: Video) -> Truth:
    target = clip.scene.things[clip.question.target]
    seen = clip.scene.who() == clip.question.target + 1
    frames = np.flatnonzero(seen.any((1, 2))).tolist()
    exact = {frame: masks.encode(seen[frame]) for frame in frames}
    boxes = {frame: box for frame, mask in exact.items() if (box := masks.box(mask, video.space(frame)))}
    points = {frame: _inner_point(target, seen[frame], box) for frame, box in boxes.items()}
    return Truth(
        present=tuple(frame in exact for frame in range(video.length)),
        boxes={frame: (box,) for frame, box in boxes.items()},
        points={frame: (point,) for frame, point in points.items()},
        masks=exact,
        interval=Interval(frames[0], frames[-1]) if video.length > 1 else None,
        kind=clip.kind if _allowed(target, "train") else f"{clip.kind}, unseen pair",
    )


def _inner_point(target: Thing, seen: NDArray[np.bool_], box: Box) -> Point:
    """A point well inside what is seen of the target."""
    x0, y0, x1, y1 = (int(side) for side in box.corners)
    visible = seen[y0:y1, x0:x1]
    whole = np.count_nonzero(visible) == target.pixels
    column, row = _deepest(target.shape, target.radius) if whole else masks.deepest(visible)
    return Point(x0 + column + 0.5, y0 + row + 0.5, box.space)


@lru_cache(maxsize=512)
def _deepest(shape: str, radius: int) -> tuple[int, int]:
    """Of a shape that nothing covers, from the corner of its box."""
    stamp = cut(shape, radius)
    rows, columns = np.flatnonzero(stamp.any(1)), np.flatnonzero(stamp.any(0))
    return masks.deepest(stamp[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])

"""Every answered object beside every true one, as arrays over many episodes at once.

episode 0   said A B   true X          P answered objects, K true ones; positions in original pixels
episode 1   said C     true Y Z   ─▶   [episodes, P, K]   A–X  ·        C–Y  C–Z
                                                          B–X  ·         ·    ·       · is NaN
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from operator import attrgetter
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from framework.reward import Reward
from framework.types import Answer, Episode, Failure, Item, Malformed, NotApplicable, Truth
from framework.vision.boxes import Box, Point, Space

Values = NDArray[np.float64]
Counts = NDArray[np.int64]
Side = Annotated[int, Field(ge=1)]
Kind = Literal["box", "point"]

UNKNOWN = "what is on that frame is not known"


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of many episodes, one after another, in original pixels; NaN where one has no box or no point."""

    boxes: Values
    """[4, objects + 1]; the last is NaN."""
    points: Values
    """[2, objects + 1]"""
    counts: Counts
    """How many each episode has."""

    def grid(self, rows: Counts, depth: int) -> tuple[Values, Values]:
        """The first `depth` objects of these episodes: boxes [rows, depth, 4] and points [rows, depth, 2]."""
        first, numbers = (np.cumsum(self.counts) - self.counts)[rows], np.arange(depth)[:, None]
        places = np.where(numbers < self.counts[rows], first + numbers, -1)
        return self.boxes[:, places].transpose(2, 1, 0), self.points[:, places].transpose(2, 1, 0)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Answered objects beside true ones. Arrays meet by broadcasting: [episodes, P, 1, …] and [episodes, 1, K, …]."""

    said_boxes: Values
    said_points: Values
    true_boxes: Values
    true_points: Values
    sizes: Values
    """[episodes, 1, 1, 2]: width and height of each video."""

    def scale(self, image: tuple[int, int]) -> Values:
        """What a difference in original pixels is multiplied by to count in pixels of an image of this size."""
        return np.array(image) / self.sizes


@dataclass(frozen=True, slots=True)
class Beside:
    """What some episodes say and what is true on the frames that they speak of."""

    said: Objects
    true: Objects
    truths: Counts
    """The episodes' rows of `true`: those that share a truth share a row."""
    sizes: Values
    """[episodes, 2]"""
    known: NDArray[np.bool_]
    """Is the truth of that frame known?"""

    def pairs(self, rows: Counts, said: int, true: int) -> Pairs:
        """So many answered objects of each of these episodes beside so many true ones."""
        said_boxes, said_points = self.said.grid(rows, said)
        true_boxes, true_points = self.true.grid(self.truths[rows], true)
        sizes = self.sizes[rows, None, None]
        return Pairs(said_boxes[:, :, None], said_points[:, :, None], true_boxes[:, None], true_points[:, None], sizes)


class PairReward(Reward):
    """A number about one answered object and one true one.

    An episode's is that of the first object it says and the true one on that frame which suits it best, `worst` if
    there is none. `matched` joins such numbers over several objects.
    """

    said: ClassVar[Kind] = "box"
    """What it looks at of an answered object."""
    true: ClassVar[Kind] = "box"
    """And of a true one."""
    worst: ClassVar[float] = 0.0
    best: ClassVar[float] = 1.0

    @abstractmethod
    def of_pairs(self, pairs: Pairs) -> Values:
        """[episodes, P, K]; NaN where there is nothing to compare."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        return scored(episodes, self._lacking, self._fault, self._score)

    def _lacking(self, truth: Truth) -> str:
        there = truth.boxes if self.true == "box" else truth.points
        return "" if there else f"the task has no true {self.true}"

    def _fault(self, answer: Answer) -> str:
        return "" if self._first(answer) else f"the answer has no {self.said}"

    def _first(self, answer: Answer) -> Item | None:
        return next((item for item in answer.items if (item.box if self.said == "box" else item.point)), None)

    def _score(self, said: "Said") -> Values:
        firsts = [[item] if (item := self._first(answer)) else [] for answer in said.answers]
        there = said.beside(firsts)
        most = max(int(there.true.counts.max(initial=0)), 1)
        values = self.of_pairs(there.pairs(np.arange(len(firsts)), 1, most))[:, 0]
        return np.where(there.known, np.where(np.isnan(values), self.worst, values).max(1), np.nan)


class PixelReward(PairReward):
    """A number about a distance in pixels."""

    image: tuple[Side, Side] = (840, 840)
    """Pixels are those of the frame at this width and height."""


def scored(
    episodes: Sequence[Episode],
    lacking: Callable[[Truth], str],
    fault: Callable[[Answer], str],
    score: Callable[["Said"], Values],
) -> list[float | Failure]:
    """What `score` says of the episodes that have a truth and an answer without fault; the others' failures.

    `lacking` and `fault` give a reason, or nothing; a NaN means that the truth of that frame is not known.
    """
    found: list[float | Failure] = []
    sound: list[tuple[int, Episode, Answer]] = []
    for place, episode in enumerate(episodes):
        answer = episode.answer
        if reason := lacking(episode.task.truth):
            found.append(NotApplicable(reason))
        elif answer is None:
            found.append(Malformed("nothing was answered"))
        elif reason := fault(answer):
            found.append(Malformed(reason))
        else:
            found.append(0.0)
            sound.append((place, episode, answer))
    if sound:
        places, played, answers = zip(*sound, strict=True)
        for place, number in zip(places, score(Said(played, answers)).tolist(), strict=True):
            found[place] = number if number == number else NotApplicable(UNKNOWN)
    return found


# ---- from episodes to arrays -----------------------------------------------------------------------------------------

NO_SPACE = Space("", (0.0, 0.0, 1.0, 1.0), (1.0, 1.0))
NO_BOX = Box(np.nan, np.nan, np.nan, np.nan, NO_SPACE)
NO_POINT = Point(np.nan, np.nan, NO_SPACE)
_CORNERS = attrgetter("x0", "y0", "x1", "y1")
_POSITION = attrgetter("x", "y")
_SPACE = attrgetter("space")


class Said:
    """Episodes that answered, and the frames of which their answers speak."""

    def __init__(self, episodes: Sequence[Episode], answers: Sequence[Answer]) -> None:
        self.episodes = episodes
        self.answers = answers
        self.frames = [_frame(*each) for each in zip(episodes, answers, strict=True)]
        named = zip(episodes, self.frames, strict=True)
        self.pictures = [f"{episode.task.video.source}#{frame}" for episode, frame in named]
        self.sizes = np.array([(episode.task.video.width, episode.task.video.height) for episode in episodes], float)
        """[episodes, 2], width and height of each video."""

    def beside(self, items: Sequence[Sequence[Item]]) -> Beside:
        """These items of each episode, and all true objects of its frame.

        An item on another frame than the answer's is counted, but has no place.
        """
        every = list(chain.from_iterable(items))
        boxes, points = [item.box or NO_BOX for item in every], [item.point or NO_POINT for item in every]
        said = _objects(boxes, points, list(map(len, items)), self.pictures)
        rows: dict[tuple[int, str], int] = {}
        truths: list[int] = []
        true: list[list[tuple[Box, Point]]] = []
        known: list[bool] = []
        pictures: list[str] = []
        for episode, frame, picture in zip(self.episodes, self.frames, self.pictures, strict=True):
            truth = episode.task.truth
            row = rows.setdefault((id(truth), picture), len(true))
            if row == len(true):
                true.append(_true(truth, frame))
                known.append(bool(true[-1]) or not shows(truth, frame))
                pictures.append(picture)
            truths.append(row)
        boxes, points = [box for each in true for box, _ in each], [point for each in true for _, point in each]
        found = _objects(boxes, points, list(map(len, true)), pictures)
        which = np.array(truths, np.int64)
        return Beside(said, found, which, self.sizes, np.array(known, bool)[which])

    def placed(self, points: Sequence[Sequence[Point]]) -> tuple[Values, Counts]:
        """These points of each episode, one after another: [2, points] in original pixels, and whose each one is."""
        every, counts = list(chain.from_iterable(points)), list(map(len, points))
        return _carried(every, _POSITION, 2, counts, self.pictures), np.repeat(np.arange(len(counts)), counts)


def shows(truth: Truth, frame: int | None) -> bool:
    """Is it known that the target is visible on this frame?"""
    return frame is not None and frame < len(truth.present) and truth.present[frame]


def _frame(episode: Episode, answer: Answer) -> int | None:
    """The frame that an answer speaks of: its keyframe, or that of its first position, or the one shown last."""
    if answer.keyframe is not None:
        return answer.keyframe
    for item in answer.items:
        for position in (item.box, item.point, *item.negatives):
            if position is not None:
                return int(position.space.picture.rpartition("#")[2])
    pictures = (turn.seen.pictures[-1] for turn in reversed(episode.turns) if turn.seen.pictures)
    return next((picture.frame for picture in pictures), None)


def _true(truth: Truth, frame: int | None) -> list[tuple[Box, Point]]:
    if frame is None:
        return []
    pairs = zip_longest(truth.boxes.get(frame, ()), truth.points.get(frame, ()))
    return [(box or NO_BOX, point or NO_POINT) for box, point in pairs]


def _objects(boxes: Sequence[Box], points: Sequence[Point], counts: Sequence[int], pictures: Sequence[str]) -> Objects:
    counted, on = [*counts, 1], [*pictures, ""]
    return Objects(
        _carried([*boxes, NO_BOX], _CORNERS, 4, counted, on),
        _carried([*points, NO_POINT], _POSITION, 2, counted, on),
        np.array(counts, np.int64),
    )


def _carried(
    positions: Sequence[Box] | Sequence[Point],
    numbers: Callable[[Box | Point], tuple[float, ...]],
    axes: int,
    counts: Sequence[int],
    pictures: Sequence[str],
) -> Values:
    """[axes, positions] in original pixels: so many of each picture in turn; NaN if said of another picture."""
    spaces: list[Space] = list(map(_SPACE, positions))
    ids = list(map(id, spaces))
    unique = dict(zip(ids, spaces, strict=True))
    rows = {each: row for row, each in enumerate(unique)}
    named = {picture: number for number, picture in enumerate(dict.fromkeys(pictures))}
    ways = np.array([(*space.region, *space.units) for space in unique.values()]).reshape(-1, 6).T
    of_space = np.array([named.get(space.picture, -1) for space in unique.values()], np.int64)
    of_episode = np.fromiter(map(named.__getitem__, pictures), np.int64, len(pictures))
    way = np.fromiter(map(rows.__getitem__, ids), np.int64, len(ids))
    x0, y0, x1, y1, wide, high = np.where(of_space[way] == np.repeat(of_episode, counts), ways[:, way], np.nan)
    flat = np.fromiter(chain.from_iterable(map(numbers, positions)), np.float64, axes * len(ids))
    carried = flat.reshape(-1, axes).T
    along_x, along_y = carried[0::2] * ((x1 - x0) / wide) + x0, carried[1::2] * ((y1 - y0) / high) + y0
    return np.stack([along_x, along_y], 1).reshape(axes, -1)

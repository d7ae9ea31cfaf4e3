"""Every answered object beside every true one, as arrays over many episodes at once.

episode 0   said A B   true X          P answered objects, K true ones; positions in original pixels
episode 1   said C     true Y Z   ─▶   [episodes, P, K]   A–X  ·        C–Y  C–Z
                                                          B–X  ·         ·    ·       · is NaN
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, zip_longest
from operator import is_not
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from framework.reward import Reward
from framework.types import Answer, Episode, Failure, Item, Malformed, NotApplicable, Task, Truth
from framework.vision.boxes import Box, Point, Space

Values = NDArray[np.float64]
Counts = NDArray[np.int64]
Side = Annotated[int, Field(ge=1)]
Kind = Literal["box", "point"]
Object = tuple[Box | None, Point | None]

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
    truth, lacks = None, ""
    for place, episode in enumerate(episodes):
        if episode.task.truth is not truth:  # a group's lie together
            truth = episode.task.truth
            lacks = lacking(truth)
        answer = episode.answer
        if lacks:
            found.append(NotApplicable(lacks))
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


@dataclass(frozen=True, slots=True)
class Scene:
    """A frame of which answers speak, and what is true there."""

    truth: Truth
    frame: int | None
    picture: str
    size: tuple[int, int]
    """Width and height of the video."""


class Said:
    """Episodes that answered, and the frames of which their answers speak."""

    def __init__(self, episodes: Sequence[Episode], answers: Sequence[Answer]) -> None:
        self.episodes = episodes
        self.answers = answers
        self.frames = list(map(_frame, episodes, answers))
        self.scenes: list[Scene] = []
        rows: dict[tuple[int, int | None], int] = {}
        of: list[int] = []
        last, at, row = None, None, 0
        for episode, frame in zip(episodes, self.frames, strict=True):
            task = episode.task
            if task is not last or frame != at:  # a group's lie together
                last, at = task, frame
                row = rows.setdefault((id(task), frame), len(rows))
                if row == len(self.scenes):
                    self.scenes.append(_scene(task, frame))
            of.append(row)
        self.of: Counts = np.array(of, np.int64)
        """The episodes' scenes: those of one group that speak of one frame share one."""
        self.sizes: Values = np.array([scene.size for scene in self.scenes], np.float64)[self.of]
        """[episodes, 2], width and height of each video."""

    def beside(self, items: Sequence[Sequence[Item]]) -> Beside:
        """These items of each episode, and all true objects of its frame.

        An item on another frame than the answer's is counted, but has no place.
        """
        every = ((item.box, item.point) for each in items for item in each)
        said = self._objects(every, list(map(len, items)), self.of)
        true = [_true(scene.truth, scene.frame) for scene in self.scenes]
        known = [
            bool(objects) or not shows(scene.truth, scene.frame)
            for objects, scene in zip(true, self.scenes, strict=True)
        ]
        found = self._objects(chain.from_iterable(true), list(map(len, true)), np.arange(len(true)))
        return Beside(said, found, self.of, self.sizes, np.array(known, bool)[self.of])

    def placed(self, points: Sequence[Sequence[Point]]) -> tuple[Values, Counts]:
        """These points of each episode, one after another: [2, points] in original pixels, and whose each one is."""
        of = np.repeat(np.arange(len(points)), list(map(len, points)))
        every = list(chain.from_iterable(points))
        places = [point.x for point in every], [point.y for point in every]
        return self._carried(places, [point.space for point in every], self.of[of]), of

    def _objects(self, objects: Iterable[Object], counts: Sequence[int], of: Counts) -> Objects:
        """So many objects of each of these scenes in turn."""
        scenes = np.append(np.repeat(of, counts), 0)
        box_spaces, x0, y0, x1, y1 = list[Space](), *(list[float]() for _ in range(4))
        spaces, x, y = list[Space](), list[float](), list[float]()
        for box, point in chain(objects, [(None, None)]):  # once over them all: they lie far apart in memory
            box, point = box or NO_BOX, point or NO_POINT
            box_spaces.append(box.space)
            x0.append(box.x0)
            y0.append(box.y0)
            x1.append(box.x1)
            y1.append(box.y1)
            spaces.append(point.space)
            x.append(point.x)
            y.append(point.y)
        boxes, points = self._carried((x0, y0, x1, y1), box_spaces, scenes), self._carried((x, y), spaces, scenes)
        return Objects(boxes, points, np.array(counts, np.int64))

    def _carried(self, said: Sequence[Sequence[float]], spaces: Sequence[Space], scenes: Counts) -> Values:
        """What is said along x, y, x … in these spaces, in original pixels; NaN if of another picture than its scene's.

        Neighbours mostly share a space and a scene, so ways are looked up once a run of them.
        """
        carried = np.array([np.fromiter(line, np.float64, len(line)) for line in said])
        begins = np.fromiter(map(is_not, spaces, chain((None,), spaces)), np.bool_, len(spaces))
        begins[1:] |= scenes[1:] != scenes[:-1]
        starts = np.flatnonzero(begins)
        ways = np.array([_way(spaces[start], self.scenes[int(scenes[start])]) for start in map(int, starts)])
        wide, high, x, y = np.repeat(ways.reshape(-1, 4).T, np.diff(starts, append=len(spaces)), axis=1)
        carried[0::2] *= wide
        carried[0::2] += x
        carried[1::2] *= high
        carried[1::2] += y
        return carried


def _way(space: Space, scene: Scene) -> tuple[float, float, float, float]:
    """What x and y are multiplied by, and what is then added, to count in pixels of the scene."""
    if space.picture != scene.picture:
        return np.nan, np.nan, np.nan, np.nan
    x0, y0, x1, y1 = space.region
    wide, high = space.units
    return (x1 - x0) / wide, (y1 - y0) / high, x0, y0


def _scene(task: Task, frame: int | None) -> Scene:
    video = task.video
    return Scene(task.truth, frame, f"{video.source}#{frame}", (video.width, video.height))


def shows(truth: Truth, frame: int | None) -> bool:
    """Is it known that the target is visible on this frame?"""
    return frame is not None and frame < len(truth.present) and truth.present[frame]


def _frame(episode: Episode, answer: Answer) -> int | None:
    """The frame that an answer speaks of: its keyframe, or that of its first position, or the one shown last."""
    if answer.keyframe is not None:
        return answer.keyframe
    for item in answer.items:
        if position := item.box or item.point or next(iter(item.negatives), None):
            return _number(position.space.picture)
    pictures = (turn.seen.pictures[-1] for turn in reversed(episode.turns) if turn.seen.pictures)
    return next((picture.frame for picture in pictures), None)


@lru_cache(maxsize=4096)
def _number(picture: str) -> int:
    return int(picture.rpartition("#")[2])


def _true(truth: Truth, frame: int | None) -> list[Object]:
    return [] if frame is None else list(zip_longest(truth.boxes.get(frame, ()), truth.points.get(frame, ())))

"""What episodes answered, and what is true of the frames that they speak of: read once, as arrays.

episodes of one task, on one frame ─▶ a Scene, shared: truth, frame, size of the video
their answers' boxes and points    ─▶ Objects, in original pixels
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from operator import is_not

import numpy as np
from numpy.typing import NDArray

from framework.line import Values
from framework.reward import shared
from framework.tracing import frame_of
from framework.truth import guesses
from framework.types import Answer, Episode, Failure, Item, Malformed, NotApplicable, Task, Truth
from framework.vision.boxes import Box, Point, Space

Counts = NDArray[np.int64]

UNKNOWN = "what is on that frame is not known"
NOTHING = Answer()
"""Stands where an episode ended without an answer."""

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

    @classmethod
    def of(cls, task: Task, frame: int | None) -> "Scene":
        video = task.video
        return cls(task.truth, frame, f"{video.source}#{frame}", (video.width, video.height))

    @property
    def blank(self) -> bool:
        """Is the target not there, as far as one knows?"""
        if self.frame is None:
            return True
        shown = 0 <= self.frame < len(self.truth.present) and self.truth.present[self.frame]
        return not shown and (self.frame in self.truth.masks or not guesses(self.truth))

    @property
    def items(self) -> list[Item]:
        """The true objects."""
        if self.frame is None:
            return []
        boxes, points = self.truth.boxes.get(self.frame, ()), self.truth.points.get(self.frame, ())
        return [Item(box=box, point=point) for box, point in zip_longest(boxes, points)]


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of many answers or scenes, one after another, in original pixels; NaN for what one has not."""

    boxes: Values
    """[4, objects + 1]; the last is NaN."""
    points: Values
    """[2, objects + 1]"""
    counts: Counts
    """How many each has."""

    def grid(self, rows: Counts, depth: int) -> tuple[Values, Values]:
        """The first `depth` objects of these rows: boxes [rows, depth, 4] and points [rows, depth, 2]."""
        first, numbers = (np.cumsum(self.counts) - self.counts)[rows], np.arange(depth)[:, None]
        places = np.where(numbers < self.counts[rows], first + numbers, -1)
        return self.boxes[:, places].transpose(2, 1, 0), self.points[:, places].transpose(2, 1, 0)


@dataclass(frozen=True, slots=True)
class Said:
    """Answers of some episodes, and the scenes of which they speak."""

    answers: Sequence[Answer]
    scenes: Sequence[Scene]
    of: Counts
    """The answers' scenes: those of one task that speak of one frame share one."""

    @classmethod
    def by(cls, episodes: Sequence[Episode]) -> "Said":
        answers = [episode.answer or NOTHING for episode in episodes]
        scenes, of = list[Scene](), list[int]()
        rows: dict[tuple[int, int | None], int] = {}
        last, at, row = None, None, 0
        for episode, answer in zip(episodes, answers, strict=True):
            task, frame = episode.task, frame_of(episode, answer)
            if task is not last or frame != at:  # a group's lie together
                last, at = task, frame
                row = rows.setdefault((id(task), frame), len(rows))
                if row == len(scenes):
                    scenes.append(Scene.of(task, frame))
            of.append(row)
        return cls(answers, scenes, np.array(of, np.int64))

    def only(self, places: Sequence[int]) -> "Said":
        """Some of them."""
        if len(places) == len(self.answers):
            return self
        return Said([self.answers[place] for place in places], self.scenes, self.of[places])

    @property
    def sizes(self) -> Values:
        """[answers, 2], width and height of each video."""
        return np.array([scene.size for scene in self.scenes], np.float64)[self.of]

    def objects(self, items: Sequence[Sequence[Item]]) -> Objects:
        """These items of each answer. One on another frame than the answer's is counted, but has no place."""
        return self._objects(items, self.of)

    def true(self) -> Objects:
        """The true objects of each scene."""
        return self._objects([scene.items for scene in self.scenes], np.arange(len(self.scenes)))

    def placed(self, points: Sequence[Sequence[Point]]) -> tuple[Values, Counts]:
        """These points of each answer, one after another: [2, points] in original pixels, and whose each one is."""
        of = np.repeat(np.arange(len(points)), list(map(len, points)))
        said, spaces = list[float](), list[Space]()
        for point in chain.from_iterable(points):
            said += (point.x, point.y)
            spaces.append(point.space)
        return _carried(_lines(said, 2), self._ways(spaces, self.of[of])), of

    def _objects(self, items: Sequence[Sequence[Item]], of: Counts) -> Objects:
        """So many objects of each of these scenes in turn."""
        said, of_boxes, of_points = list[float](), list[Space](), list[Space]()
        for item in chain(chain.from_iterable(items), [Item()]):
            box, point = item.box or NO_BOX, item.point or NO_POINT
            said += (box.x0, box.y0, box.x1, box.y1, point.x, point.y)
            of_boxes.append(box.space)
            of_points.append(point.space)
        lines, counts = _lines(said, 6), np.fromiter(map(len, items), np.int64, len(items))
        scenes = np.append(np.repeat(of, counts), 0)
        ways = self._ways(of_boxes, scenes)
        points_ways = ways if of_points == of_boxes else self._ways(of_points, scenes)
        return Objects(_carried(lines[:4], ways), _carried(lines[4:], points_ways), counts)

    def _ways(self, spaces: Sequence[Space], scenes: Counts) -> Values:
        """How each of these spaces is carried to its scene: [4, spaces].

        Neighbours mostly share a space and a scene, so ways are looked up once a run of them.
        """
        begins = np.fromiter(map(is_not, spaces, chain((None,), spaces)), np.bool_, len(spaces))
        begins[1:] |= scenes[1:] != scenes[:-1]
        starts = np.flatnonzero(begins)
        ways = [_way(spaces[start], self.scenes[int(scenes[start])]) for start in map(int, starts)]
        return np.repeat(np.array(ways).reshape(-1, 4).T, np.diff(starts, append=len(spaces)), axis=1)


def scored(
    episodes: Sequence[Episode],
    lacking: Callable[[Truth], str],
    fault: Callable[[Answer], str],
    score: Callable[[Said], Values],
) -> list[float | Failure]:
    """What `score` says of the episodes that have a truth and an answer without fault; the others' failures.

    `lacking` and `fault` give a reason, or nothing; a NaN means that the truth of that frame is not known.
    """
    said = shared(Said.by, episodes)
    lacks = [lacking(scene.truth) for scene in said.scenes]
    of: list[int] = said.of.tolist()
    found, sound = list[float | Failure](), list[int]()
    for place, (scene, answer) in enumerate(zip(of, said.answers, strict=True)):
        if lack := lacks[scene]:
            found.append(NotApplicable(lack))
        elif answer is NOTHING:
            found.append(Malformed("nothing was answered"))
        elif reason := fault(answer):
            found.append(Malformed(reason))
        else:
            found.append(0.0)
            sound.append(place)
    if sound:
        for place, number in zip(sound, score(said.only(sound)).tolist(), strict=True):
            found[place] = number if number == number else NotApplicable(UNKNOWN)
    return found


def _lines(said: Sequence[float], each: int) -> Values:
    """Numbers that were told thing by thing, so many of each, as one line of each kind."""
    return np.fromiter(said, np.float64, len(said)).reshape(-1, each).T.copy()


def _carried(lines: Values, ways: Values) -> Values:
    """Lines of x, y, x … after going these ways."""
    wide, high, x, y = ways
    lines[0::2] *= wide
    lines[0::2] += x
    lines[1::2] *= high
    lines[1::2] += y
    return lines


def _way(space: Space, scene: Scene) -> tuple[float, float, float, float]:
    """What x and y are multiplied by, and what is then added, to count in original pixels; NaN if it is of another
    picture than the scene's."""
    if space.picture != scene.picture:
        return np.nan, np.nan, np.nan, np.nan
    x0, y0, x1, y1 = space.region
    wide, high = space.units
    return (x1 - x0) / wide, (y1 - y0) / high, x0, y0

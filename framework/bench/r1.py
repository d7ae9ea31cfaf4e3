"""Replies that name three objects each, scored by the rubric of VideoSeg-R1: all at once, and one after another.

    text ─▶ Grammar.parse ─▶ answer ─▶ box IoU, box L1, point: K × K ─▶ matched ─┐
                                   └─▶ negative points: steps to the mask ───────┴─▶ formula ─▶ total

`Loop` is the usual way to write it: numpy on the K × K matrix of one reply, `linear_sum_assignment`, and a distance map
of each task that was computed before. It reads replies by the same parser.
"""

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_cdt
from scipy.optimize import linear_sum_assignment

from framework.chat.grammar import Grammar
from framework.types import Action, Answer, Episode, Item, Observation, Picture, Stop, Task, Truth, Turn, Video
from framework.vision import masks
from framework.vision.boxes import Box, Point, Space

GROUP = 8
OBJECTS = 3
WIDTH, HEIGHT = 640, 480
IMAGE = 840
"""The side of the image whose pixels the thresholds are counted in."""
UNITS = 1000
"""The side of the picture, as replies count it."""
TAU = 40
GRAMMAR = Grammar(actions=("answer",))


@dataclass(frozen=True)
class Asked:
    """A task and what was replied to it."""

    task: Task
    seen: Observation
    space: Space
    """The positions of a reply are said in it."""
    replies: tuple[str, ...]

    def place(self, frame: int | None) -> Space:
        return self.space


def asked(episodes: int, seed: int = 0) -> list[Asked]:
    """Tasks, each with a group of replies: right, nearly right and wrong ones, in any order."""
    lots = random.Random(seed)
    return [_asked(number, lots) for number in range(episodes // GROUP)]


def _asked(number: int, lots: random.Random) -> Asked:
    video = Video(f"image {number}", 1, WIDTH, HEIGHT)
    space = video.space(0)
    boxes = [_box(lots, space) for _ in range(OBJECTS)]
    dense = np.zeros((HEIGHT, WIDTH), bool)
    for box in boxes:
        _draw(dense, box)
    truth = Truth(
        present=(True,),
        boxes={0: tuple(boxes)},
        points={0: tuple(box.centre for box in boxes)},
        masks={0: masks.encode(dense)},
    )
    said = space.counted_in(UNITS, UNITS)
    task = Task(id=str(number), question="Which ones leave the table?", video=video, truth=truth)
    seen = Observation((task.question, Picture(video, 0, (WIDTH, HEIGHT))))
    return Asked(task, seen, said, tuple(_reply(boxes, said, lots) for _ in range(GROUP)))


def _box(lots: random.Random, space: Space) -> Box:
    x, y = lots.randrange(400), lots.randrange(300)
    return Box(x, y, x + lots.randrange(20, 240), y + lots.randrange(20, 180), space)


def _draw(dense: masks.Dense, box: Box) -> None:
    x0, y0, x1, y1 = map(int, box.corners)
    rows, columns = np.mgrid[y0:y1, x0:x1] + 0.5
    wide, high = (x1 - x0) / 2, (y1 - y0) / 2
    dense[y0:y1, x0:x1] |= ((columns - x0) / wide - 1) ** 2 + ((rows - y0) / high - 1) ** 2 <= 1


def _reply(boxes: Sequence[Box], space: Space, lots: random.Random) -> str:
    """A thought and an answer; one in eight says too little, and one in eight says the same again and again."""
    off = lots.choice((0, 4, 12, 40))

    def near(value: float) -> int:
        return min(max(round(value + lots.gauss(0, off)), 0), UNITS)

    objects: list[dict[str, Any]] = []
    for box in (each.to(space) for each in boxes):
        x0, x1 = sorted((near(box.x0), near(box.x1)))
        y0, y1 = sorted((near(box.y0), near(box.y1)))
        point = [near(box.centre.x), near(box.centre.y)]
        beside = [min(x1 + lots.randrange(-10, 60), UNITS), y0]
        objects.append({"bbox_2d": [x0, y0, x1, y1], "point_2d": point, "neg_point_2d": beside})
    lots.shuffle(objects)
    if not lots.randrange(8):
        objects.pop()
    things = ["red bowl", "spoon", "small plate", "jug"]
    lots.shuffle(things)
    thought = [f"The {thing} stands {lots.choice(('left', 'right'))} of the lamp" for thing in things]
    if not lots.randrange(8):
        thought += thought[:2]
    return f"<think>{'. '.join(thought)}. These are meant.</think>\n<answer>{json.dumps(objects)}</answer>"


# ---- all at once -----------------------------------------------------------------------------------------------------


def played(tasks: Sequence[Asked]) -> list[Episode]:
    return [
        Episode(
            task=asked.task,
            turns=(Turn(asked.seen, Action(reply, GRAMMAR.parse(reply, 1, asked.place))),),
            stop=Stop.ANSWERED,
        )
        for asked in tasks
        for reply in asked.replies
    ]


# ---- one after another -----------------------------------------------------------------------------------------------

FORM = re.compile(r"\s*<think>.+?</think>\s*<answer>.+?</answer>\s*", re.DOTALL)


@dataclass(frozen=True)
class Known:
    """What is true of a task, as arrays in pixels of the image."""

    boxes: NDArray[np.float64]
    points: NDArray[np.float64]
    steps: NDArray[np.uint8]
    """From each pixel to the mask."""


class Loop:
    """The same rubric, reply by reply."""

    def __init__(self, tasks: Sequence[Asked]) -> None:
        every = [(asked, _known(asked.task.truth)) for asked in tasks]
        self.said = [(reply, asked, known) for asked, known in every for reply in asked.replies]

    def totals(self) -> list[float]:
        return [self.total(*each) for each in self.said]

    def geometries(self) -> list[float]:
        """The part of the totals that looks at places alone."""
        return [self.place(*each) for each in self.said]

    def total(self, reply: str, asked: Asked, known: Known) -> float:
        answer = GRAMMAR.parse(reply, 1, asked.place)
        form = float(FORM.fullmatch(reply) is not None) + self.repeats(reply)
        if not isinstance(answer, Answer):
            return form
        has = [(item.box is not None) + (item.point is not None) for item in answer.items]
        return form + sum(has) / len(has) + sum(self.geometry(answer.items, known))

    def place(self, reply: str, asked: Asked, known: Known) -> float:
        answer = GRAMMAR.parse(reply, 1, asked.place)
        return sum(self.geometry(answer.items, known)) if isinstance(answer, Answer) else 0.0

    def repeats(self, reply: str) -> float:
        sentences = [sentence.strip() for sentence in reply.split(".") if sentence.strip()]
        return float(len(sentences) - len(set(sentences)) < 2)

    def geometry(self, items: Sequence[Item], known: Known) -> tuple[float, float]:
        """Matched objects and negative points."""
        scale = IMAGE / UNITS
        boxes = np.array([item.box.corners for item in items if item.box]) * scale
        points = np.array([(item.point.x, item.point.y) for item in items if item.point]) * scale
        true = known.boxes
        corner = np.maximum(boxes[:, None, :2], true[None, :, :2])
        sides = np.clip(np.minimum(boxes[:, None, 2:], true[None, :, 2:]) - corner, 0, None)
        shared = sides[..., 0] * sides[..., 1]
        area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        true_area = (true[:, 2] - true[:, 0]) * (true[:, 3] - true[:, 1])
        iou = shared / (area[:, None] + true_area[None] - shared)
        far = np.abs(boxes[:, None] - true[None]).mean(-1)
        away = np.linalg.norm(points[:, None] - known.points[None], axis=-1)
        inside = np.all((points >= boxes[:, :2]) & (points <= boxes[:, 2:]), axis=-1)
        scores = (iou > 0.5).astype(float) + (far < 10) + ((away < 30) & inside[:, None])
        pairs = linear_sum_assignment(scores, maximize=True)
        negatives = [point for item in items for point in item.negatives]
        good = sum(0 < self.steps(point, known) <= TAU for point in negatives)
        matched = scores[pairs].sum() / max(len(boxes), len(true))
        return float(matched), good / len(negatives) if negatives else 0.0

    def steps(self, point: Point, known: Known) -> int:
        x, y = (int(along * IMAGE / UNITS + 1e-6) for along in (point.x, point.y))
        return int(known.steps[y, x]) if x < IMAGE and y < IMAGE else 0


def _known(truth: Truth) -> Known:
    image = np.array([IMAGE / WIDTH, IMAGE / HEIGHT])
    dense = masks.decode(masks.resized(truth.masks[0], IMAGE, IMAGE))
    steps: Any = distance_transform_cdt(~dense, metric="taxicab")
    return Known(
        np.array([box.corners for box in truth.boxes[0]]) * np.tile(image, 2),
        np.array([(point.x, point.y) for point in truth.points[0]]) * image,
        np.minimum(steps, 255).astype(np.uint8),
    )

"""How hard a clip of the synthetic world is, from its state: what a model that sees a real clip is asked for.

    "lab:film/train/17" ─▶ scene, question ─▶ (5.5, 7.1, 8.2, 4.0, 9.0)     1 to 10, on the axes of difficulty/rating.py

Every axis is a weighted share of what makes the world's clips hard, so that one colour that never hides comes near 1
and a film near 10. The weights are ours: they order clips, and are held against no person's judgement.
"""

import math

import numpy as np
from numpy.typing import NDArray

from framework.errors import DataError
from framework.lab.scene import Scene
from framework.lab.world import Clip, drawn, seen_shares
from framework.types import Task

WORDS = {
    "colour": 0.0,
    "attribute": 0.1,
    "first": 0.4,
    "last": 0.4,
    "leaves_first": 0.5,
    "direction": 0.5,
    "after": 0.8,
    "before": 0.8,
    "second": 0.9,
}
"""How much must be concluded to understand a question of each kind."""
LONGEST, NOISIEST, FASTEST = 32, 12, 1 / 15
"""The frames, the noise and the widths a frame of what is as hard as this world gets."""


def rate(task: Task) -> tuple[float, ...]:
    """How hard it is on each axis."""
    if not task.video.source.startswith("lab:"):
        raise DataError(f"{task.id}: rater: lab rates the clips of data that is lab; take a model, as rater.url=…")
    return rated(drawn(task.video.source))


def rated(clip: Clip) -> tuple[float, ...]:
    seen = seen_shares(clip.scene)
    hard = (_crowd(clip.scene), _outline(clip, seen), _moment(clip, seen), _motion(clip.scene), _words(clip))
    return tuple(round(1 + 9 * min(each, 1.0), 1) for each in hard)


def _crowd(scene: Scene) -> float:
    """Seven things, or some fewer in noise, are a crowd."""
    return (len(scene.things) - 1) / 6 + 0.2 * scene.noise / NOISIEST


def _outline(clip: Clip, seen: NDArray[np.float64]) -> float:
    """Small things, things behind others, and noise."""
    target = clip.scene.things[clip.question.target]
    side = math.sqrt(target.pixels) / clip.scene.size
    there = seen[clip.question.target, target.first : target.first + len(target.path)]
    return max(0.0, 1 - 2 * side) + (1 - float(there.mean())) + 0.2 * clip.scene.noise / NOISIEST


def _moment(clip: Clip, seen: NDArray[np.float64]) -> float:
    """A few frames of many."""
    absent = float((seen[clip.question.target] == 0).mean())
    return absent * math.log(clip.scene.length, LONGEST)


def _motion(scene: Scene) -> float:
    """How far things move from frame to frame, on average."""
    steps = [np.hypot(*np.diff(thing.path, axis=0).T) for thing in scene.things if len(thing.path) > 1]
    return float(np.concatenate(steps).mean()) / scene.size / FASTEST if steps else 0.0


def _words(clip: Clip) -> float:
    """What must be concluded, and whatever else has the target's colour or shape."""
    target, things = clip.scene.things[clip.question.target], clip.scene.things
    like = sum(each.colour == target.colour or each.shape == target.shape for each in things) - 1
    return WORDS[clip.kind] + 0.1 * like

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from framework.difficulty.rating import AXES, LEAST, MOST
from framework.errors import DataError
from framework.lab.levels import LEVELS
from framework.lab.queries import KINDS, Question
from framework.lab.rater import WORDS, rate, rated
from framework.lab.scene import Scene, Thing
from framework.lab.world import Clip, World
from framework.recipe import find_recipe
from framework.types import Task, Video
from rewards.length import SoftLength

TARGET = Thing("red", "square", radius=8, first=0, path=((20, 20),) * 4)
OTHER = Thing("blue", "circle", radius=8, first=0, path=((44, 44),) * 4)
CALM = Clip(Scene((TARGET, OTHER), 4, 64, (30, 30, 30), noise=0, noise_seed=0), Question("the red shape", 0), "colour")


def changed(target: Thing = TARGET, *others: Thing, noise: int = 0, kind: str = "colour") -> Clip:
    scene = replace(CALM.scene, things=(target, *(others or (OTHER,))), noise=noise)
    return replace(CALM, scene=scene, kind=kind)


def harder(clip: Clip) -> set[str]:
    """The axes on which it is harder than the calm one; it is easier on none."""
    pairs = list(zip(AXES, rated(clip), rated(CALM), strict=True))
    assert all(there >= calm for _, there, calm in pairs)
    return {axis for axis, there, calm in pairs if there > calm}


def test_each_axis_follows_what_it_is_about() -> None:
    assert harder(CALM) == set()
    assert harder(changed(TARGET, OTHER, replace(OTHER, shape="cross", colour="green"))) == {"scene complexity"}
    assert harder(changed(noise=12)) == {"scene complexity", "segmentation challenge"}
    assert harder(changed(replace(TARGET, radius=4))) == {"segmentation challenge"}
    assert harder(changed(TARGET, replace(OTHER, path=((26, 26),) * 4))) == {"segmentation challenge"}
    assert harder(changed(replace(TARGET, path=((20, 20),)))) == {"temporal ambiguity"}
    assert harder(changed(replace(TARGET, path=((20, 20), (24, 20), (28, 20), (32, 20))))) == {"motion complexity"}
    assert harder(changed(kind="second")) == {"linguistic ambiguity"}
    assert harder(changed(TARGET, replace(OTHER, colour="red"))) == {"linguistic ambiguity"}


def test_every_kind_of_question_has_its_weight() -> None:
    assert WORDS.keys() == KINDS.keys()


@pytest.mark.parametrize("level", LEVELS)
def test_ratings_are_from_1_to_10_and_the_same_each_time(level: str) -> None:
    source = World(level=level, count=5)
    found = [rate(source.task(row)) for row in range(5)]
    assert found == [rate(source.task(row)) for row in range(5)]
    assert all(len(each) == len(AXES) and all(LEAST <= one <= MOST for one in each) for each in found)


def test_levels_of_the_world_come_in_the_order_of_their_difficulty() -> None:
    names = ("still", "colour", "search", "order", "traffic", "film")
    hard = [np.mean([rate(World(level=name).task(row)) for row in range(20)]) for name in names]
    assert hard == sorted(hard)
    assert hard[0] < 3
    assert hard[-1] > 7


def test_what_the_miniature_trains_on_is_easy_medium_and_hard() -> None:
    recipe = find_recipe("videoseg_r1/mini")
    [length] = [each for each in recipe.rewards.values() if isinstance(each, SoftLength)]
    hard = [float(np.mean(rate(recipe.data.train.task(row)))) for row in range(100)]
    levels = Counter(map(length.difficulty.level, hard))
    assert min(levels[level] for level in ("easy", "medium", "hard")) > 20, levels


def test_a_clip_that_is_not_the_labs_is_refused() -> None:
    with pytest.raises(DataError, match="a: rater: lab rates the clips of data that is lab; take a model"):
        rate(Task(id="a", question="?", video=Video("a.mp4", 3, 64, 48)))

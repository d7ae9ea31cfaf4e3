from collections import Counter

import pytest

from framework.data.mixture import Mixture
from framework.errors import DataError, UserError
from framework.lab.world import World
from framework.recipe import find_recipe

ORDER, GLANCE = World(level="order", count=10), World(level="glance", count=4)


def mixed(**weights: float) -> Mixture:
    return Mixture(of={"order": ORDER, "glance": GLANCE}, weights=weights)


def drawn(source: Mixture) -> Counter[str]:
    return Counter(source.task(index).id for index in range(source.size()))


def test_every_task_of_every_source_is_there_once():
    assert drawn(mixed()) == Counter(
        source.task(index).id for source in (ORDER, GLANCE) for index in range(source.size())
    )


def test_a_weight_says_how_often_the_tasks_of_a_source_are_there():
    found = drawn(mixed(order=0.5, glance=3))
    assert [found[GLANCE.task(index).id] for index in range(4)] == [3] * 4
    assert [found[ORDER.task(index).id] for index in range(10)] == [1, 0] * 5


def test_a_source_of_which_nothing_is_left_is_passed_over():
    assert mixed(order=0.01).task(0) == GLANCE.task(0)


def test_a_row_beyond_the_last_is_refused():
    with pytest.raises(DataError, match="no row 14 among 14"):
        mixed().task(14)


def test_a_weight_of_what_is_not_there_is_named():
    changes = ["data.train.use=mixture", "data.train.of={mine: lab}", "data.train.weights={mime: 2}"]
    with pytest.raises(
        UserError, match=r"data\.train\.weights\.mime: is no source of this mixture; did you mean 'mine'"
    ):
        find_recipe("quickstart", changes)

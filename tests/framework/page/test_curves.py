from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from framework.page.curves import POINTS, series, smoothed

VALUES = st.lists(st.floats(-100, 100), min_size=1, max_size=40)


def lines(values: Sequence[float | None]) -> list[dict[str, float | None]]:
    return [{"step": number, "loss": value} for number, value in enumerate(values, 1)]


def test_a_long_curve_is_thinned_to_means_and_ends_at_its_last_step() -> None:
    found = series("loss", lines([1.0, 3.0] * POINTS), "loss")
    assert found
    assert len(found["steps"]) == len(found["values"]) == len(found["smooth"]) == POINTS
    assert set(found["values"]) == {2.0}
    assert found["steps"][-1] == 2 * POINTS


def test_where_the_worst_matters_it_is_not_averaged_away() -> None:
    found = series("gap", lines([1.0, 1.0] * 400 + [9.0, 1.0]), "loss", worst=True)
    assert found
    assert max(found["values"]) == 9.0


def test_steps_without_a_value_are_left_out() -> None:
    found = series("loss", lines([1.0, None, 2.0]), "loss")
    assert found
    assert (found["steps"], found["values"]) == ([1, 3], [1.0, 2.0])
    assert series("loss", lines([None]), "loss") is None


@given(VALUES, st.integers(0, 50))
def test_smoothing_stays_between_the_extremes(values: list[float], width: int) -> None:
    found = smoothed(np.array(values), width)
    assert (found >= min(values) - 1e-6).all()
    assert (found <= max(values) + 1e-6).all()


@given(VALUES)
def test_smoothing_over_nothing_changes_nothing(values: list[float]) -> None:
    assert np.allclose(smoothed(np.array(values), 0), values, atol=1e-9)

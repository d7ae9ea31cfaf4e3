"""Straight lines between points: how a number that was measured becomes one that counts.

[[0.4, 0], [0.9, 1.5]]             0 up to 0.4, rising to 1.5 at 0.9, and 1.5 beyond
[[0.2, -1], [0.2, 0], [1, 0]]      a jump at 0.2, where -1 still counts; 0 above
"""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator

from framework.fault import Fault

Values = NDArray[np.float64]


def _rising(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    numbers = [number for number, _ in points]
    if points and (len(numbers) == 1 or numbers != sorted(numbers) or any(numbers.count(each) > 2 for each in numbers)):
        said = [list(point) for point in points]
        raise Fault((), f"{said} will not do; it needs two or more points of rising number (the same twice is a jump)")
    return points


Points = Annotated[tuple[tuple[float, float], ...], AfterValidator(_rising)]
"""(number, what it counts): straight lines between them, flat beyond. None: every number counts what it is."""


def along(points: Sequence[tuple[float, float]], values: Values) -> Values:
    """What each number counts. NaN stays NaN.

    >>> along([(0.4, 0.0), (0.9, 1.5)], np.array([0.1, 0.65, 1.0]))
    array([0.  , 0.75, 1.5 ])
    """
    if not points:
        return values
    last_first = np.array(points[::-1], np.float64)
    return np.interp(-values, -last_first[:, 0], last_first[:, 1])  # of two at one number it takes the later

"""Figures as a table or a page shows them: – where there is none, a minus as wide as a plus, and a column for each."""

from collections.abc import Iterable


def number(value: float | None, form: str = "z.3f") -> str:
    """
    >>> number(0.5), number(-0.25, ".1%"), number(None), number(float("nan"))
    ('0.500', '−25.0%', '–', '–')
    """
    return "–" if value is None or value != value else format(value, form).replace("-", "−")


def signed(value: float, form: str = "+z.3f") -> str:
    """
    >>> signed(0.5), signed(-0.25)
    ('+0.500', '−0.250')
    """
    return format(value, form).replace("-", "−")


def names(rows: Iterable[Iterable[str]]) -> list[str]:
    """The names in any of several mappings or lists, in the order in which they come up.

    >>> names([{"form": 1.0, "place": 0.5}, {"place": 0.7, "length": 1.0}])
    ['form', 'place', 'length']
    """
    return list(dict.fromkeys(name for row in rows for name in row))

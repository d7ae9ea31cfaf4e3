"""Figures as a table or a page shows them: – where there is none, and a minus as wide as a plus."""


def number(value: float | None, form: str = ".3f") -> str:
    """
    >>> number(0.5), number(-0.25, ".1%"), number(None), number(float("nan"))
    ('0.500', '−25.0%', '–', '–')
    """
    return "–" if value is None or value != value else format(value, form).replace("-", "−")


def signed(value: float, form: str = "+.3f") -> str:
    """
    >>> signed(0.5), signed(-0.25)
    ('+0.500', '−0.250')
    """
    return format(value, form).replace("-", "−")

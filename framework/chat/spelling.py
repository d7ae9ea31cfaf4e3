"""How places, intervals and drawings are said inside an action, whoever reads or writes it."""

from collections.abc import Callable

from framework.config import Settings
from framework.vision.boxes import Space

Place = Callable[[int | None], Space | None]
"""The space in which a position on frame k is said; None as k means the picture shown last. None if never shown."""


class Spelling(Settings):
    clamp: bool = True
    """Pull an index past the end and a box over the edge back inside, and leave a point outside where it is; otherwise
    they are malformed."""
    half_open: bool = False
    """The said end of an interval lies outside it; by default it is the last frame."""
    turn_round: bool = False
    """Read an interval that is said backwards as if it were not; otherwise it is malformed."""
    intervals: bool = True
    """Selections and answers say an interval; without, a keyframe alone is said and is all that is selected."""
    vtg: bool = False
    """Write the JSON of select and answer inside <VTG>…</VTG>; both forms are read."""
    draws: str = ""
    """The token by which a reply draws, as [SEG]: every action ends with <RefSeg>[SEG]</RefSeg>, and experts say no
    boxes. Empty draws nothing. What is read may draw or not, in <RefVOS> as well; rewards ask for the exact form."""
    ends: tuple[str, str] = ("start", "end")
    """What the first and the last frame of an interval are called."""

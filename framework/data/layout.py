"""How a public dataset lies on the disk: a Layout opens it and turns one video after another into a Clip.

    Layout(root, split) ─▶ videos() ─▶ clip("v1") ─▶ Found(Clip, left_out)

A file that all of it needs and that is not there is a UserError at once. What is wrong with one video or one expression
is a fault that leaves out just this, with the reason, and the rest goes on.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from framework.data.schema import Clip
from framework.errors import DataError, PixelError, UserError
from framework.registry import nearest

FAULTS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
"""What reading a file may end in that is not as its publishers say: a DataError, or a value of another kind."""


def reason(fault: Exception) -> str:
    """Why something was left out."""
    if isinstance(fault, UserError | PixelError):
        return str(fault)
    return f"is not as published: {type(fault).__name__} ({fault})"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An expression that became no row, and why."""

    video: str
    expression: str
    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """What one video gave."""

    clip: Clip
    left_out: tuple[LeftOut, ...] = ()


class Layout(ABC):
    """One dataset, opened."""

    name: ClassVar[str]
    licence: ClassVar[str]
    """What its publishers say of its use; shown, and stored beside what is made of it."""
    caution: ClassVar[str] = ""
    """What others have found wrong with it as published; shown."""
    splits: ClassVar[tuple[str, ...]]

    def __init__(self, root: Path, split: str) -> None:
        self.root, self.split = root, split

    @classmethod
    def opened(cls, root: Path, split: str) -> "Layout":
        """A split of the dataset that lies in this folder."""
        if split not in cls.splits:
            raise UserError(f"{cls.name} has no split {split!r}; {nearest(split, cls.splits)}")
        if not (home := root.expanduser().absolute()).is_dir():
            raise UserError(f"{root}: there is no such folder; give --root the folder of {cls.name}")
        try:
            return cls.of(home, split)
        except FAULTS as fault:
            if isinstance(fault, UserError):
                raise
            raise DataError(f"{home}: {cls.name} {split} {reason(fault)}; fetch its files again") from fault

    @classmethod
    def of(cls, root: Path, split: str) -> "Layout":
        return cls(root, split)

    @abstractmethod
    def videos(self, limit: int | None = None) -> Sequence[str]:
        """The names of all, or of the first few; always in the same order."""

    @abstractmethod
    def expressions(self, video: str) -> Sequence[str]:
        """The names of what is said of it, for the list of what was left out."""

    @abstractmethod
    def clip(self, video: str) -> Found: ...

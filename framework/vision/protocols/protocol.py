"""What a published evaluation is: which frames of an expression count, what is measured on them, what is averaged.

    Case (the truth of an expression) ┐
                                      ├─▶ Protocol.video ─▶ Scored, one for each expression ─▶ Protocol.lines ─▶ table
    Prediction, or None               ┘

What was not predicted scores 0 and is counted: an expression without a prediction in all, and a frame without one in
all that is measured by frame. `compat=True` does as the published script does where it differs; `quirks` says how.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from framework.errors import DataError
from framework.figures import names
from framework.types import AnyMask, Mask
from framework.vision import masks
from framework.vision.metrics import PerFrame, similarities_and_accuracies
from framework.vision.predictions import Prediction

Clip = NDArray[np.bool_]
"""[T, W, H]: every frame mirrored at its diagonal, as run lengths go; no metric here knows the difference."""

AT_ONCE = 2**22
"""Pixels of a clip that are held at a time: memory that is used again at once costs least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The truth of one expression."""

    video: str
    expression: str
    type: str = ""
    length: int
    width: int
    height: int
    annotated: tuple[int, ...]
    """Frames of which the truth is known."""
    objects: tuple[Mapping[int, Mask], ...] = ()
    """Frame → mask of each object that is asked for, where it is seen."""
    foreground: Mapping[int, Mask] | None = None
    """Frame → all that is annotated in the video, if the dataset says so."""
    ignored: Mapping[int, Mask] = field(default_factory=dict[int, Mask])
    """Frame → pixels that count for nothing."""
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What only this dataset has."""


Pair = tuple[Case, Prediction | None]
Values = Mapping[str, PerFrame]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What one expression scored."""

    video: str
    expression: str
    type: str
    values: Mapping[str, float]
    """j, f and whatever else the protocol measures; a value that the data cannot give is left out."""
    missing: bool = False
    missing_frames: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the table: means over expressions of one type, or over all."""

    name: str
    n: int
    missing: int
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Protocol:
    """J and F of each expression over its annotated frames, and their means; each protocol says what is its own."""

    compat: bool = False

    name: ClassVar[str]
    split: ClassVar[str]
    """The split that papers report."""
    columns: ClassVar[tuple[str, ...]] = ("j_and_f", "j", "f")
    """In the order of the papers' tables."""
    overall: ClassVar[tuple[str, ...]] = ()
    """Types whose means make the overall mean, each with the same weight; without any, all expressions do."""
    quirks: ClassVar[str] = ""

    def frames(self, case: Case) -> Sequence[int]:
        """The frames that count; one that is there twice counts twice."""
        return case.annotated

    def video(self, pairs: Sequence[Pair]) -> list[Scored]:
        """All expressions of one video."""
        return [self.expression(case, said) for case, said in pairs]

    def expression(self, case: Case, said: Prediction | None) -> Scored:
        found = self.by_frame(case, said)
        return self.scored(case, said, {name: float(values.mean()) for name, values in found.items()})

    def measure(self, case: Case, frames: Sequence[int], pred: Clip, right: Clip) -> Values:
        """What is measured on each of these frames."""
        j, f = similarities_and_accuracies(pred, right)
        return {"j": j, "f": f}

    def by_frame(self, case: Case, said: Prediction | None) -> Values:
        """What is measured on each frame that counts; 0 where nothing was predicted."""
        frames, given = self.frames(case), said or Prediction({})
        if not frames:
            raise DataError(f"video {case.video}, expression {case.expression}: no frame is annotated; leave it out")
        together = max(1, AT_ONCE // (case.width * case.height))
        parts: list[Values] = []
        for first in range(0, len(frames), together):
            some = frames[first : first + together]
            parts.append(self.measure(case, some, drawn(case, given, some), true(case, some)))
        there = np.array([frame in given.masks for frame in frames])
        return {name: np.concatenate([part[name] for part in parts]) * there for name in parts[0]}

    def scored(self, case: Case, said: Prediction | None, values: Mapping[str, float]) -> Scored:
        lacking = 0 if said is None else len(set(self.frames(case)) - set(said.masks))
        return Scored(
            video=case.video,
            expression=case.expression,
            type=case.type,
            values=dict.fromkeys(values, 0.0) if said is None else values,
            missing=said is None,
            missing_frames=lacking,
        )

    # ---- means -------------------------------------------------------------------------------------------------------

    def lines(self, scored: Sequence[Scored]) -> list[Line]:
        """A line for each type, if there are any, and the overall one last."""
        counted = [each for each in scored if self.counts(each)]
        types = sorted({each.type for each in counted} - {""}, key=self._place)
        of_types = [self._line(name, [each for each in counted if each.type == name]) for name in types]
        whole = self._line("overall", counted)
        made_of = [line for line in of_types if line.name in self.overall]
        if made_of:
            known = names(line.values for line in made_of)
            whole = Line(
                name="overall",
                n=whole.n,
                missing=whole.missing,
                values={name: _mean(line.values[name] for line in made_of if name in line.values) for name in known},
            )
        return [*of_types, whole]

    def counts(self, scored: Scored) -> bool:
        return True

    def means(self, scored: Sequence[Scored]) -> dict[str, float]:
        """The means of some expressions."""
        known = names(each.values for each in scored)
        found = {name: _mean(each.values[name] for each in scored if name in each.values) for name in known}
        return found | {"j_and_f": (found["j"] + found["f"]) / 2}

    def _line(self, name: str, scored: Sequence[Scored]) -> Line:
        missing = sum(each.missing for each in scored)
        return Line(name=name, n=len(scored), missing=missing, values=self.means(scored) if scored else {})

    def _place(self, type: str) -> tuple[int, str]:
        return (self.overall.index(type) if type in self.overall else len(self.overall), type)


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


# ---- pixels ----------------------------------------------------------------------------------------------------------


def true(case: Case, frames: Sequence[int]) -> Clip:
    """The pixels of any object, without those that count for nothing."""
    return _counted(case, frames, clip(case, seen_in(case.objects, frames)))


def drawn(case: Case, said: Prediction, frames: Sequence[int]) -> Clip:
    """The pixels of a prediction, without those that count for nothing."""
    return _counted(case, frames, clip(case, seen_in([said.masks], frames)))


def _counted(case: Case, frames: Sequence[int], pixels: Clip) -> Clip:
    return pixels & ~clip(case, seen_in([case.ignored], frames)) if case.ignored else pixels


def seen_in(several: Sequence[Mapping[int, AnyMask]], frames: Sequence[int]) -> list[list[AnyMask]]:
    """The masks of each frame."""
    return [[each[frame] for each in several if frame in each] for frame in frames]


def clip(case: Case, several: Sequence[Sequence[AnyMask]]) -> Clip:
    """The pixels of any of the masks of each frame."""
    pixels = np.zeros((len(several), case.width, case.height), np.bool_)
    for frame, each in zip(pixels, several, strict=True):
        for mask in each:
            frame |= masks.decode(mask).T
    return pixels

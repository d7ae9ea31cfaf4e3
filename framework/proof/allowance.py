"""What `limner reward certify` lets pass: the `certify:` section of a recipe, in which each exception has its reason.

certify:
  gold: "<think>The red one.</think>{action}"       how the expert words each reply
  whole_image:
    bound: 0.4                                      of what the gold answer earns
    parts: [place]
    because: things fill a third of these pictures
"""

import math
from collections.abc import Iterator
from typing import Any, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from framework.config import Fault, Settings
from framework.rubric import TOTAL


class Exemption(Settings):
    """Rewards that are not held to it, and why that is no harm."""

    parts: tuple[str, ...] = ()
    """Their names; `total` is the sum."""
    because: str = Field(min_length=1)
    """Why."""


class Allowance(Exemption):
    """More than a trick may usually earn."""

    bound: float | None = Field(default=None, gt=0)
    """The share of what the gold answer earns, in total and in these parts. If not said, these parts may be taken in
    altogether, and the total as little as usual."""

    def for_(self, part: str, usual: float) -> float:
        """What a part, or the total, may be earned of."""
        if self.bound is not None and (part in self.parts or part == TOTAL):
            return self.bound
        return math.inf if self.bound is None and part in self.parts else usual

    @model_validator(mode="after")
    def _allows_something(self) -> Self:
        if self.bound is None and not self.parts:
            raise Fault((), "allows nothing; say a bound, or the parts that may be taken in")
        return self


class Certify(Settings):
    """How the gold answer is worded, and what is allowed to which trick."""

    gold: str = "{action}"
    """What the expert says around each of its actions: {action} is all of it, or <{tag}>{body}</{tag}>."""
    best: Exemption | None = None
    """These parts need not give the gold answer the most there is."""
    laws: Exemption | None = None
    """These parts need not hold to the laws of order, translation, layout and speed."""

    empty: Allowance | None = None
    """Says nothing at all."""
    empty_answer: Allowance | None = None
    """Answers with empty words."""
    copied_prompt: Allowance | None = None
    """Says what it was shown."""
    repeated_answer: Allowance | None = None
    """Says its whole reply several times over."""
    junk_before: Allowance | None = None
    """Says something else before its reply."""
    tag_soup: Allowance | None = None
    """Says all the tags and words that a pattern may look for, in no order."""
    longer_words: Allowance | None = None
    """Says longer words in which those that a pattern looks for may be found."""
    megabyte: Allowance | None = None
    """Says a megabyte of text."""
    never_answers: Allowance | None = None
    """Looks again and again, and never answers."""
    whole_image: Allowance | None = None
    """Says that the target is the whole picture."""
    looks_away: Allowance | None = None
    """Says a box without area, on a frame on which the target is not."""
    all_frames: Allowance | None = None
    """Says that the target is seen in all frames."""
    one_frame: Allowance | None = None
    """Says an interval of the one frame it is sure of."""
    breaks_off: Allowance | None = None
    """Looks, and then says nothing that can be read."""
    union_of_masks: Allowance | None = None
    """Draws every pixel, whatever masks there are."""
    spoiled_frames: Allowance | None = None
    """Draws all frames badly but the keyframe, so that this one stands out."""
    bad_first: Allowance | None = None
    """Draws badly first, so as to get better."""
    barely_better: Allowance | None = None
    """Gets better by next to nothing."""

    def exceptions(self) -> Iterator[tuple[str, Exemption]]:
        """What is said, by the names above."""
        for name in type(self).model_fields:
            if isinstance(said := getattr(self, name), Exemption):
                yield name, said

    @model_serializer(mode="wrap")
    def _only_what_is_said(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in dump(self).items() if value is not None}

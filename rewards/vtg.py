"""What VideoSEG-O3's replies say, as its authors' patterns read them.

    <think>Step 1 … Action …</think><select><VTG>{"start": 2, "end": 5, "keyframe": 9}</VTG>, <RefSeg>[SEG]</RefSeg> …
           └─ steps: 1/2 ─┘                 └─── place in a clip of 8 frames: 2, 5, 7 ──┘

A text is read in time linear in its length, whatever it holds.
"""

import ast
import json
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, cast

from framework.chat.blocks import LONGEST

_THOUGHT_THEN = re.compile(r"</think>\s*<(answer|select)>")
_OPENING = re.compile(r"<(answer|select)>")
_THINK, _THOUGHT = re.compile("<think>", re.IGNORECASE), re.compile("</think>", re.IGNORECASE)
STEPS = ("step 1", "step 2", "step 3", "action")


def follows(text: str, tags: Sequence[str] = ("answer", "select"), anywhere: bool = False) -> str | None:
    """The inside of the first of these blocks that follows a thought, which starts the text or stands anywhere."""
    start = text.find("<think>")
    if start < 0 or (start > 0 and not anywhere):
        return None
    open_ = set(tags)
    for found in _THOUGHT_THEN.finditer(text, start + len("<think>")):
        tag = found[1]
        if tag in open_:
            end = text.find(f"</{tag}>", found.end())
            if end >= 0:
                return text[found.end() : end]
            open_.remove(tag)  # nor does it close after a later opening: that keeps this linear
    return None


def inside(text: str, tag: str) -> str | None:
    """What stands in the first <tag>…</tag>."""
    start = text.find(f"<{tag}>")
    end = text.find(f"</{tag}>", start)
    return text[start + len(tag) + 2 : end] if 0 <= start < end else None


def is_strict(text: str) -> bool:
    """Is a thought followed by a block with a place in numbers and a mask?"""
    block = follows(text, anywhere=True)
    numbers, mask = (inside(block, "VTG"), inside(block, "RefSeg")) if block is not None else (None, None)
    if numbers is None or mask is None or "[SEG]" not in mask:
        return False
    try:
        said = json.loads(numbers)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and {"start", "end", "keyframe"} <= cast(Mapping[str, Any], said).keys()


def thought(text: str) -> str | None:
    """The inside of the first thought, its tags in letters of any size."""
    opening = _THINK.search(text)
    closing = _THOUGHT.search(text, opening.end()) if opening else None
    return text[opening.end() : closing.start()] if opening and closing else None


def steps(text: str) -> float:
    """The share of the four headings that stand in the first thought, as letters."""
    thinks = (thought(text) or "").lower()
    return sum(step in thinks for step in STEPS) / len(STEPS)


def last_place(text: str) -> str | None:
    """What stands in the <VTG> of the last block that has one before it closes."""
    said, past, open_ = None, 0, {"answer", "select"}
    for opening in _OPENING.finditer(text):
        tag = opening[1]
        if opening.start() < past or tag not in open_:
            continue
        start = text.find("<VTG>", opening.end())
        end = text.find("</VTG>", start)
        if start < 0 or end < 0:
            break
        closing = text.find(f"</{tag}>", end)
        if closing < 0:
            open_.remove(tag)
            continue
        said, past = text[start + len("<VTG>") : end], closing + len(tag) + 3
    return said


def place(text: str, length: int) -> tuple[int, int, int] | None:
    """start, end and keyframe, pulled into a clip of `length` frames; what is not said is 0."""
    said = _literal(last_place(text) or "")
    if not isinstance(said, dict):
        return None
    values = [cast(Mapping[str, Any], said).get(key, 0) for key in ("start", "end", "keyframe")]
    try:
        start, end, keyframe = [int(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0, min(start, length)), max(0, min(end, length)), max(0, min(keyframe, length - 1))


def _literal(said: str) -> Any:
    """What it means as a value of Python; None if nothing. A block of more than LONGEST characters is not read."""
    if not said or len(said) > LONGEST:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python's own, about odd escapes
        try:
            return ast.literal_eval(said.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return None

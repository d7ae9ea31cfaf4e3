"""The one parser of replies, and its inverse. Env, rewards and evaluation all read through it.

    <think>…</think> <select>{"start": 2, "end": 5, "keyframe": 3}</select>        look at frames 2–5, at 3 large
    <zoom>{"frame": 3, "bbox_2d": [x0, y0, x1, y1]}</zoom>                          look at a part of frame 3
    <answer>{"start": 2, "end": 5, "keyframe": 3, "bbox_2d": [x0, y0, x1, y1]}</answer>
    <answer>{"keyframe": 3, "objects": [{"bbox_2d": …}, …]}</answer>                 several objects on frame 3
    <answer>[{"bbox_2d": [x0, y0, x1, y1], "point_2d": [x, y], "neg_point_2d": [x, y]}, …]</answer>
    <answer>Paris</answer>

As VideoSEG-O3 writes it, the JSON of a block may stand inside <VTG>…</VTG>, and behind it what is drawn:

    <select><VTG>{"start": 2, "end": 5, "keyframe": 3}</VTG>, <RefSeg>[SEG]</RefSeg></select>

What is no action comes back as Malformed with the reason; nothing here raises, whatever the reply.
"""

from collections.abc import Callable
from typing import Literal

from pydantic import Field

from framework.chat.blocks import LONGEST, Unreadable, blocks, unwrapped
from framework.chat.reader import Reader
from framework.chat.spelling import Place, Spelling
from framework.chat.writer import Writer
from framework.types import Answer, Malformed, Parsed, Select, Zoom

LONGEST_REASON = 500
"""Characters: what is no action is told to whoever said it, and may quote a number of thousands of digits."""


class Grammar(Spelling):
    """How replies are written in this game."""

    actions: tuple[Literal["select", "zoom", "answer"], ...] = Field(default=("select", "answer"), min_length=1)
    """What may be done."""
    several: Literal["malformed", "first", "last"] = "malformed"
    """What two actions in one reply mean."""
    words: tuple[str, ...] = ()
    """An answer says one of these, in letters of any size; empty lets it say anything."""

    def parse(self, text: str, length: int, place: Place) -> Parsed:
        """What a reply means in a clip of `length` frames."""
        block = self._block(text)
        if isinstance(block, Malformed):
            return block
        tag, body = block
        try:
            said = _READERS[tag](Reader(self, length, place), unwrapped(body))
        except Unreadable as fault:
            return Malformed(f"{tag}: {str(fault)[:LONGEST_REASON]}")
        if self.words and isinstance(said, Answer) and self.word(said) is None:
            return Malformed(f"no action {said.text[:40]!r}; say one of {', '.join(self.words)}")
        return said

    def word(self, answer: Answer) -> int | None:
        """Which of the words an answer says."""
        said = plain(answer.text)
        return next((place for place, word in enumerate(self.words) if plain(word) == said), None)

    def write(self, action: Select | Zoom | Answer, place: Place) -> str:
        """The reply that means this action."""
        return Writer(self, place).write(action)

    def _block(self, text: str) -> tuple[str, str] | Malformed:
        """The one block of a reply: its tag and what stands inside."""
        found: list[tuple[int, str, str]] = []
        for tag, opening in _OPENINGS.items():
            if opening not in text:
                continue
            here = blocks(text, tag, innermost=self.several == "last")
            if isinstance(here, Malformed):
                return here
            if tag not in self.actions:
                return Malformed(f"<{tag}> is no action here; there are: {', '.join(self.actions)}")
            found += [(start, tag, body) for start, body in here]
        if not found:
            return Malformed(f"no action; say one of {', '.join(f'<{tag}>…</{tag}>' for tag in self.actions)}")
        if len(found) > 1 and self.several == "malformed":
            return Malformed(f"{len(found)} actions in one reply; say one")
        _, tag, body = (max if self.several == "last" else min)(found)
        if len(body) > LONGEST:
            return Malformed(f"{tag}: {len(body):,} characters are too many")
        return tag, body


def plain(word: str) -> str:
    return " ".join(word.lower().split())


_OPENINGS = {tag: f"<{tag}>" for tag in ("select", "zoom", "answer")}
_READERS: dict[str, Callable[[Reader, str], Parsed]] = {
    "select": Reader.select,
    "zoom": Reader.zoom,
    "answer": Reader.answer,
}

"""A form with gaps, for a model that must answer in a way it was never taught: it says the numbers, and only those.

    <answer>{"keyframe": │?│, "bbox_2d": [│?│, │?│, │?│, │?│]}</answer>
                          └ asked how it goes on, it says 3}</select>: the 3 is kept, and the next piece put behind it

Where it says no number the reply ends, with what it said instead: nothing is invented for it.
"""

import re
from dataclasses import dataclass, replace

from framework.reasoners.sampling import Generate, Request, Sampled
from framework.reasoners.voice import Voice

NUMBER = re.compile(r"\s*(-?\d+(?:\.\d+)?)")
PRINTED = re.compile(r"(?<!\w)-?\d+(?:\.\d+)?")
"""A number of a form that was filled in; the 2 of bbox_2d is none."""
DIGITS = 8
"""Tokens within which a number must have come."""


@dataclass(frozen=True, slots=True)
class Form:
    pieces: tuple[str, ...]
    """What is printed before, between and after the gaps."""
    words: bool = False
    """Behind the last piece there is room for words, and for whatever follows them."""

    @classmethod
    def like(cls, filled: str, words: bool = False) -> "Form":
        """
        >>> Form.like('[{"bbox_2d": [1, 20]}]').pieces
        ('[{"bbox_2d": [', ', ', ']}]')
        """
        return cls(tuple(PRINTED.split(filled)), words)


class Filler:
    """Generates replies that fill in a form. The pieces stand in them as if they had been said."""

    def __init__(self, form: Form, voice: Voice, generate: Generate) -> None:
        self.form, self.voice, self.generate = form, voice, generate

    async def __call__(self, request: Request, /) -> Sampled:
        first, *others = self.form.pieces
        said = self.voice.write(first)
        for piece in others:
            answer = await self._asked(request, said, DIGITS)
            number = NUMBER.match(self.voice.read(answer.ids))
            if number is None:
                return self._reply(request, [*said, *self._unended(answer)])
            said += self.voice.write(number[1] + piece)
        if self.form.words and len(said) < request.max_tokens:
            answer = await self._asked(request, said, request.max_tokens - len(said))
            return self._reply(request, [*said, *self._unended(answer)], answer.finished)
        return self._reply(request, said)

    async def _asked(self, request: Request, said: list[int], tokens: int) -> Sampled:
        return await self.generate(replace(request, ids=(*request.ids, *said), max_tokens=tokens))

    def _unended(self, answer: Sampled) -> tuple[int, ...]:
        return answer.ids[:-1] if answer.finished else answer.ids

    def _reply(self, request: Request, said: list[int], finished: bool = True) -> Sampled:
        """Within the limit of any reply; nobody learns from it, so its log-probs are nobody's."""
        ids = (*said, self.voice.stop_tokens[0]) if finished else tuple(said)
        kept = ids[: request.max_tokens]
        return Sampled(kept, (0.0,) * len(kept), finished and kept == ids)

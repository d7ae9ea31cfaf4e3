"""Is the answer, in words, right?"""

import math
import re
import unicodedata
from abc import abstractmethod
from collections.abc import Sequence
from functools import cache

from pydantic import Field

from framework.reward import Reward
from framework.types import Episode, Failure, Malformed, NotApplicable

LONGEST = 400
"""Characters beyond which an answer is no short answer, and wrong."""


class TextReward(Reward):
    """1 if the answered text means what the true one does, else 0; an empty or a very long answer is wrong."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        return [self._of(episode) for episode in episodes]

    def _of(self, episode: Episode) -> float | Failure:
        true, answer = episode.task.truth.answer, episode.answer
        if not true.strip():
            return NotApplicable("the task has no true answer")
        if answer is None:
            return Malformed("nothing was answered")
        if not answer.text.strip() or len(answer.text) > LONGEST:
            return 0.0
        return self.compare(answer.text, true)

    @abstractmethod
    def compare(self, said: str, true: str) -> float | Failure: ...


_MARKS = " ,;:!?\"'`*_“”‘’„"


def plain(text: str) -> str:
    """The same text in small letters and plain digits, with single spaces, without marks around it.

    >>> plain(" **The  Cat.** ")
    'the cat'
    """
    told = " ".join(unicodedata.normalize("NFKC", text).casefold().replace("−", "-").replace("⁄", "/").split())
    return told.lstrip(_MARKS).rstrip(_MARKS + ".")


class ExactAnswer(TextReward):
    """1 if the answered text is the true one, but for case, spaces, marks around it and a first article; else 0."""

    def compare(self, said: str, true: str) -> float | Failure:
        return float(_without_article(plain(said)) == _without_article(plain(true)))


def _without_article(text: str) -> str:
    return re.sub(r"^(the|an|a) (?=\S)", "", text)


class NumericAnswer(TextReward):
    """1 if the one number of the answered text is within |said − true| ≤ tolerance · |true|, else 0.

    "42", "about 42 cars", "1,234.5", "-3e4", "3/4" and "50 %" (0.5) are numbers. Two different ones in one answer are
    no answer.
    """

    tolerance: float = Field(default=0.0, ge=0)
    """Relative: 0.05 takes what is 5 % off."""

    def compare(self, said: str, true: str) -> float | Failure:
        right = number(plain(true))
        if right is None:
            return NotApplicable(f"the true answer {true[:40]!r} is not one number")
        given = number(plain(said))
        return float(
            given is not None and math.isclose(given, right, rel_tol=1e-9, abs_tol=self.tolerance * abs(right))
        )


_DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+"
_NUMBER = re.compile(rf"(?<![\w.])([+-]?(?:{_DIGITS})(?:e[+-]?\d+)?)(?!\d)(?:\s*/\s*(\d+(?:\.\d+)?))?(\s*%)?")


def number(text: str) -> float | None:
    """The number of a text that holds one, or the same one again; None otherwise.

    >>> number("about 1,250 cars"), number("3/4"), number("2 or 3")
    (1250.0, 0.75, None)
    """
    found = set(numbers(text))
    return next(iter(found)) if len(found) == 1 else None


def numbers(text: str) -> list[float | None]:
    """All numbers of a text in order; None for one that is not finite."""
    return [_value(*each.groups()) for each in _NUMBER.finditer(text)]


def _value(above: str, below: str | None, percent: str | None) -> float | None:
    value = float(above.replace(",", "")) / (100 if percent else 1)
    if below is not None:
        value = value / float(below) if float(below) else math.inf
    return value if math.isfinite(value) else None


class MultipleChoice(TextReward):
    """1 if the answer names the true letter and no other, else 0.

    "B", "(b)", "B) a cat", "option b", "The answer is: **B**.", "\\boxed{B}" name B; "A or B", "A B C D" and "a cat"
    name none.
    """

    letters: str = Field(default="ABCDEFGHIJ", min_length=2, pattern="^[A-Z]*$")
    """The choices there are."""

    def compare(self, said: str, true: str) -> float | Failure:
        right = letter(true, self.letters)
        if right is None:
            return NotApplicable(f"the true answer {true[:40]!r} names no choice of {self.letters}")
        return float(letter(said, self.letters) == right)


_MARKUP = re.compile(r"\\(?:boxed|text\w*|math\w*)|[{}$*_`\"“”]")


def letter(text: str, letters: str = "ABCD") -> str | None:
    """The one choice that an answer names; None if it names none or several.

    >>> letter("(b) a cat"), letter("The answer is: **B**."), letter("A or B"), letter("a cat")
    ('B', 'B', None, None)
    """
    bare = " ".join(_MARKUP.sub(" ", unicodedata.normalize("NFKC", text)).split()).strip(" .,;:!?'")
    alone, either, named = _spellings(letters)
    if whole := alone.fullmatch(bare):
        return whole[1].upper()
    if either.search(bare):
        return None
    found = {each.upper() for spelling in named for each in spelling.findall(bare)}
    return next(iter(found)) if len(found) == 1 else None


@cache
def _spellings(letters: str) -> tuple[re.Pattern[str], re.Pattern[str], tuple[re.Pattern[str], ...]]:
    """A letter alone; one letter or another; and the ways in which one is named among other words."""
    any_, great = f"[{letters}{letters.lower()}]", f"[{letters}]"
    starts, ends = r"(?<![\w.'’-])", r"(?![\w'’-])"
    article = r"(?![aAI] [a-z])"
    return (
        re.compile(rf"[(\[]?({any_})[)\].:]*"),
        re.compile(rf"{starts}{any_}[)\].:]* ?(?:[,;/&+|]|or\b|and\b|nor\b) ?[(\[]?{article}{any_}{ends}"),
        (
            re.compile(rf"{starts}({any_})(?=[)\]:]|\.(?:\s|$)|$)"),
            re.compile(rf"{starts}{article}({great}){ends}"),
            re.compile(rf"(?i:\b(?:answer|option|choice)(?: is)?:? [(\[]?){article}({any_}){ends}"),
            re.compile(rf"(?i:\b(?:answer|option|choice)(?: is)?:? [(\[]?)({great}){ends}"),
        ),
    )

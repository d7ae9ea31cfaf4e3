"""Is it said in the agreed form?"""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, cast

from pydantic import Field

from framework.chat.blocks import inside
from framework.chat.thought import CLOSES, OPENS, thought
from framework.config import Name
from framework.reward import Reward, TurnReward
from framework.types import Episode, Failure, Malformed, Stop

ACTIONS = ("select", "zoom", "answer")


class WellFormed(Reward):
    """1 if every reply was an action of the game, else 0."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float]:
        return [
            float(bool(episode.turns) and not any(isinstance(turn.said.parsed, Malformed) for turn in episode.turns))
            for episode in episodes
        ]


class Answered(Reward):
    """1 if the last turn answered and that ended the episode, else 0."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float]:
        return [float(episode.stop is Stop.ANSWERED and episode.answer is not None) for episode in episodes]


class StrictFormat(Reward):
    """1 if every reply is one thought and then one action, and nothing else, else 0.

    <think> something </think> <answer> something </answer>      space may stand before, between and after; no tag of a
    thought or an action may stand anywhere else, so that a reply which goes on to play the other side does not pass.
    """

    holds: tuple[str, ...] = ()
    """Pieces that every reply holds besides, each as often as it is listed and in this order: as `tags_per_turn`."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float]:
        return [
            float(bool(episode.turns) and all(self._passes(turn.said.text) for turn in episode.turns))
            for episode in episodes
        ]

    def _passes(self, text: str) -> bool:
        return _is_strict(text) and _are_in(self.holds, text)


def _is_strict(text: str) -> bool:
    if any(text.count(tag) != 1 for tag in (OPENS, CLOSES)) or sum(text.count(f"<{tag}>") for tag in ACTIONS) != 1:
        return False
    before, _, rest = text.partition(OPENS)
    thinks, _, acts = rest.partition(CLOSES)
    acts = acts.strip()
    tag = next((tag for tag in ACTIONS if acts.startswith(f"<{tag}>")), "")
    closing = f"</{tag}>"
    once = sum(text.count(f"</{tag}>") for tag in ACTIONS) == 1
    body = acts.removeprefix(f"<{tag}>").removesuffix(closing)
    return not before.strip() and bool(tag and thinks.strip() and body.strip()) and once and acts.endswith(closing)


class StepKeywords(TurnReward):
    """The share of these words that stand in the thought of a turn; in [0, 1].

    Each must stand there whole, in letters of either size: "step 12" is not "step 1", "interaction" is not "action".
    """

    over_turns: Literal["last", "first", "mean", "sum", "most"] = "mean"
    words: tuple[str, ...] = Field(default=("step 1", "step 2", "step 3", "action"), min_length=1)

    def of_turns(self, episodes: Sequence[Episode]) -> list[list[float]]:
        whole = [_whole(word) for word in self.words]
        return [
            [sum(bool(word.search(thinks)) for word in whole) / len(whole) for thinks in _thoughts(episode)]
            for episode in episodes
        ]


@cache
def _whole(word: str) -> re.Pattern[str]:
    """Finds a word or phrase that is no part of a longer one; "step 1" is not found in "step 1.5"."""
    spaced = r"\s+".join(re.escape(part) for part in word.split())
    return re.compile(rf"(?<!\w){spaced}(?!\w|\.\d)", re.IGNORECASE)


def _thoughts(episode: Episode) -> list[str]:
    return [text[thought(text)] for text in (turn.said.text for turn in episode.turns)]


class TagsPerTurn(TurnReward):
    """1 for a turn whose reply holds exactly these pieces, each as often as it is listed and in this order, else 0."""

    over_turns: Literal["last", "first", "mean", "sum", "most"] = "mean"
    tags: tuple[str, ...] = Field(default=("[SEG]",), min_length=1)
    """["<VTG>", "</VTG>", "<RefSeg>[SEG]</RefSeg>"], say."""

    def of_turns(self, episodes: Sequence[Episode]) -> list[list[float]]:
        return [[float(_are_in(self.tags, turn.said.text)) for turn in episode.turns] for episode in episodes]


def _are_in(pieces: Sequence[str], text: str) -> bool:
    """Exactly these, each as often as it is listed, in this order."""
    if any(text.count(piece) != often for piece, often in Counter(pieces).items()):
        return False
    place = 0
    for piece in pieces:
        if (found := text.find(piece, place)) < 0:
            return False
        place = found + len(piece)
    return True


Kind = Literal["box", "point", "points", "number", "whole", "text"]


class AnswerSchema(Reward):
    """The share of the agreed keys that the answer's JSON has, and of the right type, mean over its items; in [0, 1].

    Items are the list that is answered, or what stands under "objects", or the answer itself. An empty list is worth 1
    where the target is never visible, and 0 otherwise.
    """

    keys: dict[Name, Kind] = Field(default={"bbox_2d": "box", "point_2d": "point"}, min_length=1)
    """Key → box (four numbers, not reversed), point (two), points (one, or a list of some), number, whole, text."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        return [self._of(episode) for episode in episodes]

    def _of(self, episode: Episode) -> float | Failure:
        if not episode.turns:
            return Malformed("nothing was said")
        items = _items(inside(episode.turns[-1].said.text, "answer"))
        if isinstance(items, Malformed):
            return items
        if not items:
            present = episode.task.truth.present
            return float(bool(present) and not any(present))
        return sum(self._share(item) for item in items) / len(items)

    def _share(self, item: Any) -> float:
        if not isinstance(item, dict):
            return 0.0
        there = cast(Mapping[str, Any], item)
        return sum(key in there and _KINDS[kind](there[key]) for key, kind in self.keys.items()) / len(self.keys)


def _items(answer: Any) -> list[Any] | Malformed:
    if isinstance(answer, dict):
        answer = cast(Mapping[str, Any], answer).get("objects", [answer])
    if isinstance(answer, Malformed):
        return answer
    return cast(list[Any], answer) if isinstance(answer, list) else Malformed("the answer has no items")


def _is_number(said: Any) -> bool:
    return isinstance(said, int | float) and not isinstance(said, bool) and abs(said) < math.inf


def _are_numbers(said: Any, count: int) -> bool:
    return isinstance(said, list) and len(each := cast(list[Any], said)) == count and all(map(_is_number, each))


def _is_box(said: Any) -> bool:
    return _are_numbers(said, 4) and bool(said[0] <= said[2] and said[1] <= said[3])


def _are_points(said: Any) -> bool:
    several = cast(list[Any], said) if isinstance(said, list) else []
    return _are_numbers(said, 2) or (bool(several) and all(_are_numbers(each, 2) for each in several))


_KINDS: dict[Kind, Callable[[Any], bool]] = {
    "box": _is_box,
    "point": lambda said: _are_numbers(said, 2),
    "points": _are_points,
    "number": _is_number,
    "whole": lambda said: _is_number(said) and said == int(said),
    "text": lambda said: isinstance(said, str) and bool(said.strip()),
}


class NonRepetition(TurnReward):
    """1 for a turn whose reply says fewer than `repeats` sentences again, else 0; or 1 − the share that is said again.

    A sentence ends at . ! ? or with its line; the point of 3.5 ends none, nor do the lines of JSON, where objects have
    the same keys. Two are the same whatever their spaces and the size of their letters. A reply without any earns 0.
    """

    over_turns: Literal["last", "first", "mean", "sum", "most"] = "mean"
    by: Literal["count", "share"] = "count"
    repeats: int = Field(default=2, ge=1)
    """From so many on it earns 0, if counted."""

    def of_turns(self, episodes: Sequence[Episode]) -> list[list[float]]:
        return [[self._of(_sentences(turn.said.text)) for turn in episode.turns] for episode in episodes]

    def _of(self, sentences: Sequence[str]) -> float:
        again = len(sentences) - len(set(sentences))
        if not sentences:
            return 0.0
        return float(again < self.repeats) if self.by == "count" else 1 - again / len(sentences)


_ENDS = re.compile(r"(?<!\d)\.|\.(?!\d)|[!?…。！？]|(?<![\[{,])\n(?![ \t]*[\]}])")


def _sentences(text: str) -> list[str]:
    plain = [" ".join(each.casefold().split()) for each in _ENDS.split(text)]
    return [each for each in plain if any(map(str.isalnum, each))]

"""Questions about a scene, answered by asking its state: a question stands only if exactly one thing answers it.

    tracks: what is seen of each thing ─▶ ask("first", tracks, 12) ─▶ [Question("the square that appears first", 2), …]

A track holds what can be seen, not what is hidden: a thing appears when its first pixel does.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Track:
    """What is seen of one thing."""

    colour: str
    shape: str
    first: int
    """The first frame in which it is seen."""
    last: int
    """The last one."""
    drift: float
    """How far it moves to the right, as a share of the picture's width."""

    @property
    def name(self) -> str:
        return f"{self.colour} {self.shape}"


@dataclass(frozen=True, slots=True)
class Question:
    words: str
    target: int
    """The one thing that answers it, as its number in the scene."""


Claim = tuple[str, list[int]]
"""A description, and every thing it fits."""

CLEARLY = 1 / 16
"""A drift that is seen, as a share of the width."""


def ask(kind: str, tracks: Sequence[Track], length: int) -> list[Question]:
    """Every question of this kind that has one answer."""
    return [Question(words, fits[0]) for words, fits in KINDS[kind](tracks, length) if len(fits) == 1]


def _colour(tracks: Sequence[Track], length: int) -> Iterator[Claim]:
    for colour in _in_order(track.colour for track in tracks):
        yield f"the {colour} shape", [k for k, track in enumerate(tracks) if track.colour == colour]


def _attribute(tracks: Sequence[Track], length: int) -> Iterator[Claim]:
    for name in _in_order(track.name for track in tracks):
        yield f"the {name}", [k for k, track in enumerate(tracks) if track.name == name]


def _first(tracks: Sequence[Track], length: int) -> Iterator[Claim]:
    for shape, group in _several(tracks):
        earliest = min(tracks[k].first for k in group)
        yield f"the {shape} that appears first", [k for k in group if tracks[k].first == earliest]


def _last(tracks: Sequence[Track], length: int) -> Iterator[Claim]:
    for shape, group in _several(tracks):
        latest = max(tracks[k].first for k in group)
        yield f"the {shape} that appears last", [k for k in group if tracks[k].first == latest]


def _leaves_first(tracks: Sequence[Track], length: int) -> Iterator[Claim]:
    for shape, group in _several(tracks):
        earliest = min(tracks[k].last for k in group)
        if earliest < length - 1:
            yield f"the {shape} that leaves first", [k for k in group if tracks[k].last == earliest]


def _second(tracks: Sequence[Track], length: int) -> Iterator[Claim]:
    for shape, group in _several(tracks):
        order = sorted(group, key=lambda k: tracks[k].first)
        if len(order) > 2 and tracks[order[0]].first < tracks[order[1]].first < tracks[order[2]].first:
            yield f"the second {shape} to appear", order[1:2]


def _direction(tracks: Sequence[Track], length: int) -> Iterator[Claim]:
    for shape, group in _several(tracks):
        for side, sign in (("left", -1), ("right", 1)):
            moving = [k for k in group if sign * tracks[k].drift > 0]
            if any(sign * tracks[k].drift >= CLEARLY for k in moving):
                yield f"the {shape} moving {side}", moving


def _after(tracks: Sequence[Track], length: int) -> Iterator[Claim]:
    for anchor, shape, group in _anchored(tracks):
        if anchor.last < length - 1:
            fits = [k for k in group if tracks[k].first > anchor.last]
            yield f"the {shape} that appears after the {anchor.name} leaves", fits


def _before(tracks: Sequence[Track], length: int) -> Iterator[Claim]:
    for anchor, shape, group in _anchored(tracks):
        fits = [k for k in group if tracks[k].last < anchor.first]
        yield f"the {shape} that leaves before the {anchor.name} appears", fits


KINDS: dict[str, Callable[[Sequence[Track], int], Iterator[Claim]]] = {
    "colour": _colour,
    "attribute": _attribute,
    "first": _first,
    "last": _last,
    "leaves_first": _leaves_first,
    "second": _second,
    "direction": _direction,
    "after": _after,
    "before": _before,
}
"""Each kind of question: the descriptions that may be given of a scene, and what each fits."""


def _in_order(names: Iterator[str]) -> list[str]:
    """Each name once; a set's order would change from process to process."""
    return list(dict.fromkeys(names))


def _several(tracks: Sequence[Track]) -> Iterator[tuple[str, list[int]]]:
    """Each shape that more than one thing has, with those things."""
    for shape in _in_order(track.shape for track in tracks):
        group = [k for k, track in enumerate(tracks) if track.shape == shape]
        if len(group) > 1:
            yield shape, group


def _anchored(tracks: Sequence[Track]) -> Iterator[tuple[Track, str, list[int]]]:
    """Each thing that its name picks out, and each other shape of which there are several, with those things."""
    names = [track.name for track in tracks]
    for anchor in tracks:
        if names.count(anchor.name) == 1:
            yield from ((anchor, shape, group) for shape, group in _several(tracks) if shape != anchor.shape)

"""What a reply writes into its blocks, as text and as JSON, before anyone asks what it means.

<think>…</think> <answer><VTG>{"keyframe": 3}</VTG>, <RefSeg>[SEG]</RefSeg></answer>
blocks(text, "answer") ─▶ [(17, '<VTG>{"keyframe": 3}</VTG>, …')] ─▶ unwrapped ─▶ '{"keyframe": 3}' ─▶ decoded
"""

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from framework.types import Malformed

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

LONGEST = 100_000
"""Characters of one block that are still read."""
DRAWN = ("<RefSeg>", "<RefVOS>")
"""With these begins what is drawn."""


class Unreadable(Exception):
    """A reply cannot be read; the reason is for the one who wrote it."""


def inside(text: str, tag: str) -> Any | Malformed:
    """The JSON of the one <tag>…</tag> of a reply, as it stands there: for those who look at its form."""
    found = blocks(text, tag)
    if isinstance(found, Malformed):
        return found
    if len(found) != 1:
        return Malformed(f"{len(found) or 'no'} <{tag}> in the reply; one is needed")
    body = unwrapped(found[0][1])
    try:
        return decoded(body) if len(body) <= LONGEST else Malformed(f"{tag}: {len(body):,} characters are too many")
    except Unreadable as fault:
        return Malformed(f"{tag}: {fault}")


def blocks(text: str, tag: str, innermost: bool = False) -> list[tuple[int, str]] | Malformed:
    """Every <tag>…</tag>: where it starts and what stands inside. Linear in the text, whatever it holds.

    One that is opened again before it is closed is no block, unless the innermost is asked for: a thought that speaks
    of "the <answer>" would else swallow it.
    """
    opening, closing = f"<{tag}>", f"</{tag}>"
    found: list[tuple[int, str]] = []
    start = text.find(opening)
    while start >= 0:
        end = text.find(closing, start)
        if end < 0:
            return Malformed(f"<{tag}> is never closed")
        again = text.rfind(opening, start, end)
        if again > start and not innermost:
            return Malformed(f"<{tag}> is opened twice before it is closed")
        start = again
        found.append((start, text[start + len(opening) : end]))
        start = text.find(opening, end)
    return found


def unwrapped(body: str) -> str:
    """What is said in a block: what stands in <VTG>…</VTG>, or all that stands before what is drawn."""
    if "<" not in body:
        return body.strip()
    start, end = body.find("<VTG>"), body.find("</VTG>")
    if 0 <= start < end:
        return body[start + 5 : end].strip()
    drawn = [place for tag in DRAWN if (place := body.find(tag)) >= 0]
    return body[: min(drawn)].rstrip().removesuffix(",").strip() if drawn else body.strip()


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def decoded(body: str) -> Json:
    """All of it as JSON."""
    try:
        said, end = _DECODER.raw_decode(body)
    except RecursionError:
        raise Unreadable("the JSON is nested too deep") from None
    except ValueError as error:
        raise Unreadable(f"not JSON ({str(error)[:60]})") from None
    if end < len(body):
        raise Unreadable(f"not JSON (more after character {end})")
    return said


def mapping(said: Json) -> dict[str, Json]:
    if not isinstance(said, dict):
        raise Unreadable("needs a JSON object")
    return said


def index(said: Mapping[str, Json], key: str) -> int:
    value = said.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unreadable(f"needs {key} as a frame number" if key not in said else f"{key} is no frame number")
    if isinstance(value, float) and not value.is_integer():  # nor are NaN and infinity
        raise Unreadable(f"{key} is no whole number")
    return int(value)


def several(said: Json) -> list[Json]:
    """Points, where one may stand without a list of its own."""
    if isinstance(said, list) and said and isinstance(said[0], list):
        return said
    return [said] if said else []


def numbers(said: Json, count: int, key: str) -> list[float]:
    if isinstance(said, list) and len(said) == count:
        found = [float(each) for each in said if (type(each) is int or type(each) is float) and -1e9 < each < 1e9]
        if len(found) == count:
            return found
    raise Unreadable(f"{key} needs {count} numbers")

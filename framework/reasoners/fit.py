"""Does a recipe's reasoner fit what lies in its folder, and what the recipe shows and asks? No weights are read.

config.json ─▶ of this family?     processor ─▶ of this unit, and these sizes?     template ─▶ that which is written?
tokenizer ─▶ is there room for what an action takes?
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from framework.errors import ConfigError, UserError
from framework.finding import Finding
from framework.reasoners import REASONERS
from framework.reasoners.reasoner import Reasoner
from framework.reasoners.voice import Voice
from framework.registry import name_of

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a recipe shows and asks."""

    shown: Sequence[Size] = ()
    """Sizes of pictures."""
    taught: bool = False
    """A cold start comes first."""
    prompt: str = ""
    """What the policy is told."""
    said: Sequence[str] = ()
    """Replies that are nothing but an action."""
    room: int = 0
    """Tokens that a reply may take."""


def fits(reasoner: Reasoner, asked: Asked) -> list[Finding]:
    found = [*_coordinates(reasoner, asked.taught), *_places(reasoner, asked.prompt)]
    folder = Path(reasoner.path).expanduser()
    if not reasoner.path or not folder.is_dir():
        return found
    if strange := _another_family(reasoner, folder):
        return [*found, strange]
    try:
        voice = reasoner.voice()
    except ConfigError as error:
        return [*found, Finding("processor", str(folder), remedy=str(error))]
    return [*found, *_sizes(voice, asked.shown), *_room(voice, asked.said, asked.room), _template(reasoner, voice)]


def _coordinates(reasoner: Reasoner, taught: bool) -> Iterator[Finding]:
    """A family says places as it learned to, whatever a recipe asks."""
    own, asked = type(reasoner).model_fields["coordinates"].default, reasoner.coordinates
    if not reasoner.model_types or asked == own:
        return
    remedy = f"reasoner.coordinates: {asked}, but a {name_of(type(reasoner))} learned to say {_scale(own)}"
    remedy += "; leave it out, or let a cold start teach it otherwise (stages.cold_start)"
    yield Finding("coordinates asked for", _scale(asked), _scale(own), "" if taught else remedy)


def _places(reasoner: Reasoner, prompt: str) -> Iterator[Finding]:
    """Places are read as the reasoner says them; a prompt that asks for them otherwise would mislead it."""
    scales = {int(number) for number in SCALE.findall(prompt)}
    asked = [*sorted(scales), *(["pixels"] if not scales and PIXELS.search(prompt) else [])]
    for each in asked:
        if each != reasoner.coordinates:
            read = _scale(reasoner.coordinates)
            remedy = f"env: its prompt asks for places as {_scale(each)}, and they are read as {read}; "
            remedy += f"change the prompt, or set reasoner.coordinates={each}"
            yield Finding("places in the prompt", _scale(each), read, remedy)


SCALE = re.compile(r"\b0(?: to |–|-)(\d{2,})\b")
PIXELS = re.compile(r"\bpixels\b")


def _scale(coordinates: int | str) -> str:
    return "pixels of the picture" if coordinates == "pixels" else f"0–{coordinates} over the picture"


def _another_family(reasoner: Reasoner, folder: Path) -> Finding | None:
    config, known = folder / "config.json", reasoner.model_types
    there = json.loads(config.read_text()).get("model_type", "") if config.is_file() else ""
    if not known or there in known:
        return None
    asked = name_of(type(reasoner))
    right = next((name for name, family in REASONERS.items() if there in family.model_types), "")
    if not there:
        remedy = f"reasoner.path: {folder} has no config.json; give a folder that holds a model"
    elif right:
        remedy = f"reasoner.use: {asked}, but {folder} holds a {there}; set reasoner.use={right}"
    else:
        remedy = f"reasoner.path: {folder} holds a {there}, which is none of: {', '.join(REASONERS)}"
    return Finding("family", there or "unknown", asked, remedy)


def _sizes(voice: Voice, shown: Sequence[Size]) -> Iterator[Finding]:
    """Pictures that the processor would change or refuse."""
    for size in shown:
        try:
            voice.grid(size)
        except UserError as error:
            yield Finding("picture", f"{size[0]}×{size[1]} pixels", remedy=f"env: {error}")
            return


def _room(voice: Voice, said: Sequence[str], room: int) -> Iterator[Finding]:
    """An action that is longer than any reply can never be taken. Thoughts want room beside it."""
    length = max((len(voice.write(text)) + 1 for text in said), default=0)  # and the token that ends it
    remedy = (
        f"rollout.reply_tokens: {room}, but an action alone takes {length} tokens; raise it, with room for thoughts"
    )
    if length:
        yield Finding("longest action", f"{length} tokens", str(room), remedy if length > room else "")


def _template(reasoner: Reasoner, voice: Voice) -> Finding:
    """What is read turn by turn, against the folder's own template, which also may have been changed by a user."""
    from framework.reasoners.exam.candidate import Candidate
    from framework.reasoners.exam.words import pieces_make_the_template

    thoughts = "earlier thoughts stay, though the family's own leaves them out" if voice.forgets else ""
    try:
        pieces_make_the_template(Candidate.silent(reasoner, voice))
    except AssertionError as error:
        remedy = f"reasoner.path: {error}; take the family's own template, or write its voice (reasoners/README.md)"
        return Finding("template", "another than the family's", remedy=remedy)
    return Finding("template", f"the family's own{f'; {thoughts}' if thoughts else ''}")

"""The conformance suite: every family passes it, and none passes it with a mistake in its voice, of sixteen kinds."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from framework.blocks import Grid
from framework.env import Sight
from framework.reasoners import FAMILIES, REASONERS
from framework.reasoners.conformance import Candidate, check_reasoner, examine
from framework.reasoners.lab import Lab
from framework.reasoners.places import counted
from framework.reasoners.voice import Voice
from framework.types import Observation

Plant = Callable[[Candidate, pytest.MonkeyPatch], Candidate | None]


@pytest.mark.parametrize("name", REASONERS)
def test_every_family_keeps_its_word(name: str):
    check_reasoner(name)


@cache
def sound(family: str) -> Candidate:
    return Candidate.of(Lab(family=family))


# ---- mistakes --------------------------------------------------------------------------------------------------------


def pictures_in_another_order(candidate: Candidate, patch: pytest.MonkeyPatch) -> None:
    patches = candidate.voice.patches
    patch.setattr(candidate.voice, "patches", lambda images: patches(images[::-1]))


def pixels_a_shade_brighter(candidate: Candidate, patch: pytest.MonkeyPatch) -> None:
    patches = candidate.voice.patches

    def brighter(images: Any) -> Any:
        made = patches(images)
        return made | {"pixel_values": made["pixel_values"] + 0.01}

    patch.setattr(candidate.voice, "patches", brighter)


def a_row_too_many(candidate: Candidate, patch: pytest.MonkeyPatch) -> None:
    grid = candidate.voice.grid
    patch.setattr(candidate.voice, "grid", lambda size: _higher(grid(size)))


def _higher(grid: Grid) -> Grid:
    return replace(grid, rows=grid.rows + grid.merge)


def axes_swapped(candidate: Candidate, patch: pytest.MonkeyPatch) -> None:
    grid = candidate.voice.grid
    patch.setattr(candidate.voice, "grid", lambda size: _turned(grid(size)))


def _turned(grid: Grid) -> Grid:
    return replace(grid, rows=grid.columns, columns=grid.rows)


def tokens_of_another_unit(candidate: Candidate, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(candidate.voice, "unit", candidate.reasoner.unit // 2)


def kinds_dropped(candidate: Candidate, patch: pytest.MonkeyPatch) -> None:
    """Pictures are taken for text."""
    arguments = candidate.voice.arguments

    def blind(ids: Any, places: Any, seen: Any) -> Any:
        made = arguments(ids, places, seen)
        return made | ({"mm_token_type_ids": 0 * ids} if "mm_token_type_ids" in made else {})

    patch.setattr(candidate.voice, "positions", lambda ids, grids: counted(ids))
    patch.setattr(candidate.voice, "arguments", blind)


def text_goes_on_too_early_after_pictures(candidate: Candidate, patch: pytest.MonkeyPatch) -> None:
    positions, image = candidate.voice.positions, candidate.voice.image_token

    def early(ids: Any, grids: Any) -> Any:
        return positions(ids, grids) - (np.cumsum(np.asarray(ids) == image) > 0)

    patch.setattr(candidate.voice, "positions", early)


def history_rewritten(candidate: Candidate, patch: pytest.MonkeyPatch) -> None:
    written = candidate.processor.apply_chat_template

    def shorter(messages: Any, **settings: Any) -> str:
        return written([m | {"content": "…"} if m["role"] == "assistant" else m for m in messages], **settings)

    patch.setattr(candidate.processor, "apply_chat_template", shorter)


def a_token_of_the_template_forgotten(candidate: Candidate, patch: pytest.MonkeyPatch) -> None:
    following = candidate.voice.following

    def shorter(seen: Observation, ended: bool = True) -> Any:
        shown = following(seen, ended)
        return replace(shown, ids=shown.ids[1:])

    patch.setattr(candidate.voice, "following", shorter)


def ends_written_twice(candidate: Candidate, patch: pytest.MonkeyPatch) -> None:
    following = candidate.voice.following
    patch.setattr(candidate.voice, "following", lambda seen, ended=True: following(seen, ended=False))


def text_that_becomes_special(candidate: Candidate, patch: pytest.MonkeyPatch) -> None:
    voice: Any = candidate.voice
    patch.setattr(voice.tokenizer, "encode_special_tokens", False)


def pictures_may_be_said(candidate: Candidate, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(candidate.voice, "banned_tokens", ())


def places_on_another_scale(candidate: Candidate, patch: pytest.MonkeyPatch) -> Candidate:
    class Otherwise(Lab):
        @property
        def sight(self) -> Sight:
            return Sight(unit=self.unit, coordinates=1000)

    return replace(candidate, reasoner=Otherwise(**dict(candidate.reasoner)))


def times_left_out(candidate: Candidate, patch: pytest.MonkeyPatch) -> None:
    """By the template and by the voice alike."""
    voice, written = candidate.voice, candidate.processor.apply_chat_template
    opening, following = voice.opening, voice.following

    def timeless(seen: Observation) -> Observation:
        return Observation(tuple(_untimed(part) if isinstance(part, str) else part for part in seen.content))

    patch.setattr(voice, "opening", lambda system, seen: opening(system, timeless(seen)))
    patch.setattr(voice, "following", lambda seen, ended=True: following(timeless(seen), ended))
    patch.setattr(candidate.processor, "apply_chat_template", lambda *args, **rest: _untimed(written(*args, **rest)))


def _untimed(text: str) -> str:
    return re.sub(r" \([\d.]+ s\)", "", text)


def a_blind_folder_accepted(candidate: Candidate, patch: pytest.MonkeyPatch) -> Candidate:
    class Careless(Lab):
        def voice(self) -> Voice:
            return candidate.voice

    return replace(candidate, reasoner=Careless(**dict(candidate.reasoner)))


def replies_placed_a_step_further(candidate: Candidate, patch: pytest.MonkeyPatch) -> None:
    """Where a reply is drawn token by token."""
    arguments = candidate.voice.arguments

    def further(ids: Any, places: Any, seen: Any) -> Any:
        return arguments(ids, places + (ids.shape[1] == 1), seen)

    patch.setattr(candidate.voice, "arguments", further)


MISTAKES: dict[Plant, str] = {
    pictures_in_another_order: "is not what the processor makes",
    pixels_a_shade_brighter: "pixel_values is not what the processor makes",
    a_row_too_many: "not the family's template",
    axes_swapped: "is of another shape",
    tokens_of_another_unit: "not the family's template",
    kinds_dropped: "positions are not the model's own|mm_token_type_ids is not what the processor makes",
    text_goes_on_too_early_after_pictures: "positions are not the model's own",
    history_rewritten: "not the family's template",
    a_token_of_the_template_forgotten: "not the family's template: at token",
    ends_written_twice: "not the family's template",
    text_that_becomes_special: "text became a special token",
    pictures_may_be_said: "no picture would stand behind them",
    places_on_another_scale: "for what lies at",
    times_left_out: "are read as",
    a_blind_folder_accepted: "a folder without an image processor must be refused",
    replies_placed_a_step_further: "log-probs as drawn and as heard by a trainer differ",
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("plant", MISTAKES, ids=lambda plant: plant.__name__)
def test_no_family_passes_with(plant: Plant, family: str, monkeypatch: pytest.MonkeyPatch):
    candidate = sound(family)
    with pytest.raises(AssertionError, match=MISTAKES[plant]):
        examine(plant(candidate, monkeypatch) or candidate)

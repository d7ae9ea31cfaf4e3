"""Episodes read once more by the model that played them, all at once: what it had in mind at one of its tokens.

episode ─▶ its tokens, the same that playing it gave ─▶ one forward pass ─▶ hidden states of the last layer, at [SEG]
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from framework.data.conversations import conversation
from framework.reasoners.eyes import See
from framework.reasoners.generator import Generator
from framework.reasoners.recital import recite
from framework.reasoners.sampling import Request
from framework.training import Sampling
from framework.types import Episode, Task

if TYPE_CHECKING:
    import torch

ENDLESS: dict[str, int] = {name: 10**9 for name in ("prompt_tokens", "episode_tokens", "reply_tokens")}
"""What was played did fit."""


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """The tokens of an episode that draw."""

    turns: tuple[int, ...]
    """The turn of each."""
    hidden: "torch.Tensor"
    """[tokens, width]"""


@dataclass(frozen=True, slots=True)
class Reread:
    """Reads episodes again."""

    generator: Generator
    limits: Sampling
    system: str
    token: int
    sees: Callable[[Task], See]
    """How the player saw a task's pictures."""

    def __call__(self, episodes: Sequence[Episode]) -> list[Said | None]:
        """Of each episode; None where nothing was said at all."""
        requests, places = list[Request](), list[list[tuple[int, int]] | None]()
        for episode in episodes:
            request, at = self._request(episode)
            requests += [request] if request else []
            places.append(at)
        states = iter(self._states(requests))
        return [None if each is None else _at(next(states), each) for each in places]

    def _request(self, episode: Episode) -> tuple[Request | None, list[tuple[int, int]] | None]:
        """All that was read and said, and where the token stands in it, with its turn."""
        spoken = tuple(turn for turn in episode.turns if turn.said.text)  # for the last there may have been no room
        if not spoken:
            return None, None
        told = conversation(replace(episode, turns=spoken), self.system)
        tokens, pictures = recite(told, self.generator.voice, self.limits.model_copy(update=ENDLESS))
        at = np.flatnonzero((tokens.ids == self.token) & (tokens.mask == 1)).tolist()
        turn = np.repeat([span.turn for span in tokens.spans], [span.count for span in tokens.spans])
        images = list(map(self.sees(episode.task), pictures))
        request = Request(ids=tokens.ids.tolist(), images=images, max_tokens=1)
        return request, [(place, int(turn[place])) for place in at]

    def _states(self, requests: Sequence[Request]) -> "list[torch.Tensor]":
        """The last layer's states, for each request its own tokens."""
        from transformers import DynamicCache

        if not requests:
            return []
        generator, heard = self.generator, list[Any]()
        hook = generator.model.get_decoder().register_forward_hook(lambda _, __, out: heard.append(out[0]))
        try:
            ids, mask, positions, seen = generator._read(requests)  # pyright: ignore[reportPrivateUsage]
            cache = DynamicCache(config=generator.model.config.get_text_config())
            generator._forward(ids, mask, positions, cache, seen)  # pyright: ignore[reportPrivateUsage]
        finally:
            hook.remove()
        return [row[-len(request.ids) :] for row, request in zip(heard[0], requests, strict=True)]


def _at(hidden: "torch.Tensor", places: Sequence[tuple[int, int]]) -> Said:
    return Said(tuple(turn for _, turn in places), hidden[[place for place, _ in places]])

"""How a family turns what is shown into tokens, and tokens into what was said.

    system, observation ─▶ opening ─▶ P0      read ◀─ A0      observation ─▶ following ─▶ I0      read ◀─ A1

Each piece is tokenised once, alone, and appended: ids already read or said are never written again. All that a family
knows of text, pictures and positions stands behind this protocol.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from framework.blocks import Grid, Ints
from framework.types import Observation

if TYPE_CHECKING:
    import torch

    from framework.reasoners.sampling import Pixels


@dataclass(frozen=True, slots=True)
class Shown:
    """An observation as the model reads it, with the room its pictures take."""

    ids: tuple[int, ...]
    grids: tuple[Grid, ...]


class Voice(Protocol):
    """The tokenizer, template and processor of one family."""

    @property
    def image_token(self) -> int:
        """Stands as often as a picture has visual tokens."""
        ...

    @property
    def pad_token(self) -> int: ...

    @property
    def stop_tokens(self) -> tuple[int, ...]:
        """Either ends a reply; the first is the one the template writes."""
        ...

    @property
    def banned_tokens(self) -> tuple[int, ...]:
        """Never sampled: they mean nothing without a picture behind them."""
        ...

    @property
    def vocabulary(self) -> int:
        """Ids from here on are rows a model may have, but no tokens; they are never sampled either."""
        ...

    @property
    def forgets(self) -> bool:
        """The family's own template leaves thoughts out of later turns. Here they stay."""
        ...

    def opening(self, system: str, seen: Observation) -> Shown:
        """The first observation, up to where the policy speaks."""
        ...

    def following(self, seen: Observation, ended: bool = True) -> Shown:
        """A later observation. `ended`: the reply before it closed itself with the template's own stop token."""
        ...

    def write(self, text: str) -> list[int]:
        """Plain text as ids: what looks like a special token stays text."""
        ...

    def read(self, ids: Sequence[int]) -> str:
        """The text of a reply, without the token that ended it."""
        ...

    def grid(self, size: tuple[int, int]) -> Grid:
        """The patches of a picture of this width and height."""
        ...

    def positions(self, ids: Sequence[int] | Ints, grids: Sequence[Grid]) -> Ints:
        """Where each token stands in time, height and width: [3, tokens]."""
        ...

    def patches(self, images: Sequence["Pixels"]) -> "dict[str, torch.Tensor]":
        """These pictures as they travel: pixel_values [patches, values], one after another, and image_grid_thw
        [pictures, 3]."""
        ...

    def arguments(
        self, ids: "torch.Tensor", places: "torch.Tensor", seen: "Mapping[str, torch.Tensor]"
    ) -> "dict[str, torch.Tensor]":
        """What the model's forward takes beside the ids of a batch [episodes, tokens] and its mask, by name. `places`
        are positions [3, episodes, tokens], or four with those of the text before them; `seen` is as it travels, the
        episodes one after another, or empty."""
        ...

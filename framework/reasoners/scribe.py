"""A voice that writes by a template: text, special tokens and pictures in, ids out, each once.

    Template ─┐
    folder ───┼─▶ Scribe ─▶ opening, following, read, grid, positions, patches, arguments
    unit ─────┘

Special tokens are written by id, never by text: a question that says `<|im_end|>` says nothing but these letters.
What is said here of pictures holds for families whose patches lie in one long row; another overrides it.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from framework.blocks import Grid, Ints
from framework.errors import ConfigError, UserError
from framework.reasoners.patches import Patches
from framework.reasoners.places import spread
from framework.reasoners.template import Template, marked
from framework.reasoners.voice import Shown
from framework.types import Observation, Picture

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer

    from framework.reasoners.sampling import Pixels

STRETCH = 200
"""A processor refuses a picture more than this many times as long as it is wide."""

Piece = int | str | Picture
"""A special token, a text, a picture."""


class Scribe:
    """The voice of a folder."""

    template: ClassVar[Template]

    def __init__(self, path: str, unit: int) -> None:
        self.unit = unit
        self.processor = _processor(path)
        self.merge = self._merge()
        there = self._patch() * self.merge
        if there != unit:
            raise ConfigError(
                f"reasoner.unit: {unit}, but the processor of {path} has {there}; set reasoner.unit={there}"
            )
        self.tokenizer = _plain(self.processor.tokenizer)
        self.special = {token: self._id(token, path) for token in self.template.special()}
        self.image_token = self.special[self.template.picture[1]]
        self.pad_token = self.special[self.template.pad]
        self.stop_tokens = tuple(self.special[token] for token in self.template.ends())
        self.banned_tokens = tuple(self.special[token] for token in self.template.never())
        self.vocabulary = max(self.tokenizer.get_vocab(with_added_tokens=True).values()) + 1
        self.forgets = self.template.forgets
        self.kept = Patches(self._patches)

    def _id(self, token: str, path: str) -> int:
        id = self.tokenizer.token_to_id(token)
        if id is None:
            speech = type(self).__name__
            raise ConfigError(f"reasoner.path: the tokenizer of {path} has no {token}; it does not speak {speech}")
        return id

    # ---- writing -----------------------------------------------------------------------------------------------------

    def opening(self, system: str, seen: Observation) -> Shown:
        before, after = self.template.system
        told = [*self._named(before), self._trimmed(system), *self._named(after)] if system else []
        begun = [*self._named(self.template.begins), *told, *self._named(self.template.user)]
        return self._shown([*begun, *self._content(seen), *self._named(self.template.reply)])

    def following(self, seen: Observation, ended: bool = True) -> Shown:
        closing, *again = self._named(self.template.again)
        begun = again if ended else [closing, *again]
        return self._shown([*begun, *self._content(seen), *self._named(self.template.reply)])

    def _named(self, text: str) -> list[Piece]:
        """A text of the template: only here are special tokens known by their names."""
        return [self.special.get(part, part) for part in marked(text)]

    def _content(self, seen: Observation) -> list[Piece]:
        """What is shown. Neighbouring texts are one."""
        pieces = list[Piece]()
        for textual, group in groupby(seen.content, key=lambda part: isinstance(part, str)):
            parts = list(group)
            pieces += ["".join(cast(Sequence[str], parts))] if textual else parts
        last = len(pieces) - 1
        return [self._stripped(piece, at == 0, at == last) for at, piece in enumerate(pieces)]

    def _stripped(self, piece: Piece, first: bool, last: bool) -> Piece:
        if not isinstance(piece, str):
            return piece
        texts, ends = (self.template.trims == which for which in ("texts", "ends"))
        piece = piece.lstrip() if texts or (ends and first) else piece
        return piece.rstrip() if texts or (ends and last) else piece

    def _trimmed(self, text: str) -> str:
        return text if self.template.trims == "nothing" else text.strip()

    def _shown(self, pieces: Sequence[Piece]) -> Shown:
        """Texts that touch are tokenised as one."""
        ids, grids = list[int](), list[Grid]()
        for textual, parts in groupby(pieces, key=lambda part: isinstance(part, str)):
            if textual:
                ids += self.write("".join(cast(Sequence[str], list(parts))))
                continue
            for part in cast(Sequence[int | Picture], list(parts)):
                if isinstance(part, int):
                    ids.append(part)
                else:
                    grids.append(self.grid(part.size))
                    ids += self._block(grids[-1])
        return Shown(tuple(ids), tuple(grids))

    def _block(self, grid: Grid) -> Iterator[int]:
        """The tokens of a picture and those around them."""
        before, each, after = self.template.picture
        for name in (*marked(before), *(each,) * grid.tokens, *marked(after)):
            yield self.special[name]

    def write(self, text: str) -> list[int]:
        """Plain text as ids, never a special token among them."""
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def read(self, ids: Sequence[int]) -> str:
        kept = ids[:-1] if ids and ids[-1] in self.stop_tokens else ids
        return self.tokenizer.decode(list(kept), skip_special_tokens=False)

    # ---- pictures ----------------------------------------------------------------------------------------------------

    def _merge(self) -> int:
        """Patches along one side of a visual token."""
        return self._told("merge_size", "_merge")

    def _patch(self) -> int:
        """Pixels along one side of a patch."""
        return self._told("patch_size", "_patch")

    def _told(self, name: str, method: str) -> int:
        """What the processor says of itself, by Qwen's names."""
        eyes, speech = self.processor.image_processor, type(self).__name__
        if not isinstance(found := getattr(eyes, name, None), int):
            raise ConfigError(
                f"reasoner.use: {type(eyes).__name__} says no {name}; give {speech} a {method}() of its own"
            )
        return found

    def grid(self, size: tuple[int, int]) -> Grid:
        width, height = size
        if width % self.unit or height % self.unit or min(size) < self.unit:
            raise UserError(
                f"a picture of {width}×{height} pixels is not made of {self.unit}-pixel tokens; "
                f"sides must be multiples of reasoner.unit={self.unit} (framework.vision.plan.fit gives them)"
            )
        if max(size) > STRETCH * min(size):
            raise UserError(
                f"a picture of {width}×{height} pixels is too long for its width (more than {STRETCH} times)"
            )
        patch = self.unit // self.merge
        return Grid(rows=height // patch, columns=width // patch, merge=self.merge)

    def positions(self, ids: Sequence[int] | Ints, grids: Sequence[Grid]) -> Ints:
        return spread(ids, grids, self.image_token)

    def patches(self, images: "Sequence[Pixels]") -> "dict[str, torch.Tensor]":
        return self.kept.of(images)

    def _patches(self, images: "Sequence[Pixels]") -> "tuple[torch.Tensor, torch.Tensor]":
        taken = self.processor.image_processor(images=writable(images), do_resize=False, return_tensors="pt")
        return taken["pixel_values"], taken["image_grid_thw"]

    def arguments(
        self, ids: "torch.Tensor", places: "torch.Tensor", seen: "Mapping[str, torch.Tensor]"
    ) -> "dict[str, torch.Tensor]":
        return {"position_ids": places, **seen}


def writable(images: "Sequence[Pixels]") -> "list[Pixels]":
    """torch warns of arrays that are shared and read-only."""
    return [np.array(image) for image in images]


def _processor(path: str) -> Any:
    """The folder's processor, refused if it could not see."""
    from transformers import AutoProcessor

    try:
        processor: Any = AutoProcessor.from_pretrained(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"reasoner.path: {path} cannot be read ({str(error).splitlines()[0][:200]})") from error
    if getattr(processor, "image_processor", None) is None:
        raise ConfigError(
            f"reasoner.path: {path} has no image processor (preprocessor_config.json); "
            "pictures would never reach the model"
        )
    return processor


def _plain(tokenizer: Any) -> "Tokenizer":
    """A tokenizer of our own in which text is only text: special tokens inside it are spelled out."""
    from tokenizers import Tokenizer

    own = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    own.encode_special_tokens = True
    own.no_truncation()
    own.no_padding()
    return own

"""ChatML with pictures, as the Qwen families speak it, and positions in three dimensions.

    <|im_start|>system␤ … <|im_end|>␤                                                  ┐
    <|im_start|>user␤ question <|vision_start|><|image_pad|>…<|vision_end|> text <|im_end|>␤  │ opening
    <|im_start|>assistant␤                                                             ┘
        reply <|im_end|>                                                                 sampled
    ␤<|im_start|>user␤ … <|im_end|>␤<|im_start|>assistant␤                               following

Special tokens are written by id, never by text: a question that says `<|im_end|>` says nothing but these letters.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from framework.blocks import Grid, Ints
from framework.errors import ConfigError, UserError
from framework.reasoners.patches import Patches
from framework.reasoners.voice import Shown
from framework.types import Observation, Picture

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer

    from framework.reasoners.sampling import Pixels

SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
STRETCH = 200
"""The processor refuses a picture more than this many times as long as it is wide."""


class ChatML:
    """The voice of a folder with a Qwen-like tokenizer and image processor."""

    def __init__(self, path: str, unit: int, default_system: str = "") -> None:
        """`default_system` is what the family's template says when nobody says anything."""
        self.unit, self.default_system = unit, default_system
        self.processor = _processor(path, unit)
        self.tokenizer = _plain(self.processor.tokenizer)
        self.special = {token: _id(self.tokenizer, token, path) for token in SPECIAL}
        self.merge = int(self.processor.image_processor.merge_size)
        self.image_token = self.special["<|image_pad|>"]
        self.pad_token = int(self.processor.tokenizer.pad_token_id)
        self.stop_tokens = (self.special["<|im_end|>"], self.special["<|endoftext|>"])
        self.banned_tokens = (self.special["<|image_pad|>"], self.special["<|video_pad|>"])
        self.vocabulary = max(self.tokenizer.get_vocab(with_added_tokens=True).values()) + 1
        self.newline = self.write("\n")
        self.kept = Patches(self._patches)
        self.reply_begins = [self.special["<|im_start|>"], *self.write("assistant\n")]

    # ---- writing -----------------------------------------------------------------------------------------------------

    def opening(self, system: str, seen: Observation) -> Shown:
        system = system or self.default_system
        told = self._message("system", (system,))[0] if system else []
        asked, grids = self._message("user", seen.content)
        return Shown((*told, *asked, *self.reply_begins), grids)

    def following(self, seen: Observation, ended: bool = True) -> Shown:
        asked, grids = self._message("user", seen.content)
        closing = [] if ended else [self.special["<|im_end|>"]]
        return Shown((*closing, *self.newline, *asked, *self.reply_begins), grids)

    def _message(self, role: str, content: Sequence[str | Picture]) -> tuple[list[int], tuple[Grid, ...]]:
        """<|im_start|>role␤ content <|im_end|>␤, neighbouring texts tokenised as one."""
        ids, grids = [self.special["<|im_start|>"]], list[Grid]()
        for shown, parts in groupby((f"{role}\n", *content), key=lambda part: isinstance(part, Picture)):
            if not shown:
                ids += self.write("".join(cast(Sequence[str], list(parts))))
                continue
            for picture in cast(Sequence[Picture], list(parts)):
                grids.append(self.grid(picture.size))
                pads = [self.image_token] * grids[-1].tokens
                ids += [self.special["<|vision_start|>"], *pads, self.special["<|vision_end|>"]]
        return [*ids, self.special["<|im_end|>"], *self.newline], tuple(grids)

    def write(self, text: str) -> list[int]:
        """Plain text as ids, never a special token among them."""
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def read(self, ids: Sequence[int]) -> str:
        kept = ids[:-1] if ids and ids[-1] in self.stop_tokens else ids
        return self.tokenizer.decode(list(kept), skip_special_tokens=False)

    # ---- pictures ----------------------------------------------------------------------------------------------------

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
        """Text moves on by one in all three; a picture spreads in height and width; text goes on past it."""
        seen = np.asarray(ids) == self.image_token
        wide = np.array([grid.columns // grid.merge for grid in grids], dtype=np.int64)
        counts = np.array([grid.tokens for grid in grids], dtype=np.int64)
        starts = np.flatnonzero(np.diff(seen.astype(np.int8), prepend=0) == 1)
        step = (~seen).astype(np.int64)
        step[starts + counts - 1] = np.maximum(wide, counts // wide)
        place = np.cumsum(step) - step
        positions = np.tile(place, (3, 1))
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        along = np.repeat(wide, counts)
        first = np.repeat(place[starts], counts)
        positions[:, seen] = first + np.stack([np.zeros_like(within), within // along, within % along])
        return positions

    def patches(self, images: "Sequence[Pixels]") -> "dict[str, torch.Tensor]":
        return self.kept.of(images)

    def _patches(self, images: "Sequence[Pixels]") -> "tuple[torch.Tensor, torch.Tensor]":
        writable = [np.array(image) for image in images]  # torch warns of arrays that are shared and read-only
        taken = self.processor.image_processor(images=writable, do_resize=False, return_tensors="pt")
        return taken["pixel_values"], taken["image_grid_thw"]


def _processor(path: str, unit: int) -> Any:
    """The folder's processor, refused if it could not see or sees in other units."""
    from transformers import AutoProcessor

    try:
        processor: Any = AutoProcessor.from_pretrained(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"reasoner.path: {path} cannot be read ({str(error).splitlines()[0][:200]})") from error
    images = getattr(processor, "image_processor", None)
    if images is None:
        raise ConfigError(
            f"reasoner.path: {path} has no image processor (preprocessor_config.json); "
            "pictures would never reach the model"
        )
    there = images.patch_size * images.merge_size
    if there != unit:
        raise ConfigError(f"reasoner.unit: {unit}, but the processor of {path} has {there}; set reasoner.unit={there}")
    return processor


def _plain(tokenizer: Any) -> "Tokenizer":
    """A tokenizer of our own in which text is only text: special tokens inside it are spelled out."""
    from tokenizers import Tokenizer

    own = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    own.encode_special_tokens = True
    own.no_truncation()
    own.no_padding()
    return own


def _id(tokenizer: "Tokenizer", token: str, path: str) -> int:
    id = tokenizer.token_to_id(token)
    if id is None:
        raise ConfigError(f"reasoner.path: the tokenizer of {path} has no {token}; it does not speak ChatML")
    return id

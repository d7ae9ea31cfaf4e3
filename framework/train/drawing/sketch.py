"""What a forward pass drew, with its gradient: logits of masks, place by place, and what is made of them."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from framework.calibration import Calibration, cells, of_cells
from framework.train.drawing.mask_loss import mask_losses
from framework.train.drawing.portfolio import pack
from framework.train.drawing.strokes import Strokes


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """The masks of a micro-batch's tokens, in the order of `Strokes.places`."""

    anchor: torch.Tensor
    """0, by way of every weight of the pen."""
    logits: torch.Tensor | None = None
    """[places, height, width]; None where nothing was drawn."""
    quality: torch.Tensor | None = None
    """How good the decoder takes each to be: [places]."""

    @property
    def tensors(self) -> tuple[torch.Tensor, ...]:
        return tuple(each for each in (self.anchor, self.logits, self.quality) if each is not None)

    def loss(self, strokes: Strokes | None, counts: torch.Tensor) -> torch.Tensor:
        """BCE + Dice: the mean over tokens of the mean over a token's frames, and the mean over keyframes. `counts`
        are the tokens of the whole mini-batch, of which these are some."""
        if self.logits is None or not strokes:
            return self.anchor
        at = [number for number, place in enumerate(strokes.places) if place.truth is not None]
        known = [strokes.places[number] for number in at]
        found = mask_losses(self.logits[at], [place.truth for place in known if place.truth])
        frames = Counter(place.of for place in known if not place.large)
        by_frames, by_keyframe = counts.tolist()
        shares = [1 / by_keyframe if place.large else 1 / (frames[place.of] * by_frames) for place in known]
        return (found * found.new_tensor(shares)).sum() + self.anchor

    def ell(self, strokes: Strokes, kept: Any, calibration: Calibration) -> torch.Tensor:
        """ℓ of what was drawn then, under the masks of now, where verl's log-probs have their tokens."""
        if self.logits is None or not len(strokes):
            return self._on_tokens(strokes, self.anchor.new_zeros(0))
        then = _cells(
            [row for row, count in zip(kept.unbind(), _per_row(strokes), strict=True) if count], calibration.grid
        )
        return self._on_tokens(strokes, of_cells(self.logits[strokes.large], then))

    def kept(self, strokes: Strokes, calibration: Calibration, grid: tuple[int, int]) -> dict[str, torch.Tensor]:
        """What the trainer and a later update must know, a row of bytes per episode."""
        shape = (0, *grid)
        logits = self.anchor.new_zeros(shape) if self.logits is None else self.logits
        drawn = [
            pack(sitting, turns) if sitting else np.zeros(1, np.uint8)
            for sitting, turns in self._by_row(strokes, logits)
        ]
        found = {"drawn": _ragged([torch.from_numpy(each) for each in drawn], logits.device)}
        if calibration.on and calibration.where == "log_prob":
            then = cells(logits[strokes.large], calibration.grid, calibration.threshold)
            rows = np.packbits(then.flatten(1).cpu().numpy(), axis=1)
            each = np.split(rows, np.cumsum(_per_row(strokes))[:-1])
            bits = [torch.from_numpy(np.append(some.ravel(), np.uint8(0))) for some in each]
            ell = of_cells(logits[strokes.large], then) if len(strokes) else self.anchor.new_zeros(0)
            found |= {"drawn_cells": _ragged(bits, logits.device), "drawn_ell": self._on_tokens(strokes, ell)}
        if calibration.on and calibration.where == "logit":
            found["drawn_worth"] = self._on_tokens(strokes, self.worth(strokes, calibration))
        return found

    def worth(self, strokes: Strokes, calibration: Calibration) -> torch.Tensor:
        """What each token's keyframe adds to its logit."""
        if self.quality is None or not len(strokes):
            return self.anchor.new_zeros(0)
        return calibration.weight * self.quality[strokes.large]

    def _by_row(self, strokes: Strokes, logits: torch.Tensor) -> Any:
        """For each row its sitting, and by turn the union of what its tokens drew."""
        target, count = (logits > 0).cpu().numpy(), 0
        rows: list[dict[int, Any]] = [{} for _ in strokes.sittings]
        for stroke in strokes.each:
            several = target[count : (count := count + len(stroke.canvas.frames) + 1)]
            turns = rows[stroke.row]
            turns[stroke.turn] = turns[stroke.turn] | several if stroke.turn in turns else several
        return zip(strokes.sittings, rows, strict=True)

    def _on_tokens(self, strokes: Strokes, values: torch.Tensor) -> torch.Tensor:
        """A number per token, 0 but for those that draw; verl's log-probs stand one place before their token."""
        flat = torch.zeros(int(strokes.offsets[-1]), dtype=torch.float32, device=strokes.offsets.device)
        flat = flat.index_put((strokes.end_to_end() - 1,), values.float()) if len(values) else flat
        return torch.nested.nested_tensor_from_jagged(flat, strokes.offsets)


def _per_row(strokes: Strokes) -> list[int]:
    return np.bincount([stroke.row for stroke in strokes.each], minlength=len(strokes.sittings)).tolist()


def _cells(rows: list[torch.Tensor], grid: int) -> torch.Tensor:
    size = (grid * grid + 7) // 8
    bits = torch.cat([row[:-1].view(-1, size) for row in rows])
    each = torch.from_numpy(np.unpackbits(bits.cpu().numpy(), axis=1, count=grid * grid))
    return each.view(-1, grid, grid).bool().to(bits.device)


def _ragged(rows: list[torch.Tensor], device: Any) -> torch.Tensor:
    return torch.nested.as_nested_tensor([row.to(device) for row in rows], layout=torch.jagged)

"""Patches of pictures, made once while there is room: what the episodes of a group see is mostly the same.

pictures ─▶ hash ─┬─ kept ───────────────┐
                  └─ new ─▶ processor ───┴▶ pixel_values [patches, values], image_grid_thw [pictures, 3]
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING

from framework.blocks import content_hash

if TYPE_CHECKING:
    import torch

    from framework.reasoners.sampling import Pixels

Make = Callable[[Sequence["Pixels"]], "tuple[torch.Tensor, torch.Tensor]"]
"""The patches of some pictures, all in one, and the grid of each."""

ROOM = 128 * 2**20
"""Bytes that are kept in a process."""


class Patches:
    def __init__(self, make: Make, room: int = ROOM) -> None:
        self.make, self.room = make, room
        self.kept: OrderedDict[str, tuple[torch.Tensor, torch.Tensor]] = OrderedDict()
        self.held = 0
        self.lock = Lock()

    def of(self, images: Sequence["Pixels"]) -> "dict[str, torch.Tensor]":
        """What a model takes for these pictures."""
        import torch

        hashes = [content_hash(image) for image in images]
        there = self._known(hashes)
        new = {hash: image for hash, image in zip(hashes, images, strict=True) if hash not in there}
        if new:
            values, grids = self.make(list(new.values()))
            made = zip(values.split(grids.prod(1).tolist()), grids, strict=True)
            there |= {hash: (rows.clone(), grid) for hash, (rows, grid) in zip(new, made, strict=True)}
            self._keep({hash: there[hash] for hash in new})
        rows, grids = zip(*(there[hash] for hash in hashes), strict=True)
        return {"pixel_values": torch.cat(rows), "image_grid_thw": torch.stack(grids)}

    def _known(self, hashes: Sequence[str]) -> "dict[str, tuple[torch.Tensor, torch.Tensor]]":
        with self.lock:
            for hash in hashes:
                if hash in self.kept:
                    self.kept.move_to_end(hash)
            return {hash: self.kept[hash] for hash in hashes if hash in self.kept}

    def _keep(self, made: "dict[str, tuple[torch.Tensor, torch.Tensor]]") -> None:
        """Those that were asked for longest ago make room."""
        with self.lock:
            for hash, patches in made.items():
                if hash not in self.kept:
                    self.kept[hash] = patches
                    self.held += patches[0].nbytes
            while self.held > self.room and self.kept:
                _, (rows, _) = self.kept.popitem(last=False)
                self.held -= rows.nbytes

"""The pen of a policy that draws: from the hidden state at a [SEG] token to the logits of masks.

    hidden state, last layer, AT the token [n, d] ─▶ Linear(d, d) – ReLU – Linear(d, width) ─▶ embedding [n, width] ─┐
    frames ─▶ features, each frame looked at once ───────────────────────────────────────────────────────────────────┴▶
    the decoder's masks

Its weights lie in the policy's own module while it learns, and beside its model when that is written:

    huggingface/config.json, model.safetensors, …      as it would be without
    huggingface/pen/weights.safetensors, settings.json
"""

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from framework.drawing import Drawing
from framework.errors import ConfigError
from framework.reasoners.voice import Voice
from framework.types import Video
from framework.vision import frames

if TYPE_CHECKING:
    import torch

    from framework.reasoners.decoder import Features

FOLDER, WEIGHTS, SETTINGS = "pen", "weights.safetensors", "settings.json"
Spot = tuple[Video, int]
"""A frame of a clip."""


class Pen:
    """How a policy's tokens become masks. It knows its decoder and what the frames it saw last look like."""

    def __init__(self, drawing: Drawing, device: str = "cpu") -> None:
        self.drawing, self.decoder, self.device = drawing, drawing.decoder, device
        self.encoded = 0
        """Frames that were looked at."""
        self._look: Any = None
        self._seen: OrderedDict[Spot, Features] = OrderedDict()

    def weights(self, hidden: int, folder: str, seed: int = 0) -> Any:
        """Those that a model's folder holds, for hidden states of this width; if it holds none, new ones."""
        import torch
        from torch import nn

        with torch.random.fork_rng(devices=[]), torch.device("cpu"):
            torch.manual_seed(seed)
            projection = nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, self.decoder.width))
            weights = nn.ModuleDict({"projection": projection, "decoder": self.decoder.make()})
        if (Path(folder) / FOLDER).is_dir():
            taken = read(Path(folder), self.drawing)
            try:
                weights.load_state_dict(taken)
            except RuntimeError as error:
                said = str(error).splitlines()[-1].strip()
                raise ConfigError(
                    f"{folder}/{FOLDER}: is of another reasoner ({said}); take the model it is of"
                ) from None
        for part in self.drawing.freeze:
            weights[part].requires_grad_(False)
        return weights

    def features(self, spots: Sequence[Spot]) -> "Features":
        """What these frames look like, side by side: [frames, channels, height, width] of each size."""
        import torch

        fresh = [spot for spot in dict.fromkeys(spots) if spot not in self._seen]
        for first in range(0, len(fresh), self.decoder.spots_at_once):
            some = fresh[first : first + self.decoder.spots_at_once]
            self._seen |= zip(some, self.look([frames.frame(*spot) for spot in some]), strict=True)
            self.encoded += len(some)
        found = [self._seen[spot] for spot in spots]
        for spot in spots:
            self._seen.move_to_end(spot)
        while len(self._seen) > self.decoder.held:
            self._seen.popitem(last=False)
        return tuple(torch.stack(level) for level in zip(*found, strict=True))

    def forget(self) -> None:
        """Every frame, as if none had been looked at."""
        self._seen.clear()

    def look(self, images: Sequence[Any]) -> "list[Features]":
        if self._look is None:
            self._look = self.decoder.eyes(self.device)
        return self._look(images)

    def draw(
        self, weights: Any, hidden: "torch.Tensor", features: "Features", which: "torch.Tensor", of: "torch.Tensor"
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        """Mask i is what token of[i], of which `hidden` [tokens, d] is the state, means on frame which[i]."""
        return self.decoder.draw(weights["decoder"], features, which, self.embeddings(weights, hidden)[of])

    def embeddings(self, weights: Any, hidden: "torch.Tensor") -> "torch.Tensor":
        """What the hidden states of tokens [tokens, d] mean to the decoder."""
        return weights["projection"](hidden.to(weights["projection"][0].weight.dtype))


def token(voice: Voice, drawing: Drawing) -> int:
    """The id of the token that draws."""
    ids = voice.write(drawing.token)
    if len(ids) != 1:
        raise ConfigError(
            f"drawing.token: {drawing.token!r} is {len(ids)} tokens of this reasoner; name it in reasoner.extra_tokens"
        )
    return ids[0]


def write(folder: Path, drawing: Drawing, weights: "Mapping[str, torch.Tensor]") -> None:
    """Lay a pen beside a model."""
    from safetensors.torch import save_file

    home = folder / FOLDER
    home.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in weights.items()}, home / WEIGHTS)
    (home / SETTINGS).write_text(json.dumps(_settings(drawing), indent=1) + "\n")


def read(folder: Path, drawing: Drawing) -> "dict[str, torch.Tensor]":
    """The weights of the pen beside a model, if it is of the kind that the recipe says."""
    from safetensors.torch import load_file

    home = folder / FOLDER
    try:
        there, wanted = json.loads((home / SETTINGS).read_text()), _settings(drawing)
        if there != wanted:
            raise ConfigError(
                f"{home}: is a pen with {there}, the recipe's has {wanted}; set drawing.decoder as it was"
            )
        return load_file(home / WEIGHTS)
    except OSError as error:
        raise ConfigError(f"{home}: {error.strerror}; name a model whose pen is whole") from None


def _settings(drawing: Drawing) -> dict[str, Any]:
    """What the shapes of a pen's weights follow from."""
    told = drawing.decoder.model_dump(mode="json")
    shape = {
        name: value for name, value in told.items() if name not in ("held", "spots_at_once", "device", "path", "dtype")
    }
    return {"decoder": type(drawing.decoder).__name__, **shape}

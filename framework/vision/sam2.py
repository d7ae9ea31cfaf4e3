# pyright: standard
"""SAM 2 as transformers has it: masks of prompts on a frame.

    frames ─▶ image encoder, once a frame ─▶ features ─┐
    prompts, one row each ─▶ prompt encoder ───────────┴▶ mask decoder ─▶ three masks and their scores ─▶ the best

A prompt may hold a [SEG] token's embedding, which the decoder reads as one more token. The checkpoints of SAM 2.1 serve
here and in framework/vision/sam2_video.py.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, cast

import numpy as np
from pydantic import Field

from framework.config import Settings
from framework.errors import ConfigError, DataError
from framework.types import Broken, Video
from framework.vision import masks
from framework.vision.footage import Pixels
from framework.vision.segmenter import Asked, Found, Hint, Segmenter, by_frame, seen

if TYPE_CHECKING:
    import torch

    Features = list[torch.Tensor]

T = TypeVar("T")
BOX = (2, 3)
"""The labels of a box's corners among points, as the prompt encoder knows them; 1 is on the object, 0 beside it."""
NO_POINT = -1
SURE = 10.0
"""The logit of a pixel that is known to be of the object, and with a minus of one that is not."""


class Weights(Settings):
    """Where a model lies, and where it runs."""

    path: str
    """A Hugging Face folder or name, as facebook/sam2.1-hiera-large."""
    device: str = ""
    """Empty takes cuda if there is one, else cpu."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """The numbers it computes with."""


class Sam2(Weights, Segmenter):
    """SAM 2 through transformers: boxes, points, masks and embeddings."""

    takes: ClassVar[frozenset[Hint]] = frozenset({"box", "points", "mask", "embedding"})

    multimask: bool = True
    """Take the best of three masks, by the score the model gives itself; otherwise the one it would draw alone."""
    frames_at_once: int = Field(default=8, ge=1)
    """Frames that are encoded together."""
    prompts_at_once: int = Field(default=32, ge=1)
    """Prompts that are decoded together."""
    held: int = Field(default=64, ge=1)
    """Frames whose features are kept, the least lately used given up first; one of 1024² pixels has 16 MiB."""

    def found(self, asked: Sequence[Asked]) -> list[Found | Broken]:
        return _decoder(cast(Any, self)).found(asked)


@lru_cache(maxsize=1)
def _decoder(settings: Sam2) -> "Decoder":
    return Decoder(settings)


def loaded(settings: Weights, model: str, processor: str) -> tuple[Any, Any]:
    """A model and what prepares its pictures."""
    import torch
    import transformers
    from transformers.utils import logging

    logging.disable_progress_bar()
    device = settings.device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        kind = transformers.AutoConfig.from_pretrained(settings.path).model_type
    except (OSError, ValueError) as error:  # a folder without a model, or one of nobody's kind
        said = str(error).splitlines()[0]
        raise ConfigError(f"{settings.path}: no model can be read there ({said}); give the path of a SAM 2") from None
    if kind not in ("sam2", "sam2_video"):
        raise ConfigError(f"{settings.path}: holds a {kind}, not a SAM 2; give the path of one")
    try:
        net = getattr(transformers, model).from_pretrained(settings.path, dtype=getattr(torch, settings.dtype))
        return net.to(device).eval(), getattr(transformers, processor).from_pretrained(settings.path)
    except OSError as error:
        said = str(error).splitlines()[0]
        raise ConfigError(f"{settings.path}: its files are not complete ({said}); download it again") from None


def shown(processor: Any, images: Sequence[Pixels]) -> "torch.Tensor":
    """Frames as the models take them. They are shared, and torch wants its own."""
    return processor.image_processor([image.copy() for image in images], return_tensors="pt")["pixel_values"]


class Decoder:
    """The image model, and the features of the frames it saw last."""

    def __init__(self, settings: Sam2) -> None:
        self.settings = settings
        self.net, self.processor = loaded(settings, "Sam2Model", "Sam2Processor")
        self.size: int = self.net.prompt_encoder.input_image_size
        """Pixels along each side of a picture as the model sees it."""
        self.encoded = 0
        """Frames that were encoded."""
        self._features: OrderedDict[tuple[Video, int], Features] = OrderedDict()

    def found(self, asked: Sequence[Asked]) -> list[Found | Broken]:
        import torch

        answers: dict[int, Found | Broken] = {}
        with torch.inference_mode():
            for some in _some(list(by_frame(asked).items()), self.settings.frames_at_once):
                features = self.features([frame for frame, _ in some])
                places = [place for _, each in some for place in each]
                answers |= self._answers({place: asked[place] for place in places}, features)
        return [answers[place] for place in range(len(asked))]

    def features(self, frames: Sequence[tuple[Video, int]]) -> dict[tuple[Video, int], "Features | Broken"]:
        """What the encoder makes of each, from coarse to fine last to first: [1, channels, height, width]."""
        found: dict[tuple[Video, int], Features | Broken] = {}
        fresh: dict[tuple[Video, int], Pixels] = {}
        for each in frames:
            if each in self._features:
                self._features.move_to_end(each)
                found[each] = self._features[each]
            elif isinstance(image := seen(*each), Broken):
                found[each] = image
            else:
                fresh[each] = image
        if fresh:
            images = shown(self.processor, list(fresh.values()))
            levels = self.net.get_image_embeddings(images.to(self.net.device, self.net.dtype))
            self.encoded += len(fresh)
            for row, each in enumerate(fresh):
                found[each] = self._features[each] = [level[row : row + 1].clone() for level in levels]
        while len(self._features) > self.settings.held:
            self._features.popitem(last=False)
        return found

    def _answers(
        self, asked: Mapping[int, Asked], features: Mapping[tuple[Video, int], "Features | Broken"]
    ) -> dict[int, Found | Broken]:
        """Rows of as many tokens are decoded together: filling up shorter ones would be seen by the decoder."""
        answers: dict[int, Found | Broken] = {}
        alike: dict[tuple[int, bool], list[tuple[int, Asked, Features]]] = {}
        for place, each in asked.items():
            there = features[each.video, each.frame]
            if isinstance(there, Broken):
                answers[place] = there
            else:
                kind = len(self._points(each)[1]), bool(each.prompt.embedding)
                alike.setdefault(kind, []).append((place, each, there))
        for several in alike.values():
            for some in _some(several, self.settings.prompts_at_once):
                drawn = self._decoded([each for _, each, _ in some], [there for _, _, there in some])
                answers |= {place: found for (place, _, _), found in zip(some, drawn, strict=True)}
        return answers

    def _decoded(self, asked: Sequence[Asked], features: Sequence["Features"]) -> Iterator[Found]:
        import torch

        net, device, dtype = self.net, self.net.device, self.net.dtype
        places, labels = zip(*map(self._points, asked), strict=True)
        sparse, _ = net.prompt_encoder(
            input_points=torch.tensor(np.stack(places), device=device, dtype=dtype)[:, None],
            input_labels=torch.tensor(np.stack(labels), device=device)[:, None],
            input_boxes=None,
            input_masks=None,
        )
        if asked[0].prompt.embedding:
            sparse = torch.cat([sparse, self._embeddings(asked, sparse)], 2)
        low, scores, _, _ = net.mask_decoder(
            image_embeddings=torch.cat([each[-1] for each in features]),
            image_positional_embeddings=net.get_image_wide_positional_embeddings().repeat(len(asked), 1, 1, 1),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=torch.cat([self._dense(each) for each in asked]),
            multimask_output=self.settings.multimask,
            high_resolution_features=[
                torch.cat(level) for level in zip(*(each[:-1] for each in features), strict=True)
            ],
        )
        best = scores[:, 0].argmax(-1)
        for row, each in enumerate(asked):
            size = [[each.video.height, each.video.width]]
            [mask] = self.processor.post_process_masks([low[row, :, best[row]][None].float()], size)
            yield Found(masks.pack(mask[0, 0].cpu().numpy()), float(scores[row, 0, best[row]].clamp(0, 1)))

    def _points(self, asked: Asked) -> tuple[np.ndarray, np.ndarray]:
        """A box's corners and the points, in pixels as the model sees them, and their labels; never none at all."""
        places, on = asked.points
        corners = np.array(asked.corners or (), float).reshape(-1, 2)
        every = np.concatenate([corners, places]) * (self.size / asked.video.width, self.size / asked.video.height)
        labels = np.concatenate([BOX[: len(corners)], on]).astype(np.int64)
        return (every, labels) if len(labels) else (np.zeros((1, 2)), np.array([NO_POINT]))

    def _dense(self, asked: Asked) -> "torch.Tensor":
        """What the decoder is told of a mask; or of there being none."""
        import torch
        from torch.nn import functional

        encoder = self.net.prompt_encoder
        if asked.prompt.mask is None:
            return encoder.no_mask_embed.weight.reshape(1, -1, 1, 1).expand(1, -1, *encoder.image_embedding_size)
        pixels = torch.from_numpy(masks.decode(asked.prompt.mask)).to(self.net.device)[None, None].float()
        small = functional.interpolate(pixels, encoder.mask_input_size, mode="bilinear", antialias=True)
        return encoder.mask_embed((SURE * (2 * small - 1)).to(self.net.dtype))

    def _embeddings(self, asked: Sequence[Asked], sparse: "torch.Tensor") -> "torch.Tensor":
        width = sparse.shape[-1]
        for each in asked:
            if len(each.prompt.embedding) != width:
                said = f"the embedding has {len(each.prompt.embedding)} numbers, this model's tokens {width}"
                raise DataError(f"{each.where}: {said}; project it to that")
        return sparse.new_tensor([each.prompt.embedding for each in asked])[:, None, None]


def _some(many: Sequence[T], count: int) -> Iterator[Sequence[T]]:
    """So many at a time."""
    return (many[first : first + count] for first in range(0, len(many), count))

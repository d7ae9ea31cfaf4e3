# pyright: standard
"""SAM 2 as transformers has it: masks of prompts on a frame, and masks carried through a clip.

    frames ─▶ image encoder, once a frame ─▶ features ─┐
    prompts, one row each ─▶ prompt encoder ───────────┴▶ mask decoder ─▶ three masks and their scores ─▶ the best

The checkpoints of SAM 2.1 serve both. A prompt may hold a [SEG] token's embedding, which the decoder reads as one more
token. What a policy drew by a SAM 2 of its own is followed with its token in every frame (`Sam2Video.carried`).
"""

from collections import OrderedDict
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, cast

import numpy as np
from pydantic import Field

from framework.config import Settings
from framework.errors import ConfigError, DataError
from framework.types import AnyMask, Broken, Video
from framework.vision import masks
from framework.vision.footage import Pixels
from framework.vision.frames import frame as frame_of
from framework.vision.propagator import Masks, Propagator, outward
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


class Sam2Video(Weights, Propagator):
    """SAM 2 through transformers, with its memory of earlier frames."""

    def tracked(self, video: Video, frame: int, masks: Masks, frames: Sequence[int]) -> Mapping[int, Masks]:
        return _tracker(cast(Any, self)).tracked(video, frame, masks, frames)

    def carried(
        self, video: Video, frame: int, mask: AnyMask, decoder: Any, embedding: "torch.Tensor"
    ) -> dict[int, Masks]:
        """What a policy's own decoder drew on a frame from an embedding [width], over the clip: each frame is drawn by
        that decoder, from that embedding, with the memory of other frames. It may be found again where it was not."""
        others = [each for each in range(video.length) if each != frame]
        tracker = _tracker(cast(Any, self))
        with tracker.told(decoder, embedding):
            found = tracker.tracked(video, frame, (mask,), others, lost=True)
        return dict(sorted({frame: (mask,), **found}.items()))


@lru_cache(maxsize=1)
def _decoder(settings: Sam2) -> "Decoder":
    return Decoder(settings)


@lru_cache(maxsize=1)
def _tracker(settings: Sam2Video) -> "Tracker":
    return Tracker(settings)


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


# ---- masks on a frame ------------------------------------------------------------------------------------------------


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


# ---- masks through a clip --------------------------------------------------------------------------------------------

PARTS = ("prompt_encoder", "mask_decoder")
"""What of a SAM 2 draws."""
REMEMBERED = 32
"""Frames of which the memory is kept behind the one at work; the model looks back at no more than 16."""


class Tracker:
    """The video model."""

    def __init__(self, settings: Sam2Video) -> None:
        self.net, self.processor = loaded(settings, "Sam2VideoModel", "Sam2VideoProcessor")

    def tracked(
        self, video: Video, frame: int, start: Masks, frames: Sequence[int], lost: bool = False
    ) -> dict[int, Masks]:
        """The targets are followed together, those without pixels only if `lost` ones are to be looked for."""
        empty = masks.pack(np.zeros((video.height, video.width), np.bool_))
        there = [place for place, mask in enumerate(start) if lost or masks.area(mask)]
        found: dict[int, list[AnyMask]] = {each: [empty] * len(start) for each in frames}
        if there:
            session = self._session(video, frame, [start[place] for place in there])
            for way, back in zip(outward(frame, frames), (False, True), strict=True):
                for number, drawn in self._propagated(session, video, frame, len(way), back):
                    for place, mask in zip(there, drawn, strict=True) if number in found else ():
                        found[number][place] = mask
        return {each: tuple(several) for each, several in found.items()}

    @contextmanager
    def told(self, decoder: Any, embedding: "torch.Tensor") -> Generator[None]:
        """While it is open, frames are drawn as a policy's own decoder draws them: by its weights, the embedding as the
        only prompt, and one mask."""
        net, config = self.net, self.net.config
        before, several = {name: getattr(net, name) for name in PARTS}, config.multimask_output_in_sam
        token = embedding.to(net.device, net.dtype)
        try:
            for name, part in before.items():
                taken = deepcopy(part)
                taken.load_state_dict(decoder[name].state_dict())
                setattr(net, name, taken)
            net.prompt_encoder.register_forward_hook(
                lambda _, asked, out: (token.expand(len(out[1]), 1, 1, -1), out[1])
            )
            net.mask_decoder.dynamic_multimask_via_stability = config.multimask_output_in_sam = False
            yield
        finally:
            config.multimask_output_in_sam = several
            for name, part in before.items():
                setattr(net, name, part)

    def _session(self, video: Video, frame: int, start: Sequence[AnyMask]) -> Any:
        session = self.processor.init_video_session(inference_device=self.net.device, dtype=self.net.dtype)
        session.processed_frames = Lazy(video, self.processor)  # a whole clip of 1024² pixels would be 12 MiB a frame
        session.video_height, session.video_width = video.height, video.width
        dense = [masks.decode(mask) for mask in start]
        self.processor.add_inputs_to_inference_session(session, frame, list(range(len(dense))), input_masks=dense)
        return session

    def _propagated(
        self, session: Any, video: Video, frame: int, count: int, back: bool
    ) -> Iterator[tuple[int, list[AnyMask]]]:
        """Both ways begin with the start frame, whose masks are known already."""
        if not count:
            return
        steps = self.net.propagate_in_video_iterator(session, frame, count, reverse=back)
        for each in islice(steps, 1, None):
            drawn = self.processor.post_process_masks([each.pred_masks.float()], [[video.height, video.width]])[0]
            yield each.frame_idx, [masks.pack(mask[0].cpu().numpy()) for mask in drawn]
            _forget(session, each.frame_idx)


def _forget(session: Any, now: int) -> None:
    """Let go of outputs that are too far away to be looked at again."""
    for outputs in session.output_dict_per_obj.values():
        kept = outputs["non_cond_frame_outputs"]
        for frame in [each for each in kept if abs(each - now) > REMEMBERED]:
            del kept[frame]


class Lazy:
    """A clip's frames as the model takes them, each made when it is asked for."""

    def __init__(self, video: Video, processor: Any) -> None:
        self.video, self.processor = video, processor

    def __len__(self) -> int:
        return self.video.length

    def __getitem__(self, index: int) -> "torch.Tensor":
        return shown(self.processor, [frame_of(self.video, index)])[0]

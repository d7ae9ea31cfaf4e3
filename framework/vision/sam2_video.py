# pyright: standard
"""SAM 2 as transformers has it: masks carried through a clip, with the memory of earlier frames.

    frame, masks ─▶ a session ─▶ on to the last frame, and back to the first ─▶ masks of each

What a policy drew by a SAM 2 of its own is followed with its token in every frame (`Sam2Video.carried`).
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from framework.types import AnyMask, Video
from framework.vision import masks
from framework.vision.frames import frame as frame_of
from framework.vision.propagator import Masks, Propagator, outward
from framework.vision.sam2 import Weights, loaded, shown

if TYPE_CHECKING:
    import torch

PARTS = ("prompt_encoder", "mask_decoder")
"""What of a SAM 2 draws."""
REMEMBERED = 32
"""Frames of which the memory is kept behind the one at work; the model looks back at no more than 16."""


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
def _tracker(settings: Sam2Video) -> "Tracker":
    return Tracker(settings)


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

# pyright: standard
"""Models whose code is not a dependency: the official sam2 package, and XMem and Cutie from a checkout of yours.

    propagator: {use: xmem, path: ~/XMem, weights: ~/XMem/saves/XMem.pth}

What is missing is named, with the way to get it. The package was run with random weights; XMem and Cutie are called as
their published code asks to be (eval.py, scripting_demo.py), and only stand-ins of them have been run from here yet.
"""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from pydantic import Field

from framework.config import Settings
from framework.errors import ConfigError
from framework.types import AnyMask, Broken, Video
from framework.vision import masks
from framework.vision.footage import Pixels
from framework.vision.frames import frame as frame_of
from framework.vision.propagator import Masks, Propagator, outward
from framework.vision.segmenter import Asked, Found, Segmenter, by_frame, seen

if TYPE_CHECKING:
    import torch

    Step = Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor]
    """A picture [3, H, W] in [0, 1], and on the first the objects [n, H, W], become chances [1 + n, H, W]."""

SURE = 10.0
"""The logit of a pixel that is known to be of the object, and with a minus of one that is not."""


class Files(Settings):
    """Where code and weights lie, and where they run."""

    weights: Path
    device: str = ""
    """Empty takes cuda if there is one, else cpu."""

    def on(self) -> str:
        import torch

        return self.device or ("cuda" if torch.cuda.is_available() else "cpu")

    def loaded(self) -> Any:
        """What the file of weights holds."""
        import torch

        path = self.weights.expanduser()
        if not path.is_file():
            raise ConfigError(
                f"{path}: there is no such file of weights; download it where its authors say, name it here"
            )
        return torch.load(path, map_location=self.on())


# ---- the official SAM 2 ----------------------------------------------------------------------------------------------


class OfficialSam2(Files, Segmenter):
    """SAM 2 by its authors' own package; where there is no reason for it, `sam2` is quicker and takes [SEG] too."""

    config: str = "configs/sam2.1/sam2.1_hiera_l.yaml"
    """Which model, as the package names it."""
    multimask: bool = True
    """Take the best of three masks, by the score the model gives itself."""

    def found(self, asked: Sequence[Asked]) -> list[Found | Broken]:
        predictor = _predictor(cast(Any, self))
        answers: dict[int, Found | Broken] = {}
        for (video, frame), places in by_frame(asked).items():
            image = seen(video, frame)
            if not isinstance(image, Broken):
                predictor.set_image(image.copy())
            for place in places:
                answers[place] = image if isinstance(image, Broken) else self._drawn(predictor, asked[place])
        return [answers[place] for place in range(len(asked))]

    def _drawn(self, predictor: Any, asked: Asked) -> Found:
        places, on = asked.points
        drawn, scores, _ = predictor.predict(
            point_coords=places if len(places) else None,
            point_labels=on.astype(int) if len(places) else None,
            box=None if asked.corners is None else np.array(asked.corners),
            mask_input=None if asked.prompt.mask is None else _logits(predictor, masks.decode(asked.prompt.mask)),
            multimask_output=self.multimask,
        )
        best = int(scores.argmax())
        return Found(masks.pack(drawn[best] > 0), float(np.clip(scores[best], 0, 1)))


@lru_cache(maxsize=1)
def _predictor(settings: OfficialSam2) -> Any:
    try:
        build = importlib.import_module("sam2.build_sam")
        predictor = importlib.import_module("sam2.sam2_image_predictor")
    except ModuleNotFoundError as error:
        install = "SAM2_BUILD_CUDA=0 uv sync --extra sam2 --no-build-isolation-package sam2"
        raise ConfigError(
            f"segmenter 'official_sam2' needs the package sam2 (no module {error.name!r}); install it: {install}"
        ) from None
    weights = settings.loaded()
    model = build.build_sam2(settings.config, device=settings.on())
    model.load_state_dict(weights["model"])
    return predictor.SAM2ImagePredictor(model)


def _logits(predictor: Any, dense: masks.Dense) -> np.ndarray:
    """A mask as the decoder is told one: a quarter as fine as the picture it sees."""
    import cv2

    side = predictor.model.image_size // 4
    small = cv2.resize(dense.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(SURE * (2 * small - 1), np.float32)[None]


# ---- XMem and Cutie --------------------------------------------------------------------------------------------------


class Checkout(Files, Propagator):
    """Base of the propagators that remember frames, from a folder with their authors' code."""

    path: Path
    """The folder that was cloned."""
    size: int = Field(default=480, ge=16)
    """Pixels along the shorter side of what it sees; a smaller clip is seen as it is."""

    def tracked(self, video: Video, frame: int, masks: Masks, frames: Sequence[int]) -> Mapping[int, Masks]:
        return _tracked(self, video, frame, masks, frames)

    def step(self, objects: int, frames: int) -> "Step":
        """Begins a clip with so many objects."""
        raise NotImplementedError

    @contextmanager
    def code(self, within: str, repository: str) -> Iterator[Path]:
        """The checkout's modules can be imported."""
        home = self.path.expanduser().resolve()
        if not (home / within).is_file():
            raise ConfigError(f"{home}: holds no {within}; clone github.com/{repository} and name its folder")
        sys.path.insert(0, str(home))
        try:
            yield home
        except ModuleNotFoundError as error:
            raise ConfigError(f"{home}: needs the module {error.name!r}; install it (uv pip install)") from None
        finally:
            sys.path.remove(str(home))


class XMem(Checkout):
    """XMem (Cheng & Schwing 2022), which VideoSeg-R1 carries its masks with; settings are those of its eval.py."""

    def step(self, objects: int, frames: int) -> "Step":
        import torch

        network, core = _xmem(cast(Any, self))
        usage = frames / (XMEM["max_mid_term_frames"] - XMEM["min_mid_term_frames"]) * XMEM["num_prototypes"]
        counted = usage >= XMEM["max_long_term_elements"]
        running = core(network, config=XMEM | {"enable_long_term_count_usage": counted})
        running.set_all_labels(list(range(1, objects + 1)))
        mean, spread = (torch.tensor(each, device=self.on())[:, None, None] for each in (MEAN, SPREAD))

        def step(image: "torch.Tensor", start: "torch.Tensor | None") -> "torch.Tensor":
            labels = None if start is None else list(range(1, objects + 1))
            return running.step((image - mean) / spread, start, labels)

        return step


MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
XMEM: dict[str, Any] = {
    "enable_long_term": True,
    "max_mid_term_frames": 10,
    "min_mid_term_frames": 5,
    "max_long_term_elements": 10000,
    "num_prototypes": 128,
    "top_k": 30,
    "mem_every": 5,
    "deep_update_every": -1,
}


@lru_cache(maxsize=1)
def _xmem(settings: XMem) -> tuple[Any, Any]:
    with settings.code("inference/inference_core.py", "hkchengrex/XMem"):
        weights = settings.loaded()
        network = importlib.import_module("model.network").XMem(dict(XMEM), None).to(settings.on()).eval()
        core = importlib.import_module("inference.inference_core").InferenceCore
    network.load_weights(weights, init_as_zero_if_needed=True)
    return network, core


class Cutie(Checkout):
    """Cutie (Cheng et al. 2024), as its eval_config has it. Its code downloads a ResNet when it is first loaded."""

    def step(self, objects: int, frames: int) -> "Step":
        network, core = _cutie(cast(Any, self))
        running = core(network, cfg=network.cfg)

        def step(image: "torch.Tensor", start: "torch.Tensor | None") -> "torch.Tensor":
            return running.step(image, start, idx_mask=start is None)

        return step


@lru_cache(maxsize=1)
def _cutie(settings: Cutie) -> tuple[Any, Any]:
    with settings.code("cutie/inference/inference_core.py", "hkchengrex/Cutie") as home:
        weights = settings.loaded()
        hydra = importlib.import_module("hydra")
        with hydra.initialize_config_dir(version_base="1.3.2", config_dir=str(home / "cutie" / "config")):
            config = hydra.compose(config_name="eval_config")
        importlib.import_module("cutie.inference.utils.args_utils").get_dataset_cfg(config)
        network = importlib.import_module("cutie.model.cutie").CUTIE(config).to(settings.on()).eval()
        core = importlib.import_module("cutie.inference.inference_core").InferenceCore
    network.load_weights(weights)
    return network, core


def _tracked(checkout: Checkout, video: Video, frame: int, start: Masks, frames: Sequence[int]) -> dict[int, Masks]:
    """Each way begins anew with the start frame. An object without pixels is nowhere."""
    import torch

    empty = masks.pack(np.zeros((video.height, video.width), np.bool_))
    there = [place for place, mask in enumerate(start) if masks.area(mask)]
    found: dict[int, list[AnyMask]] = {each: [empty] * len(start) for each in frames}
    if not there:
        return {each: tuple(several) for each, several in found.items()}
    side = checkout.size / max(min(video.height, video.width), checkout.size)
    size = round(video.height * side), round(video.width * side)
    objects = torch.from_numpy(np.stack([masks.decode(start[place]) for place in there])).float().to(checkout.on())
    with torch.inference_mode():
        for way in filter(len, outward(frame, frames)):
            step = checkout.step(len(there), len(way))
            step(_shown(frame_of(video, frame), size, checkout.on()), _resized(objects, size, "nearest"))
            for number in way:
                chances = step(_shown(frame_of(video, number), size, checkout.on()), None)
                who = _resized(chances, (video.height, video.width), "bilinear").argmax(0).cpu().numpy()
                for object_, place in enumerate(there, 1) if number in found else ():
                    found[number][place] = masks.pack(who == object_)
    return {each: tuple(several) for each, several in found.items()}


def _shown(image: Pixels, size: tuple[int, int], device: str) -> "torch.Tensor":
    import torch

    pixels = torch.from_numpy(image.copy()).to(device).permute(2, 0, 1).float() / 255
    return _resized(pixels, size, "bilinear")


def _resized(planes: "torch.Tensor", size: tuple[int, int], mode: str) -> "torch.Tensor":
    """[planes, height, width] at another size."""
    from torch.nn import functional

    return planes if planes.shape[1:] == size else functional.interpolate(planes[None], size, mode=mode)[0]

"""Real architectures at their real sizes, with random weights: does a recipe fit, and how long does a step take?

    MODELS["qwen3_vl_2b"] ─▶ config · weights · processor · the lab's few words, in rows of a real vocabulary

Sizes are those of the published configs; everything is made here, once, and nothing is downloaded.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from framework.cache import cache_folder, made_once
from framework.lab import speech
from framework.reasoners.lab import Lab

Sizes = Mapping[str, Any]
"""As a config names them."""
SEED = 0
DIGITS = 9
"""Numbers are said digit by digit, from 0 to this."""
WORDS = re.compile(r" ?[A-Za-z]{2,}")
"""What a real vocabulary has a token for and the lab's spells."""
SHUTTER = 2
"""Frames that a patch spans; a still counts as two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A vision-language model."""

    family: str
    unit: int
    text: Sizes
    vision: Sizes
    tied: bool = True
    """Are words read and said by the same weights?"""

    def small(self) -> "Reader":
        """Narrow and shallow, and otherwise the same."""
        eyes = {"deepstack_visual_indexes": [0], "fullatt_block_indexes": [1]}
        there = {name: at for name, at in eyes.items() if name in self.vision}
        vision = {**self.vision, **_eyes(2, 64, 128, 2, 256), **there}
        return replace(self, text={**self.text, **_text(256, 256, 2, 2, 1, 4096)}, vision=vision)

    def config(self, tokenizer: Any) -> Any:
        """The family's own, as its tiny copy has it but for the sizes."""
        lab = Lab(family=self.family, unit=self.unit)
        copy = lab.copied.small().config(lab, tokenizer)
        tree = copy.to_dict()
        tree["text_config"].pop("layer_types", None)  # one a layer, made again from how many there are
        tree["text_config"] |= {**USUAL, **self.text, "tie_word_embeddings": self.tied}
        tree["vision_config"] |= {**USUAL, **self.vision, "temporal_patch_size": SHUTTER}
        return type(copy)(**tree | {"tie_word_embeddings": self.tied})

    def write(self, folder: Path) -> None:
        import torch
        from transformers import AutoModelForImageTextToText

        lab = Lab(family=self.family, unit=self.unit)
        made = lab.copied.small()
        tokenizer = speech.tokenizer(
            DIGITS, (), made.special or made.template.special(), made.turns, made.jinja, made.names()
        )
        processor = made.processor(lab, tokenizer)
        for part in (processor.image_processor, processor.video_processor):
            part.temporal_patch_size = SHUTTER
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            model = AutoModelForImageTextToText.from_config(self.config(tokenizer), dtype=torch.bfloat16)
        model.generation_config.eos_token_id = tokenizer.eos_token_id
        model.generation_config.pad_token_id = tokenizer.pad_token_id
        processor.save_pretrained(folder)
        _saved(model, folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Painter:
    """A SAM 2, for images and for videos."""

    backbone: Sizes
    side: int = 1024
    """Pixels along each side of a frame as it sees it."""
    width: int = 256

    def small(self) -> "Painter":
        """Narrow and shallow, and otherwise the same."""
        return replace(self, backbone=_hiera(16, [1, 1, 2, 1], [1, 1, 2, 2], [4, 4, 4, 4], [3]), side=128, width=128)

    def config(self) -> Any:
        from transformers import Sam2VideoConfig
        from transformers.models.sam2_video import configuration_sam2_video as configs

        cells = self.side // 16
        channels = list(reversed(self.backbone["embed_dim_per_stage"]))
        sizes = [[side, side] for side in (4 * cells, 2 * cells, cells)]
        vision = {
            "backbone_config": {**self.backbone, "image_size": [self.side, self.side]},
            "backbone_channel_list": channels,
            "backbone_feature_sizes": sizes,
            "fpn_hidden_size": self.width,
        }
        return Sam2VideoConfig(
            vision_config=vision,
            prompt_encoder_config=configs.Sam2VideoPromptEncoderConfig(hidden_size=self.width, image_size=self.side),
            mask_decoder_config=configs.Sam2VideoMaskDecoderConfig(hidden_size=self.width),
            image_size=self.side,
            memory_attention_hidden_size=self.width,
            memory_attention_rope_feat_sizes=[cells, cells],
            memory_encoder_hidden_size=self.width,
            mask_downsampler_embed_dim=self.width,
            memory_fuser_embed_dim=self.width,
            enable_temporal_pos_encoding_for_object_pointers=True,
            enable_occlusion_spatial_embedding=True,
        )

    def write(self, folder: Path) -> None:
        import torch
        import transformers
        from transformers.models.sam2.image_processing_sam2 import Sam2ImageProcessor

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            model = transformers.Sam2VideoModel(self.config())
        _saved(model, folder)
        size, cells = {"height": self.side, "width": self.side}, self.side // 4
        images = Sam2ImageProcessor(size=size, mask_size={"height": cells, "width": cells})
        videos = transformers.Sam2VideoVideoProcessor(size=size)
        transformers.Sam2VideoProcessor(images, videos).save_pretrained(folder)


def random_weights(model: Reader | Painter, small: bool = False) -> Path:
    """The folder of one, written if it is not there yet."""
    wanted = model.small() if small else model
    told = hashlib.blake2b(repr(wanted).encode() + Path(__file__).read_bytes(), digest_size=8)
    return made_once(cache_folder() / "random" / told.hexdigest(), wanted.write)


USUAL: Sizes = {"initializer_range": 0.02}


def _text(hidden: int, inner: int, layers: int, heads: int, groups: int, rows: int) -> Sizes:
    return {
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": groups,
        "head_dim": 128,
        "vocab_size": rows,
    }


def _turning(base: float, thirds: list[int], longest: int, **more: Any) -> Sizes:
    turns = {"rope_type": "default", "rope_theta": base, "mrope_section": thirds, **more}
    return {"rope_parameters": turns, "max_position_embeddings": longest}


def _eyes(depth: int, hidden: int, inner: int, heads: int, out: int) -> Sizes:
    return {
        "depth": depth,
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_heads": heads,
        "out_hidden_size": out,
    }


def _qwen3_vl(text: Sizes, out: int) -> Reader:
    turns = _turning(5e6, [24, 20, 20], 262_144, mrope_interleaved=True)
    more = {"num_position_embeddings": 2304, "deepstack_visual_indexes": [5, 11, 17]}
    vision = {**_eyes(24, 1024, 4096, 16, out), **more}
    return Reader(family="qwen3_vl", unit=32, text={**text, **turns}, vision=vision)


def _qwen2_5_vl(text: Sizes, out: int, tied: bool) -> Reader:
    turns = _turning(1e6, [16, 24, 24], 128_000)
    more = {"window_size": 112, "fullatt_block_indexes": [7, 15, 23, 31]}
    vision = {**_eyes(32, 1280, 3420, 16, out), **more}
    return Reader(family="qwen2_5_vl", unit=28, text={**text, **turns}, vision=vision, tied=tied)


def _hiera(hidden: int, blocks: list[int], heads: list[int], windows: list[int], everywhere: list[int]) -> Sizes:
    return {
        "hidden_size": hidden,
        "blocks_per_stage": blocks,
        "embed_dim_per_stage": [hidden << stage for stage in range(4)],
        "num_attention_heads_per_stage": heads,
        "window_size_per_stage": windows,
        "global_attention_blocks": everywhere,
    }


def _saved(model: Any, folder: Path) -> None:
    from transformers.utils import logging

    logging.disable_progress_bar()
    model.save_pretrained(folder)


MODELS: Mapping[str, Reader | Painter] = {
    "qwen3_vl_2b": _qwen3_vl(_text(2048, 6144, 28, 16, 8, 151_936), 2048),
    "qwen3_vl_4b": _qwen3_vl(_text(2560, 9728, 36, 32, 8, 151_936), 2560),
    "qwen2_5_vl_3b": _qwen2_5_vl(_text(2048, 11_008, 36, 16, 2, 151_936), 2048, tied=True),
    "qwen2_5_vl_7b": _qwen2_5_vl(_text(3584, 18_944, 28, 28, 4, 152_064), 3584, tied=False),
    "sam2_large": Painter(backbone=_hiera(144, [2, 6, 36, 4], [2, 4, 8, 16], [8, 4, 16, 8], [23, 33, 43])),
}
"""By the names that `limner rehearse` takes."""

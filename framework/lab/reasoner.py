"""Builds the lab's reasoner: a Qwen3-VL or Qwen2.5-VL of half a million random weights, complete and offline.

    Lab(hidden=96, seed=0) ─▶ ~/.cache/limner/reasoners/<hash>/   config · weights · tokenizer · processor · template

The folder is laid out as Hugging Face lays out a real one, so whatever loads those loads this.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from framework.cache import cache_folder
from framework.errors import UserError
from framework.lab import grounding, levels, queries, scene, speech, world
from framework.reasoners.chatml import ChatML
from framework.reasoners.lab import Lab

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

HEADS, HEAD_WIDTH = 4, 32
VISION_HEADS, VISION_PLACES = 2, 64
MERGE = 2
LONGEST = 8192
"""Tokens of an episode."""
SPREAD = 0.7
"""Standard deviation of random weights, times hidden ** -0.5: at Qwen's own 0.02 so narrow a model hardly learns."""


def cached(lab: Lab) -> Path:
    """The folder of these settings, built if it is not there yet."""
    taught = (grounding, levels, queries, world) if lab.grounding else ()
    made_from = [Path(__file__), *(Path(str(module.__file__)) for module in (speech, scene, *taught))]
    told = hashlib.blake2b(lab.model_dump_json().encode(), digest_size=8)
    for file in made_from:
        told.update(file.read_bytes())
    folder = cache_folder() / "reasoners" / f"{lab.family}-{told.hexdigest()}"
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".building-") as building:
            build(lab, Path(building) / "whole")
            try:
                os.rename(Path(building) / "whole", folder)
            except OSError:
                if not folder.is_dir():  # otherwise another process was quicker
                    raise
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be written ({error.strerror}); set LIMNER_CACHE to a folder that can"
        ) from error
    return folder


def build(lab: Lab, folder: Path) -> Path:
    """Write the whole reasoner into `folder`; the same settings give the same bytes."""
    import torch
    from transformers import AutoModelForImageTextToText

    numbers = lab.coordinates if isinstance(lab.coordinates, int) else 0
    tokenizer = speech.tokenizer(numbers, lab.extra_tokens)
    config = _config(lab, tokenizer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(lab.seed)
        model = AutoModelForImageTextToText.from_config(config, dtype=torch.float32)
    model.generation_config.eos_token_id = config.text_config.eos_token_id
    model.generation_config.pad_token_id = config.text_config.pad_token_id
    _processor(lab, tokenizer).save_pretrained(folder)
    if lab.grounding:
        _ground(model, lab, folder)
    with _quietly():
        model.save_pretrained(folder)
    return folder


def _ground(model: Any, lab: Lab, folder: Path) -> None:
    """The first lesson, and how far it is: nobody waits two minutes for a silent program."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("limner: the lab's reasoner learns to see, once", total=lab.grounding)
        voice = ChatML(str(folder), lab.unit)
        grounding.ground(model, voice, lab, lambda step, loss: progress.update(bar, completed=step))


@contextmanager
def _quietly() -> Iterator[None]:
    """A progress bar for two megabytes is noise."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _config(lab: Lab, tokenizer: "PreTrainedTokenizerFast") -> Any:
    from transformers import Qwen2_5_VLConfig, Qwen3VLConfig

    number: Any = tokenizer.convert_tokens_to_ids
    qwen3 = lab.family == "qwen3_vl"
    width = HEAD_WIDTH if qwen3 else lab.hidden // HEADS // 2 * 2
    third = width // 6
    turns = {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [width // 2 - 2 * third, third, third]}
    both = {"initializer_range": SPREAD * lab.hidden**-0.5}
    text = both | {
        "vocab_size": -(-len(tokenizer) // 64) * 64,
        "hidden_size": lab.hidden,
        "intermediate_size": 2 * lab.hidden,
        "num_hidden_layers": lab.layers,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS // 2,
        "head_dim": width,
        "max_position_embeddings": LONGEST,
        "rope_parameters": turns | ({"mrope_interleaved": True} if qwen3 else {}),
        "bos_token_id": number("<|endoftext|>"),
        "eos_token_id": number("<|im_end|>"),
        "pad_token_id": number("<|endoftext|>"),
    }
    vision = both | {
        "depth": lab.vision_layers,
        "hidden_size": lab.vision_hidden,
        "intermediate_size": 2 * lab.vision_hidden,
        "num_heads": VISION_HEADS,
        "patch_size": lab.unit // MERGE,
        "spatial_merge_size": MERGE,
        "temporal_patch_size": 1,
        "out_hidden_size": lab.hidden,
    }
    if qwen3:
        vision |= {"num_position_embeddings": VISION_PLACES, "deepstack_visual_indexes": [0]}
    else:
        vision |= {"window_size": 4 * lab.unit, "fullatt_block_indexes": [lab.vision_layers - 1]}
    family: Any = Qwen3VLConfig if qwen3 else Qwen2_5_VLConfig
    return family(
        text_config=text,
        vision_config=vision,
        tie_word_embeddings=False,
        image_token_id=number("<|image_pad|>"),
        video_token_id=number("<|video_pad|>"),
        vision_start_token_id=number("<|vision_start|>"),
        vision_end_token_id=number("<|vision_end|>"),
    )


def _processor(lab: Lab, tokenizer: "PreTrainedTokenizerFast") -> Any:
    from transformers import (
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen3VLProcessor,
        Qwen3VLVideoProcessor,
    )
    from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor

    qwen3 = lab.family == "qwen3_vl"
    sees: dict[str, Any] = {
        "patch_size": lab.unit // MERGE,
        "merge_size": MERGE,
        "temporal_patch_size": 1,
        "size": {"shortest_edge": lab.unit**2, "longest_edge": LONGEST * lab.unit**2},
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    }
    family: Any = Qwen3VLProcessor if qwen3 else Qwen2_5_VLProcessor
    video: Any = Qwen3VLVideoProcessor if qwen3 else Qwen2VLVideoProcessor
    return family(
        image_processor=Qwen2VLImageProcessor(**sees),
        tokenizer=tokenizer,
        video_processor=video(**sees),
        chat_template=speech.CHAT_TEMPLATE,
    )

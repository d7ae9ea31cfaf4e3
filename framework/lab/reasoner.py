"""Builds the lab's reasoner: a small copy of a real family, of half a million random weights, complete and offline.

    Lab(hidden=96, seed=0) ─▶ ~/.cache/limner/reasoners/<hash>/   config · weights · tokenizer · processor · template

The folder is laid out as Hugging Face lays out a real one, so whatever loads those loads this.
"""

import hashlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from framework.cache import cache_folder, made_once
from framework.lab import grounding, levels, queries, scene, small, speech, world
from framework.reasoners.lab import Lab


def cached(lab: Lab) -> Path:
    """The folder of these settings, built if it is not there yet."""
    taught = (grounding, levels, queries, world) if lab.grounding else ()
    modules = (str(module.__file__) for module in (small, speech, scene, *taught))
    made_from = [Path(file) for file in (__file__, inspect.getfile(lab.copied), *modules)]
    told = hashlib.blake2b(lab.model_dump_json().encode(), digest_size=8)
    for file in made_from:
        told.update(file.read_bytes())
    folder = cache_folder() / "reasoners" / f"{lab.family.replace(':', '.')}-{told.hexdigest()}"
    return made_once(folder, partial(build, lab))


def build(lab: Lab, folder: Path) -> Path:
    """Write the whole reasoner into `folder`; the same settings give the same bytes."""
    import torch
    from transformers import AutoModelForImageTextToText

    numbers = lab.coordinates if isinstance(lab.coordinates, int) else 0
    made = lab.copied.small()
    special = made.special or made.template.special()
    tokenizer = speech.tokenizer(numbers, lab.extra_tokens, special, made.turns, made.jinja, made.names())
    config = made.config(lab, tokenizer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(lab.seed)
        model = AutoModelForImageTextToText.from_config(config, dtype=torch.float32)
    model.generation_config.eos_token_id = config.text_config.eos_token_id
    model.generation_config.pad_token_id = config.text_config.pad_token_id
    made.processor(lab, tokenizer).save_pretrained(folder)
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
        voice = lab.model_copy(update={"path": str(folder), "grounding": 0, "extra_tokens": ()}).voice()
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

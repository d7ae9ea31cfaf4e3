"""verl's engine with low-rank adapters, in one process and without Ray: what it would send to a rollout server.

engine ─▶ what is sent ─▶ other adapters ─▶ what is sent now ─▶ a model that takes it: does it say the same?
                                         └▶ what is exported ─▶ a model that is loaded from it: does it?
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed
from verl.utils.config import omega_conf_to_dataclass
from verl.workers.engine.base import EngineRegistry
from verl.workers.engine.fsdp.transformer_impl import FSDPEngine

import framework.train.engines  # noqa: F401  # takes the place of verl's
from framework.reasoners.generator import Generator
from framework.reasoners.voice import Voice
from framework.train.engine import Engine
from framework.train.run import Run
from framework.train.settings import verl_config

Weights = dict[str, torch.Tensor]


def made(run: Run) -> Any:
    """The engine as verl's worker makes it."""
    config = verl_config(run.recipe, run.home).actor_rollout_ref
    actor, model = omega_conf_to_dataclass(config.actor), omega_conf_to_dataclass(config.model)
    actor.engine.use_remove_padding = model.use_remove_padding
    parts = {"engine_config": actor.engine, "optimizer_config": actor.optim, "checkpoint_config": actor.checkpoint}
    engine = EngineRegistry.new("language_model", actor.engine.strategy, model_config=model, **parts)
    engine.initialize()
    return engine


def sent(engine: Any) -> Weights:
    return {name: value.clone() for name, value in engine.get_per_tensor_param()[0]}


def forgotten(engine: Any, before: Weights) -> list[str]:
    """Adapted weights that would arrive as they were if verl's own method sent them."""
    theirs = dict(FSDPEngine._merged_lora_per_tensor_param(engine))
    changed = {name for name, value in sent(engine).items() if not torch.equal(value, before[name])}
    return sorted(name for name in changed if torch.equal(theirs[name].float(), before[name].bfloat16().float()))


def seen(voice: Voice) -> dict[str, Any]:
    """A picture between words, as a model takes it."""
    grid, unit = voice.grid((64, 64)), [voice.image_token]
    ids = [*voice.write("red circle"), *unit * grid.tokens, *voice.write("left")]
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    tokens = torch.tensor([ids])
    return {
        "input_ids": tokens,
        "attention_mask": torch.ones_like(tokens),
        "position_ids": torch.from_numpy(voice.positions(ids, [grid]))[:, None],
        "mm_token_type_ids": (tokens == voice.image_token).long(),
        **voice.patches([picture]),
    }


@torch.no_grad()
def main() -> None:
    run = Run.here()
    store: Any = distributed.HashStore()  # pyright: ignore[reportPrivateImportUsage]
    distributed.init_process_group("cpu:gloo", store=store, rank=0, world_size=1)
    engine = made(run)
    assert isinstance(engine, Engine)
    generator = Generator.load(run.recipe.reasoner)
    own, before = dict(generator.model.named_parameters()), sent(engine)
    as_they_were = all(torch.equal(before[name], value) for name, value in own.items())
    adapters = [value for name, value in engine.module.named_parameters() if "lora_B" in name]
    for value in adapters:
        value.normal_(std=0.1)
    after, shown = sent(engine), seen(generator.voice)
    plain = generator.model(**shown).logits
    for name, value in after.items():
        own[name].copy_(value)
    adapted, taken = engine.module(**shown).logits, generator.model(**shown).logits
    engine.save_checkpoint(str(run.home))
    exported = Generator.load(run.recipe.reasoner.model_copy(update={"path": str(run.home / "huggingface")})).model
    told = {
        "exported": float((exported(**shown).logits - adapted).abs().max()),
        "names": sorted(after) == sorted(own),
        "as_they_were": as_they_were,
        "adapters": len(adapters),
        "changed": sum(not torch.equal(after[name], before[name]) for name in after),
        "moved": float((taken - plain).abs().max()),
        "apart": float((taken - adapted).abs().max()),
        "forgotten": forgotten(engine, before),
    }
    Path(sys.argv[1]).write_text(json.dumps(told))
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()

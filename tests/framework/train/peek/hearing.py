"""Two steps of reinforcement without Ray: what is sampled, verl's engine hears again; it learns, and is sampled anew.

episodes ─▶ sampled by the generator ─▶ heard by the engine: the gap ─▶ an update ─▶ weights to the generator ─▶ again
"""

import asyncio
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from adapting import made, sent
from tensordict import TensorDict
from torch import distributed
from verl.utils import tensordict_utils as tu
from verl.utils.config import omega_conf_to_dataclass
from verl.utils.tensordict_utils import list_of_dict_to_tensordict, nested_tensor_from_tensor_list
from verl.workers.utils.losses import ppo_loss

from framework.reasoners.generator import Generator
from framework.reasoners.player import ModelPolicy
from framework.reasoners.sampling import Batcher
from framework.recipe import Recipe
from framework.rollout import play
from framework.train.run import Run
from framework.train.sample import Sample
from framework.train.settings import verl_config

STEPS, EPISODES = 2, 6


async def played(recipe: Recipe, generator: Generator, step: int) -> list[dict[str, Any]]:
    """Rows as the trainer gets them."""
    ask = Batcher(generator.generate)

    async def one(number: int) -> dict[str, Any]:
        policy = ModelPolicy(generator.voice, ask, recipe.rollout, recipe.env.system, seed=100 * step + number)
        await play(recipe.data.train.task(number), recipe.env, policy)
        sample = Sample.of(policy.ledger.close(), policy.images, generator.voice)
        mask = torch.tensor(sample.mask)
        return {
            "prompts": torch.tensor(sample.prompt),
            "responses": torch.tensor(sample.response),
            "response_mask": mask,
            "loss_mask": mask,
            "input_ids": torch.tensor(sample.prompt + sample.response),
            "position_ids": sample.positions,
            "multi_modal_inputs": dict(sample.pictures),
            "old_log_probs": torch.tensor(sample.log_probs),
            "advantages": (-1.0) ** number * mask,
        }

    rows = await asyncio.gather(*(one(number) for number in range(EPISODES)))
    await ask.close()
    return list(rows)


def batch(rows: list[dict[str, Any]]) -> TensorDict:
    plain = list_of_dict_to_tensordict([{"multi_modal_inputs": row["multi_modal_inputs"]} for row in rows])
    for name in rows[0].keys() - {"multi_modal_inputs"}:
        each = [row[name] for row in rows]
        ragged = partial(torch.nested.as_nested_tensor, layout=torch.jagged)
        plain[name] = nested_tensor_from_tensor_list(each) if each[0].dim() > 1 else ragged(each)
    settings = {"use_remove_padding": False, "use_dynamic_bsz": False, "micro_batch_size_per_gpu": 3}
    settings |= {"temperature": 1.0, "calculate_entropy": False, "global_batch_size": len(rows), "pad_token_id": 0}
    tu.assign_non_tensor(plain, **settings)
    return plain


def main() -> None:
    run = Run.here()
    store: Any = distributed.HashStore()  # pyright: ignore[reportPrivateImportUsage]
    distributed.init_process_group("cpu:gloo", store=store, rank=0, world_size=1)
    generator = Generator.load(run.recipe.reasoner)
    for part in generator.model.modules():
        part.forward = part.forward  # its own, as in a server: verl changes the classes
    engine = made(run)
    own = dict(generator.model.named_parameters())
    loss: Any = partial(
        ppo_loss, config=omega_conf_to_dataclass(verl_config(run.recipe, run.home).actor_rollout_ref.actor)
    )
    gaps, moved = list[float](), list[float]()
    for step in range(STEPS):
        rows = asyncio.run(played(run.recipe, generator, step))
        with engine.eval_mode():
            heard = engine.infer_batch(batch(rows))["model_output"]["log_probs"].unbind()
        gap = [
            (log_probs[-len(row["responses"]) - 1 : -1] - row["old_log_probs"])[row["loss_mask"] == 1].abs().max()
            for row, log_probs in zip(rows, heard, strict=True)
        ]
        gaps.append(float(torch.stack(gap).max()))
        with engine.train_mode():
            engine.train_batch(batch(rows), loss)
        before = {name: value.clone() for name, value in own.items()}
        with torch.no_grad():
            for name, value in sent(engine).items():
                if name in own:
                    own[name].copy_(value)
        moved.append(max(float((value - before[name]).abs().max()) for name, value in own.items()))
    Path(sys.argv[1]).write_text(json.dumps({"gaps": gaps, "moved": moved}))
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()

"""The same episodes through an engine whose policy draws and one whose policy does not, turn about, without Ray.

    played episodes ─▶ rows ─┬─▶ log-probs and masks, an update, masks unpacked ─┬─▶ seconds of each part
                             └─▶ log-probs,           an update ─────────────────┘

Before each round everything that was kept of frames and of what is drawn on them is forgotten: a step brings new ones.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch
from tensordict import TensorDict
from torch import distributed
from verl.utils import tensordict_utils as tu
from verl.utils.config import omega_conf_to_dataclass
from verl.utils.tensordict_utils import list_of_dict_to_tensordict, nested_tensor_from_tensor_list
from verl.workers.utils.losses import ppo_loss

from framework import drawing
from framework.drawing import sitting
from framework.lab.players import PLAYERS
from framework.recipe import Recipe
from framework.rollout import play
from framework.train import platform
from framework.train.drawing.engine import DrawingEngine
from framework.train.drawing.portfolio import unpack
from framework.train.engine import Engine
from framework.train.run import Run
from framework.train.sample import dictated
from framework.train.settings import verl_config
from framework.types import Episode
from framework.vision import frames

Rows = Sequence[Mapping[str, Any]]
ROUNDS = 6


def episodes(recipe: Recipe) -> list[Episode]:
    """A batch of them, group by group, as its cold start shows them: by one who knows, and looks once or twice."""
    count, group = recipe.algorithm.prompts, recipe.algorithm.group
    tasks = [recipe.data.train.task(number) for number in range(count)]

    async def played() -> list[Episode]:
        player = PLAYERS[recipe.stages.cold_start.players[0]]
        return [await play(task, recipe.env, player(task, recipe.env, lot)) for task in tasks for lot in range(group)]

    return asyncio.run(played())


def row(recipe: Recipe, episode: Episode, lot: int = 0) -> dict[str, Any]:
    """An episode as the trainer gets it, with what an update needs besides."""
    assert recipe.drawing is not None
    sample = asyncio.run(dictated(episode, recipe.env, recipe.reasoner.voice(), recipe.rollout))
    mask, lots = torch.tensor(sample.mask), torch.Generator().manual_seed(lot)
    return {
        "prompts": torch.tensor(sample.prompt),
        "responses": torch.tensor(sample.response),
        "response_mask": mask,
        "loss_mask": mask,
        "input_ids": torch.tensor(sample.prompt + sample.response),
        "position_ids": sample.positions,
        "multi_modal_inputs": dict(sample.pictures),
        "extra_fields": {"sitting": drawing.write(sitting(episode, recipe.drawing))},
        "advantages": torch.full(mask.shape, float(torch.randn(1, generator=lots))) * mask,
        "ref_log_prob": -torch.rand(mask.shape, generator=lots),
    }


def batch(some: Rows, **asked: Any) -> TensorDict:
    """Rows, as verl hands them to an engine."""
    jagged = {name for name, value in some[0].items() if isinstance(value, torch.Tensor)}
    data = list_of_dict_to_tensordict([{name: row[name] for name in row if name not in jagged} for row in some])
    for name in jagged:
        each = [row[name] for row in some]
        wide = each[0].dim() > 1
        data[name] = (
            nested_tensor_from_tensor_list(each) if wide else torch.nested.as_nested_tensor(each, layout=torch.jagged)
        )
    usual = {
        "use_remove_padding": False, "use_dynamic_bsz": False, "micro_batch_size_per_gpu": 2, "temperature": 1.0,
        "calculate_entropy": False, "global_batch_size": len(some), "pad_token_id": 0,
    }  # fmt: skip
    tu.assign_non_tensor(data, **(usual | asked))
    return data


def inferred(engine: Any, some: Rows, **asked: Any) -> dict[str, list[torch.Tensor]]:
    """What a pass for old log-probs says of each row."""
    with engine.eval_mode():
        found = engine.infer_batch(batch(some, **asked))["model_output"]
    return {name: [each.clone() for each in value.unbind()] for name, value in found.items()}


def with_old(some: Rows, found: Mapping[str, list[torch.Tensor]]) -> list[dict[str, Any]]:
    """The rows, with what the trainer has put beside them before an update."""
    kept = []
    for number, row in enumerate(some):
        said = len(row["responses"])
        old = {"old_log_probs": found["log_probs"][number][-said - 1 : -1]}
        kept.append({**row, **old, **{name: found[name][number] for name in found if name.startswith("drawn")}})
    return kept


def policy_loss(run: Run) -> Any:
    config = verl_config(run.recipe, run.home).actor_rollout_ref
    return partial(ppo_loss, config=omega_conf_to_dataclass(config.actor))


def engine(run: Run, kind: type[Engine]) -> Any:
    """An engine as verl's worker makes it."""
    config = verl_config(run.recipe, run.home).actor_rollout_ref
    actor, model = omega_conf_to_dataclass(config.actor), omega_conf_to_dataclass(config.model)
    actor.engine.use_remove_padding = model.use_remove_padding
    made = kind(model, actor.engine, actor.optim, actor.checkpoint)
    made.initialize()
    return made


# ---- the race --------------------------------------------------------------------------------------------------------


class Step:
    """A step's work on the weights: log-probs, then an update."""

    def __init__(self, run: Run, kind: type[Engine], some: Rows) -> None:
        self.recipe, self.some, self.loss = run.recipe, some, policy_loss(run)
        self.engine = engine(run, kind)
        self.asked = {"micro_batch_size_per_gpu": run.recipe.algorithm.micro_batch}

    def __call__(self) -> dict[str, float]:
        """Processor seconds of its parts."""
        return dict(map(_timed, self.parts()))

    def parts(self) -> "list[tuple[str, Callable[[], None]]]":
        return [("log-probs", self.infer), ("update", self.update)]

    def infer(self) -> None:
        self.kept = with_old(self.some, inferred(self.engine, self.some, **self.asked))

    def update(self) -> None:
        with self.engine.train_mode():
            self.engine.train_batch(batch(self.kept, **self.asked), self.loss)


class DrawnStep(Step):
    """The same of a policy that draws, and what its trainer unpacks in between."""

    def __call__(self) -> dict[str, float]:
        frames.STORE = frames.Store()
        self.engine.pen.forget()
        drawing.read.cache_clear()
        self.before = self.engine.pen.encoded
        return super().__call__()

    def parts(self) -> "list[tuple[str, Callable[[], None]]]":
        infer, update = super().parts()
        return [infer, ("unpacking", self.unpack), update]

    def infer(self) -> None:
        self.kept = with_old(self.some, inferred(self.engine, self.some, draw=True, **self.asked))

    def unpack(self) -> None:
        assert self.recipe.drawing is not None
        grid = self.recipe.drawing.decoder.grid
        self.drawn = [
            unpack(np.asarray(row["drawn"], np.uint8), drawing.read(row["extra_fields"]["sitting"]), grid)
            for row in self.kept
        ]


def _timed(part: "tuple[str, Callable[[], None]]") -> tuple[str, float]:
    name, work = part
    began = time.process_time()
    work()
    return name, time.process_time() - began


def race(run: Run, rounds: int = ROUNDS) -> dict[str, Any]:
    """Both sides, each beginning as often as the other, after a round that does not count."""
    played = episodes(run.recipe)
    some = [row(run.recipe, episode, lot) for lot, episode in enumerate(played)]
    sides = {"with": DrawnStep(run, DrawingEngine, some), "without": Step(run, Engine, some)}
    timed: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name in sorted(sides, reverse=bool(number % 2)):
            spent = sides[name]()
            if number:
                timed[name].append(spent)
    drawn: Any = sides["with"]
    totals = {name: [sum(spent.values()) for spent in each] for name, each in timed.items()}
    return {
        "episodes": len(some),
        "tokens": sum(len(row["input_ids"]) for row in some),
        "masks": sum(len(turn.frames) + 1 for turns in drawn.drawn for turn in turns if turn),
        "encoded": drawn.engine.pen.encoded - drawn.before,
        "spots": len(spots(some)),
        "parts": {
            name: {part: median(spent[part] for spent in each) for part in each[0]} for name, each in timed.items()
        },
        "together": {name: median(each) for name, each in totals.items()},
        "extra": median(mine / theirs - 1 for mine, theirs in zip(totals["with"], totals["without"], strict=True)),
    }


def spots(some: Rows) -> set[tuple[Any, int]]:
    """The frames that all of them draw on, each once."""
    sittings = [drawing.read(row["extra_fields"]["sitting"]) for row in some]
    return {(each.video, frame) for each in sittings for turn in each.turns for frame in (*turn.frames, turn.keyframe)}


def main() -> int:
    run = Run.here()
    platform.assert_platform("cpu")
    store: Any = distributed.HashStore()  # pyright: ignore[reportPrivateImportUsage]
    distributed.init_process_group("cpu:gloo", store=store, rank=0, world_size=1)
    figures = race(run)
    distributed.destroy_process_group()
    (run.folder / "easel.json").write_text(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Plays the same episodes with our players and with verl's, turn about, in one Ray, from rows to TransferQueue.

    rows ─┬─▶ Players: play(), ledger ──────────────┬─▶ one server, one model ─▶ TransferQueue
          └─▶ AgentLoopManagerTQ: ToolAgentLoop ────┘

The model works as for a real reply; what it then says is the script's, so both sides play the same number of turns.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Any
from uuid import uuid4

from framework.reasoners.sampling import Batcher, Request, Sampled
from framework.recipe import Recipe
from framework.train.bench import rival, script
from framework.train.run import Run
from framework.train.scorer import none_is_fatal
from framework.train.server import CALLS, LARGEST, Server, server_name
from framework.train.storage import column, some

ROUNDS = 6
"""Both begin equally often."""
POLL_S = 0.01


class Reciter(Server):
    """Generates as many tokens as the script's reply has, and says the script's reply."""

    def __init__(self, reply: Sequence[int]) -> None:
        super().__init__("float32", "cpu", seed=0)
        self.reply = tuple(reply)
        self.ask = Batcher(self._recite, largest=LARGEST)

    def _recite(self, requests: Sequence[Request]) -> list[Sampled]:
        self.generator.generate([replace(request, max_tokens=len(self.reply)) for request in requests])
        return [Sampled(self.reply, (0.0,) * len(self.reply), finished=True) for _ in requests]


class Race:
    """One Ray with a server and both sides."""

    def __init__(self, run: Run, config: Any) -> None:
        import ray
        from omegaconf import OmegaConf
        from verl.trainer.ppo.v1 import AgentLoopManagerTQ
        from verl.workers.rollout.llm_server import LLMServerClient
        from verl.workers.rollout.router import get_router_handle

        from framework.train.agent_loop import Players

        self.recipe = run.recipe
        voice = self.recipe.reasoner.voice()
        task = self.recipe.data.train.task(0)
        self.reply = (*voice.write(script.reply(self.recipe, task)), voice.stop_tokens[0])
        server: Any = ray.remote(Reciter).options(name=server_name(0), num_cpus=0, max_concurrency=CALLS)
        client = LLMServerClient(config, get_router_handle({"reciter": server.remote(self.reply)}))
        theirs = config.copy()
        for key, value in rival.settings(self.recipe, run.folder).items():
            OmegaConf.update(theirs, key, value)
        self.sides: dict[str, Any] = {
            "limner": Players.create(config=config, llm_client=client),
            "verl": AgentLoopManagerTQ.create(config=theirs, llm_client=client),
        }

    def rates(self, rounds: int) -> dict[str, list[float]]:
        """Tokens of replies per second: side → one number a round, after one that is not counted."""
        rates: dict[str, list[float]] = {name: [] for name in self.sides}
        for round in range(rounds + 1):
            for name in sorted(self.sides, reverse=bool(round % 2)):
                rate = self._played(self.sides[name], self._rows(name))
                if round:
                    rates[name].append(rate)
        return rates

    def _rows(self, side: str) -> Any:
        """The same tasks for both, each in its own words."""
        from verl.utils.tensordict_utils import get_tensordict

        number = self.recipe.algorithm.prompts
        rows: dict[str, Any] = {
            "uid": [uuid4().hex for _ in range(number)],
            "index": list(range(number)),
            "split": ["train"] * number,
            "raw_prompt": [_asked(self.recipe, index) if side == "verl" else index for index in range(number)],
            "tools_kwargs": [{rival.TOOL: {"create_kwargs": {"index": index}}} for index in range(number)],
            "agent_name": ["tool_agent" if side == "verl" else "limner"] * number,
        }
        return get_tensordict(rows, {"global_steps": 0})

    def _played(self, side: Any, rows: Any) -> float:
        import transfer_queue as tq

        uids = list(rows["uid"])
        tq.kv_batch_put(keys=uids, partition_id="train", tags=[{"status": "pending"} for _ in uids])
        began = time.perf_counter()
        side.generate_sequences(rows)
        held = _finished(uids)
        seconds = time.perf_counter() - began
        episodes = [key for key in held if key not in uids]
        batch = some(episodes, "train")
        none_is_fatal(column(batch, "extra_fields"))
        masks = column(batch, "response_mask")
        tq.kv_clear(keys=list(held), partition_id="train")
        said = int(sum(mask.sum() for mask in masks))
        expected = len(uids) * self.recipe.algorithm.group * self.recipe.env.max_turns * len(self.reply)
        assert said == expected, f"{said} tokens were said where the script has {expected}"
        return said / seconds


def _finished(uids: Sequence[str]) -> dict[str, Any]:
    """What TransferQueue holds, once all groups are there."""
    import transfer_queue as tq

    while True:
        held = tq.kv_list("train")["train"]
        statuses = {held[uid]["status"] for uid in uids}
        assert "failure" not in statuses, "episodes failed; the log says why"
        if statuses == {"finished"}:
            return held
        time.sleep(POLL_S)


def _asked(recipe: Recipe, index: int) -> list[dict[str, Any]]:
    seen = asyncio.run(recipe.env.make(recipe.data.train.task(index)).start())
    return script.asked(recipe.env.system, seen)


def main() -> int:
    import ray
    import transfer_queue as tq
    from omegaconf import OmegaConf

    from framework.train.driver import ray_settings
    from framework.train.platform import assert_platform
    from framework.train.settings import verl_config

    run = Run.here()
    assert_platform("cpu")
    config = verl_config(run.recipe, run.folder)
    config.transfer_queue.enable = True
    ray.init(**ray_settings(config))
    OmegaConf.resolve(config)
    tq.init(config.transfer_queue)
    try:
        rates = Race(run, config).rates(ROUNDS)
    finally:
        tq.close()
        ray.shutdown()
    figures = {name: {"median": median(each), "rounds": each} for name, each in rates.items()}
    (run.folder / "race.json").write_text(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())

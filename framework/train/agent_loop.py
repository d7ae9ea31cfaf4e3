"""Plays verl's rows as episodes, many at once in one event loop, and hands the trainer their tokens and pixels.

row ─▶ task ─▶ play(task, rules, ModelPolicy ─▶ verl's server) ─▶ episode ─┐
                                    └─▶ ledger, pixels ─▶ patches (a thread) ─┴─▶ AgentLoopOutput ─▶ TransferQueue
"""

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import ray
import torch
from ray.exceptions import RayError
from verl.experimental.agent_loop.agent_loop import AgentLoopMetrics, AgentLoopOutput
from verl.trainer.ppo.v1 import AgentLoopManagerTQ, AgentLoopWorkerTQ

from framework import drawing
from framework.errors import LimnerError, TrainError
from framework.reasoners.player import ModelPolicy
from framework.reasoners.sampling import Request, Sampled
from framework.recipe import Recipe
from framework.record import to_json
from framework.rollout import play
from framework.train.client import Ask, Balanced, Together
from framework.train.dataset import Tasks
from framework.train.pulse import Pulse
from framework.train.reason import reason
from framework.train.run import Run
from framework.train.sample import Sample
from framework.train.seed import seed
from framework.train.server import known_early
from framework.training import Sampling
from framework.types import Episode, Stop, Task

PAINTERS = 4
"""Threads that make tasks, pixels and patches."""
HANDED = 3
"""Episodes that are handed over at a time: each takes milliseconds of the event loop, and they end together."""


class Served:
    """Asks for one episode, in time, and remembers which weights answered."""

    def __init__(self, ask: Ask, deadline_s: float) -> None:
        self.ask, self.deadline_s = ask, deadline_s
        self.steps: list[int] = []
        self.seconds = 0.0

    async def __call__(self, episode: int, request: Request, /) -> Sampled:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self.deadline_s):
                said = await self.ask(episode, request)
        except TimeoutError:
            raise TrainError(f"a reply took longer than {self.deadline_s:g} s (rollout.deadline_s)") from None
        self.seconds += time.perf_counter() - began
        self.steps.append(said.step or 0)
        return said


_Worker: Any = AgentLoopWorkerTQ.__ray_metadata__.modified_class  # pyright: ignore[reportAttributeAccessIssue]
"""verl's worker as a plain class, before Ray made an actor of it."""


class Player(_Worker):
    """A process that plays. verl gives it rows and takes what comes of them."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.recipe = Run.here().recipe
        self.voice = self.recipe.reasoner.voice()
        self.tasks = Tasks(self.recipe.data)
        self.painters = ThreadPoolExecutor(PAINTERS, "paint")
        self.pulse, self.handing = Pulse(), asyncio.Semaphore(HANDED)
        limits = self.recipe.rollout
        ours = limits.backend == "transformers"
        self.ask: Ask = Together(limits.deadline_s) if ours else Balanced(self.llm_client, self.voice)

    async def _run_agent_loop(
        self,
        sampling_params: dict[str, Any],
        trajectory: dict[str, Any],
        *,
        agent_name: str,
        trace: bool = True,
        **row: Any,
    ) -> None:
        began = self.pulse.begin()
        limits = self.recipe.rollout.model_copy(
            update={"temperature": sampling_params["temperature"], "top_p": sampling_params["top_p"]}
        )
        output = await self._played(limits, row)
        output.extra_fields |= {"session": row["session_id"], "stall_s": self.pulse.late_since(began)}
        async with self.handing:
            await self._agent_loop_postprocess(output, trajectory["validate"], **row)

    async def _played(self, limits: Sampling, row: Mapping[str, Any]) -> AgentLoopOutput:
        """The episode as verl wants it. An env that fails costs the episode; anything else is fatal, in the trainer."""
        served, loop = Served(self.ask, limits.deadline_s), asyncio.get_running_loop()
        place = (self.recipe.seed, row["global_steps"], row["split"], row["index"], row["session_id"])

        async def once(task: Task, attempt: int) -> tuple[Episode, ModelPolicy]:
            lot = seed(*place, attempt)
            policy = ModelPolicy(self.voice, partial(served, lot), limits, self.recipe.env.system, lot, self.painters)
            return await play(task, self.recipe.env, policy), policy

        try:
            task = await loop.run_in_executor(self.painters, self.tasks.task, row["split"], row["index"])
            episode, policy = await once(task, 0)
            if episode.stop is Stop.ERROR and limits.failed == "retry":
                episode, policy = await once(task, 1)
            if episode.stop is Stop.ERROR:
                return self._nothing(served, _told(episode))
            return await loop.run_in_executor(self.painters, self._output, episode, policy, served)
        except (LimnerError, RayError) as error:
            whose = "a rollout server failed: " if isinstance(error, RayError) else ""
            return self._nothing(served, {"fatal": whose + reason(error)})

    def _output(self, episode: Episode, policy: ModelPolicy, served: Served) -> AgentLoopOutput:
        tokens, told = policy.ledger.close(), _told(episode)
        if self.recipe.drawing:
            told["sitting"] = drawing.write(drawing.sitting(episode, self.recipe.drawing))
        told["hashes"] = list(tokens.hashes)
        return _handed(Sample.of(tokens, policy.images, self.voice), served, told, len(episode.turns))

    def _nothing(self, served: Served, told: Mapping[str, Any]) -> AgentLoopOutput:
        """A token of which nothing is learned, where no episode came about."""
        return _handed(Sample.nothing(self.voice.stop_tokens[0]), served, told)

    # verl would make these again on its event loop, from text made again from tokens. They are made above, in a thread.

    def _compute_multi_modal_inputs(self, output: AgentLoopOutput, input_ids: torch.Tensor) -> dict[str, torch.Tensor]:
        return output.multi_modal_data or {}

    def _compute_position_ids(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        multi_modal_inputs: dict[str, torch.Tensor],
        *_: Any,
    ) -> torch.Tensor:
        return multi_modal_inputs.pop("positions").unsqueeze(0)


class Players(AgentLoopManagerTQ):
    """Sends rows to the processes that play."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.agent_loop_workers_class = ray.remote(Player)

    async def _init_agent_loop_workers(self) -> None:
        self.agent_loop_workers = early(Run.here().recipe, self.config)
        if not self.agent_loop_workers:
            await super()._init_agent_loop_workers()


def early(recipe: Recipe, config: Any) -> list[Any]:
    """Where servers are asked by name, no player needs verl's client: they load beside the trainer, not after it.

    They end when nobody holds what is handed back; who asks again is handed the same.
    """
    if not known_early(recipe):
        return []
    options: dict[str, Any] = {"get_if_exists": True, "num_cpus": 0}
    return [
        ray.remote(Player).options(name=f"limner_player_{rank}", **options).remote(config, None)
        for rank in range(config.actor_rollout_ref.rollout.agent.num_workers)
    ]


def _told(episode: Episode) -> dict[str, Any]:
    """What the trainer reads of an episode besides its tokens."""
    return {"episode": to_json(episode), "task": episode.task.id, "hashes": []}


def _handed(sample: Sample, served: Served, told: Mapping[str, Any], turns: int = 0) -> AgentLoopOutput:
    """A sample as verl wants it, with what travels beside the tensors."""
    return AgentLoopOutput(
        prompt_ids=sample.prompt,
        response_ids=sample.response,
        response_mask=sample.mask,
        response_logprobs=sample.log_probs,
        multi_modal_data=sample.pictures | {"positions": sample.positions},
        num_turns=2 * turns,
        metrics=AgentLoopMetrics(generate_sequences=served.seconds),
        extra_fields={
            **told,
            "min_global_steps": min(served.steps, default=0),
            "max_global_steps": max(served.steps, default=0),
        },
    )

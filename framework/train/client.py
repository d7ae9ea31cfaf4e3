"""How a process that plays asks the servers that say what comes next.

verl's vllm            episode ─▶ verl's client ─▶ load balancer ─▶ server, three calls of Ray a turn
our own transformers   episode ─┐
                       episode ─┼─▶ Batcher ─▶ one call ─▶ server      so that a step's turns do not wait for Ray
                       episode ─┘
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol

import ray

from framework.errors import TrainError
from framework.reasoners.sampling import Batcher, Request, Sampled
from framework.reasoners.voice import Voice
from framework.train.server import server_name

NEVER = -100.0
"""The least that vLLM adds to a token's logit."""


class Ask(Protocol):
    """`episode` names who asks: all turns of an episode are answered by one server, which may remember them."""

    async def __call__(self, episode: int, request: Request, /) -> Sampled: ...


class Balanced:
    """Through verl's client."""

    def __init__(self, client: Any, voice: Voice) -> None:
        from verl.workers.rollout.llm_server import FullyAsyncLLMServerClient

        self.client, self.voice = client, voice
        self.seeded = not isinstance(client, FullyAsyncLLMServerClient)
        """A reply that an update interrupts goes on as a request of its own. Its seed would begin anew as well, and the
        rest be drawn by the very numbers that drew the beginning."""

    async def __call__(self, episode: int, request: Request, /) -> Sampled:
        from PIL import Image

        stops = self.voice.stop_tokens
        sampling = {
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "seed": request.seed if self.seeded else None,
            "stop_token_ids": list(stops),  # what a model's folder says need not be all of them
            "logit_bias": dict.fromkeys(self.voice.banned_tokens, NEVER),  # verl bans but pictures' and films' own
            "logprobs": True,
        }
        said = await self.client.generate(
            f"{episode:x}",
            prompt_ids=folded(request.ids, self.voice.image_token),
            sampling_params=sampling,
            image_data=[Image.fromarray(pixels) for pixels in request.images] or None,
        )
        ids = tuple(said.token_ids)
        finished = bool(ids) and (ids[-1] in stops or len(ids) < request.max_tokens)  # its folder may name other ends
        oldest = said.extra_fields.get("min_global_steps")  # an update may have come in the midst of a reply
        return Sampled(ids, tuple(said.log_probs), finished, oldest)


def folded(ids: Sequence[int], image_token: int) -> list[int]:
    """One token for each picture: vLLM unfolds them, and verl folds them for some families only.

    >>> folded([1, 9, 9, 9, 2, 9, 9, 3], image_token=9)
    [1, 9, 2, 9, 3]
    """
    return [id for id, last in zip(ids, (None, *ids), strict=False) if not id == last == image_token]


class Together:
    """Requests of many episodes in one call to our own server; there is one on each device."""

    def __init__(self, deadline_s: float) -> None:
        self.deadline_s = deadline_s
        self.queues: list[Batcher] = []

    async def __call__(self, episode: int, request: Request, /) -> Sampled:
        if not self.queues:
            self.queues = [Batcher(partial(self._answered, server)) for server in _servers()]
        if not self.queues:
            raise TrainError(f"no rollout server {server_name(0)} is there to ask; start the run again")
        return await self.queues[episode % len(self.queues)](request)

    def _answered(self, server: Any, requests: Sequence[Request]) -> Sequence[Sampled]:
        return ray.get(server.answer.remote(requests), timeout=self.deadline_s)


def _servers() -> list[Any]:
    """As many as were started."""
    found: list[Any] = []
    while True:
        try:
            found.append(ray.get_actor(server_name(len(found))))
        except ValueError:
            return found

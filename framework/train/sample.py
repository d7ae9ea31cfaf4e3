"""An episode as the trainer takes it: ids, mask, log-probs, positions, patches. It is made without verl and Ray.

ledger  P0 A0 I0 A1   ─▶ prompt P0 │ response A0 I0 A1, mask 1 0 1
images                ─▶ patches, grids, and a fingerprint of each picture
both                  ─▶ positions [4, tokens]: text, time, height, width
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from framework.env import Rules
from framework.reasoners.player import Limits, ModelPolicy
from framework.reasoners.sampling import Pixels, Request, Sampled
from framework.reasoners.voice import Voice
from framework.rollout import play
from framework.tokens import Tokens
from framework.train.fingerprint import fingerprints
from framework.types import Episode


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What verl is handed about one episode."""

    prompt: list[int]
    response: list[int]
    mask: list[int]
    """1 on what the policy said."""
    log_probs: list[float]
    positions: torch.Tensor
    pictures: dict[str, torch.Tensor]
    """pixel_values, image_grid_thw and fingerprints; empty without pictures."""

    @classmethod
    def of(cls, tokens: Tokens, images: Sequence[Pixels], voice: Voice) -> "Sample":
        pictures: dict[str, torch.Tensor] = {}
        if images:
            pictures = voice.patches(images)
            pictures["fingerprints"] = fingerprints(pictures["pixel_values"], pictures["image_grid_thw"])
        places = voice.positions(tokens.ids, [block.image.grid for block in tokens.blocks])
        return cls(
            prompt=tokens.ids[: tokens.prompt].tolist(),
            response=tokens.ids[tokens.prompt :].tolist(),
            mask=tokens.mask[tokens.prompt :].tolist(),
            log_probs=tokens.log_probs[tokens.prompt :].tolist(),
            positions=torch.from_numpy(np.concatenate([np.arange(len(tokens.ids))[None], places])),
            pictures=pictures,
        )

    @classmethod
    def nothing(cls, token: int) -> "Sample":
        """Stands where an episode was lost, so that a batch keeps its size; its mask teaches nothing."""
        return cls([token], [token], [0], [0.0], torch.arange(2).expand(4, 2).clone(), {})


class Dictated:
    """Says the replies of an episode again, as tokens: what a model would have had to say."""

    def __init__(self, episode: Episode, voice: Voice) -> None:
        self.lines, self.voice = iter([turn.said.text for turn in episode.turns]), voice

    async def __call__(self, request: Request, /) -> Sampled:
        whole = (*self.voice.write(next(self.lines)), self.voice.stop_tokens[0])
        said = whole[: request.max_tokens]
        return Sampled(said, (0.0,) * len(said), finished=said == whole)


async def dictated(episode: Episode, rules: Rules, voice: Voice, limits: Limits) -> Sample:
    """What the trainer would get of an episode that somebody else played."""
    policy = ModelPolicy(voice, Dictated(episode, voice), limits, rules.system)
    await play(episode.task, rules, policy)
    return Sample.of(policy.ledger.close(), policy.images, voice)

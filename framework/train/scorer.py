"""Scores episodes where they are gathered, a whole batch at once, so that rewards may compare the episodes of a group.

Masks are scored here as well and not over Ray: against clips of 480p one core gets through about 200 episodes of three
turns a second (`limner bench rewards`), and reading them back from other processes is not free. What a step waited for
it is `time/reward_s`.

TransferQueue ─▶ episodes ─▶ Rubric ─▶ rm_scores per token, and a mask of zeros for what must not be learned from
                                └─▶ reward/<part>/mean, alive/<part>/…, advantage/zero_groups, …
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from transfer_queue import KVBatchMeta

from framework.advantage import joined
from framework.env import Rules
from framework.errors import TrainError
from framework.proof import liveness
from framework.record import from_json
from framework.reward import TurnReward
from framework.rubric import Rubric
from framework.train.metrics import Metrics, measured
from framework.train.storage import columns, group_of, leave, some
from framework.training import Algorithm
from framework.types import Episode, RewardBreakdown, Task

GRAIN = 2**16
"""Rewards that are paid in parts are whole numbers of 1 / GRAIN. Such numbers sum exactly in float32, in any order; or
episodes that earn the same would differ by a rounding, which an advantage divides by a spread as small."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a player handed over of an episode, as it lies in TransferQueue."""

    extra: Mapping[str, Any]
    mask: torch.Tensor
    """1 where a token was said."""


@dataclass(frozen=True, slots=True)
class Scored:
    """An episode and what it earned, by its key in TransferQueue."""

    key: str
    episode: Episode
    earned: RewardBreakdown


class Scorer:
    """Knows the recipe's rewards, and what each episode earned."""

    def __init__(self, rubric: Rubric, algorithm: Algorithm, rules: Rules | None = None) -> None:
        self.rubric, self.algorithm, self.rules = rubric, algorithm, rules
        self.step = 0
        """The step of the rl stage, for settings that change."""
        self.sent: dict[str, Sent] = {}
        """By TransferQueue key, from when an episode was first asked about until its batch was judged."""
        self.earned: dict[str, RewardBreakdown] = {}
        """The same, from when an episode was scored."""
        self.taken: list[Scored] = []
        """The last batch of training."""
        self.evaluated: Metrics = {}
        """What the last evaluation came to."""
        self.warned: set[str] = set()
        """Parts that were found not to be alive, and told."""
        self.faint: set[str] = set()
        """Parts that hardly paid in the last step: why is asked once, since asking takes more episodes than a step."""

    def score(self, batch: KVBatchMeta) -> list[Episode]:
        """The episodes of a batch. Those not scored yet are scored, and their rewards written to TransferQueue."""
        sent = self.fetched(batch)
        episodes = self.episodes(batch, [each.extra for each in sent])
        new = [number for number, key in enumerate(batch.keys) if key not in self.earned]
        if new:
            keys = [batch.keys[number] for number in new]
            groups = [group_of(key) for key in keys]
            earned = self.rubric.score([episodes[number] for number in new], self.step, groups)
            self.earned |= dict(zip(keys, earned, strict=True))
            rewards = joined(self.algorithm.advantage, earned, self.rubric.weights(self.step), groups)
            places = zip(new, earned, rewards.tolist(), strict=True)
            rows = [self._row(sent[number].mask, each, reward) for number, each, reward in places]
            leave(keys, str(batch.partition_id), rows)
        return episodes

    def fetched(self, batch: KVBatchMeta) -> list[Sent]:
        """What players handed over, fetched once. Raises TrainError if one of them could not go on."""
        if keys := [key for key in batch.keys if key not in self.sent]:
            rows = zip(*columns(some(keys, batch.partition_id), "extra_fields", "response_mask"), strict=True)
            self.sent |= {key: Sent(extra, mask) for key, (extra, mask) in zip(keys, rows, strict=True)}
            none_is_fatal(self.sent[key].extra for key in keys)
        return [self.sent[key] for key in batch.keys]

    def episodes(self, batch: KVBatchMeta, extras: Sequence[Mapping[str, Any]]) -> list[Episode]:
        """What was played. A group has one truth, of which rewards make once what they need."""
        tasks, found = dict[str, Task](), list[Episode]()
        for key, extra in zip(batch.keys, extras, strict=True):
            episode = from_json(extra["episode"])
            found.append(replace(episode, task=tasks.setdefault(group_of(key), episode.task)))
        return found

    def _row(self, mask: torch.Tensor, earned: RewardBreakdown, reward: float) -> dict[str, torch.Tensor]:
        """An episode's rewards by token, and its mask: the reward on the last token, less what earlier tokens are paid.

        An episode without a reward gets a mask of zeros, and is not learned from.
        """
        if earned.total is None:
            nothing = torch.zeros_like(mask)
            return {"rm_scores": nothing.float(), "response_mask": nothing, "loss_mask": nothing}
        scores = torch.zeros(len(mask), dtype=torch.float32)
        scores[-1] = reward
        if earned.turns and self.algorithm.advantage != "gdpo":
            scores[-1] = round(reward * GRAIN) / GRAIN
            paid = (paid_early(mask, earned, self.rubric) * GRAIN).round() / GRAIN
            scores += paid
            scores[-1] -= paid.sum()
        return {"rm_scores": scores, "response_mask": mask, "loss_mask": mask}

    def take(self, batch: KVBatchMeta) -> Metrics:
        """Put a batch that verl is given in order, score it, and give its metrics."""
        self.arrange(batch)
        return self.judge(batch)

    def arrange(self, batch: KVBatchMeta) -> None:
        """Put a batch in the order of its tasks."""
        places = [(str(sent.extra["task"]), int(sent.extra["session"])) for sent in self.fetched(batch)]
        batch.reorder(sorted(range(len(places)), key=places.__getitem__))

    def judge(self, batch: KVBatchMeta) -> Metrics:
        """Score a batch, forget what was kept of it until now, and give its metrics."""
        began = time.perf_counter()
        episodes = self.score(batch)
        extras = [self.sent.pop(key).extra for key in batch.keys]
        earned = [self.earned.pop(key) for key in batch.keys]
        metrics = measured(episodes, earned, extras, [group_of(key) for key in batch.keys])
        if batch.partition_id == "train":
            self.taken = [Scored(*row) for row in zip(batch.keys, episodes, earned, strict=True)]
            metrics |= self.alive(episodes, earned, batch.keys)
        if batch.partition_id == "val":
            self.evaluated = metrics
        return metrics | {"time/reward_s": time.perf_counter() - began}

    def alive(self, episodes: Sequence[Episode], earned: Sequence[RewardBreakdown], keys: Sequence[str]) -> Metrics:
        """Metrics of each part of the reward; a part that teaches nothing is warned of, once."""
        groups = [group_of(key) for key in keys]
        found = liveness.vitals(list(self.rubric.rewards), episodes, earned, groups)
        faint = {name for name, vital in found.items() if vital.faint}
        known = self.warned | (faint & self.faint)
        asked = {name: reward for name, reward in self.rubric.rewards.items() if name not in known}
        for name, line in liveness.warnings(asked, episodes, earned, groups, self.rules).items():
            self.warned.add(name)
            print(f"WARNING: {line}", flush=True)
        self.faint = faint
        return liveness.metrics(found, episodes)

    def forget(self, groups: set[str]) -> None:
        """These were scored and will not be asked for."""
        for kept in (self.sent, self.earned):
            for key in [key for key in kept if group_of(key) in groups]:
                del kept[key]


def none_is_fatal(extras: Iterable[Mapping[str, Any]]) -> None:
    """Raise what a player could not go on for: here, in the trainer, it stops the run."""
    if fatal := next((extra["fatal"] for extra in extras if extra.get("fatal")), ""):
        raise TrainError(fatal)


def paid_early(mask: torch.Tensor, earned: RewardBreakdown, rubric: Rubric) -> torch.Tensor:
    """What terms pay turn by turn, on the tokens where they pay it.

    mask  0 1 1 1 0 0 1 1      a term that pays its turns .3 and .4:   turn  0 0 0 .3 0 0 0 .4
                                                                   span  0 .1 .1 .1 0 0 .2 .2
    """
    paid = torch.zeros(len(mask), dtype=torch.float32)
    edges = torch.diff(mask.int(), prepend=mask.new_zeros(1).int(), append=mask.new_zeros(1).int())
    starts, ends = (edges == 1).nonzero()[:, 0].tolist(), (edges == -1).nonzero()[:, 0].tolist()
    for name, turns in earned.turns.items():
        reward = rubric.rewards[name]
        spread = isinstance(reward, TurnReward) and reward.paid == "span"
        for start, end, share in zip(starts, ends, turns, strict=False):  # a reply may have been cut away
            paid[start if spread else end - 1 : end] += share / (end - start if spread else 1)
    return paid

"""What training may be told: how episodes become gradients, how the policy is asked, where, and in which stages."""

from typing import Literal

from pydantic import Field, field_validator

from framework.advantage import ADVANTAGES, VERLS
from framework.config import Settings
from framework.registry import one_of
from framework.remote.guest import Invitation
from framework.reward import Reward, Rewards
from framework.tracing import Hints


class Algorithm(Settings):
    """How a group of episodes becomes a gradient."""

    advantage: str = "grpo"
    """The estimator: ours (grpo, dr_grpo, rloo, gdpo), or any of verl's by its name."""
    group: int = Field(default=8, ge=1)
    """Episodes per task; advantages are taken within a group."""
    prompts: int = Field(default=8, ge=1)
    """Tasks per step."""
    mini_batch: int | None = Field(default=None, ge=1)
    """Tasks per gradient; by default all of a step's."""
    micro_batch: int = Field(default=8, ge=1)
    """At most this many episodes pass through one device at a time."""
    epochs: int = Field(default=1, ge=1)
    """How often a step's episodes are learned from."""
    resample_settled: bool = False
    """Replace groups whose rewards all agree by fresh tasks, until a step is full."""

    lr: float = Field(default=1e-6, ge=0)
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: int = Field(default=0, ge=0)
    """Steps over which the learning rate rises from 0."""
    weight_decay: float = Field(default=0.01, ge=0)
    betas: tuple[float, float] = (0.9, 0.999)

    loss: str = "vanilla"
    """The policy loss by verl's name: vanilla, gspo, …"""
    loss_mean: Literal["token-mean", "seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm"] = (
        "token-mean"
    )
    """How token losses become one."""
    clip: tuple[float, float] = (0.2, 0.2)
    """How far the probability ratio may fall below and rise above 1."""
    kl: Literal["off", "k1", "k2", "k3"] = "off"
    """The estimate of the distance to the reference model that is added to the loss."""
    kl_coef: float = Field(default=0.001, ge=0)

    freeze: tuple[Literal["vision"], ...] = ()
    """What of the reasoner stays as it is, in every stage: its eyes (vision), the projection to words among them."""
    lora_rank: int = Field(default=0, ge=0)
    """Train low-rank adapters of this rank; 0 trains everything."""
    lora_alpha: int = Field(default=16, ge=1)

    @field_validator("advantage")
    @classmethod
    def _is_there(cls, name: str) -> str:
        return one_of((*ADVANTAGES, *VERLS), name, "advantage")


class Sampling(Settings):
    """How the policy is asked."""

    backend: Literal["transformers", "vllm"] = "transformers"
    temperature: float = Field(default=1.0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    reply_tokens: int = Field(default=512, ge=1)
    """At most this many tokens a turn."""
    prompt_tokens: int = Field(default=2048, ge=1)
    """At most this many in the first observation."""
    episode_tokens: int = Field(default=4096, ge=1)
    """At most this many after it: replies and further observations."""
    deadline_s: float = Field(default=600.0, gt=0)
    """Seconds that one reply may take before the run is stopped."""
    failed: Literal["retry", "drop"] = "retry"
    """An episode that fails for the env's reasons is played once more before it is dropped, or dropped at once."""


class Cluster(Settings):
    """Where it runs."""

    platform: Literal["cpu", "cuda"] = "cpu"
    nodes: int = Field(default=1, ge=1)
    gpus_per_node: int = Field(default=1, ge=1)
    """On the cpu platform: trainer processes."""
    mode: Literal["sync", "colocate_async", "separate_async"] = "sync"
    """How playing and learning share time and devices, by verl's names."""
    tensor_parallel: int = Field(default=1, ge=1)
    """Devices that one rollout server is spread over."""
    sequence_parallel: int = Field(default=1, ge=1)
    """Devices that one episode is spread over in training."""
    gradient_checkpointing: bool = False
    """Compute activations twice and keep fewer of them."""
    offload: bool = False
    """Keep parameters and optimizer in host memory while they are not used."""


class ColdStart(Settings):
    """The stage before: the policy imitates demonstrations, by the cross-entropy of their replies."""

    steps: int = Field(default=0, ge=0)
    """0 leaves the stage out."""
    conversations: str = ""
    """A file of demonstrations, as framework/data/conversations.py writes them; empty lets the players make some."""
    players: tuple[str, ...] = ("expert", "mixed")
    """Who plays, by lot, if there is no file; framework/lab/players.py lists them."""
    count: int = Field(default=4096, ge=1)
    """How many tasks of data.train they play."""
    batch: int = Field(default=32, ge=1)
    """Conversations per step."""
    micro_batch: int = Field(default=32, ge=1)
    """Conversations that pass through one device at a time."""
    lr: float = Field(default=1e-5, ge=0)
    schedule: Literal["constant", "cosine"] = "cosine"
    least: float = Field(default=0.1, ge=0, le=1)
    """The share of lr that a cosine schedule ends with."""
    warmup: int = Field(default=0, ge=0)
    """Steps over which the learning rate rises from 0."""
    weight_decay: float = Field(default=0.01, ge=0)
    betas: tuple[float, float] = (0.9, 0.98)
    save_every: int = Field(default=500, ge=1)
    """Steps between checkpoints; the last step is always kept."""
    keep: int = Field(default=2, ge=1)
    """Checkpoints that are kept. With one, a run that is killed while it saves has none."""


class Reinforce(Settings):
    """The stage in which the policy learns from its own episodes."""

    steps: int = Field(default=100, ge=0)
    """0 leaves the stage out."""
    save_every: int = Field(default=20, ge=1)
    """Steps between checkpoints; the last step is always kept."""
    keep: int = Field(default=2, ge=1)
    """Checkpoints that are kept. With one, a run that is killed while it saves has none."""
    test_every: int = Field(default=0, ge=0)
    """Steps between evaluations; 0 for none."""
    trackers: tuple[str, ...] = ()
    """verl's trackers by name, besides metrics.jsonl: console, tensorboard, wandb, trackio, …"""
    gap_warn: float | None = Field(default=None, ge=0)
    """Say so where rollout and trainer disagree by more, on average, about a token's log-prob; by default as the
    platform allows."""
    gap_stop: float | None = Field(default=None, ge=0)
    """And stop where they disagree by more than this."""


class Compare(Settings):
    """The stage in which everyone plays the evaluation tasks."""

    score: str = ""
    """The measure or reward that is the score; the last one of the recipe if not said."""
    rounds: int = Field(default=4, ge=0)
    """How often a model plays each task by lot, besides once as likely as it gets."""
    players: tuple[str, ...] = ("random", "expert")
    """The players without a model that it is held against."""
    models: tuple[Literal["cold_start", "rl"], ...] = ("cold_start", "rl")
    """The stages whose models play."""
    tampered: bool = True
    """They also play with their eyes tampered."""
    measures: Rewards = Field(default_factory=dict[str, Reward])
    """What is measured besides the rewards; the score may be one of these. They earn nothing."""
    hints: Hints = Hints()
    """What of an answer the recipe's segmenter is told, where it has one."""
    guest: Invitation = Invitation()
    """How a model that others serve is asked to play: limner eval RECIPE --policy openai:MODEL@URL."""


class Stages(Settings):
    """What a training run goes through, in order."""

    cold_start: ColdStart = ColdStart()
    rl: Reinforce = Reinforce()
    eval: Compare = Compare()

    def steps(self, stage: str) -> int:
        """How long a stage of training is; 0 leaves it out."""
        return {"cold_start": self.cold_start, "rl": self.rl}[stage].steps


TRAINED: tuple[str, ...] = ("cold_start", "rl")
"""The stages that leave a model."""
STAGES = (*TRAINED, "eval")

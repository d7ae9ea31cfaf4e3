"""About how much of a GPU's memory a recipe takes, from the sizes in a model's config. Nothing is loaded.

learning   4 bytes a weight, and of those that learn 4 for its gradient and 8 for Adam's two moments, over all devices
         + a layer gathered from all devices, and the words' rows, in 16 bits
         + tokens × width × 2 for each layer's input; without checkpointing all that a layer makes, of each layer
         + tokens × (5 × width + 2 × heads × head + 2 × groups × head + 4 × inner) × 2 for the layer at work
         + tokens × words × 8 for logits and their gradient, in 32 bits
playing    the same weights and moments, which stay where they are
         + vLLM's share of the device: its weights in 16 bits, and in the rest keys and values

Tokens are those of the longest micro-batch that the rollout's limits allow. Left out are the eyes' own activations, a
pen, what a segmenter takes, and what is lost between blocks: some GiB more.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framework.finding import Finding
from framework.recipe import Recipe

GPU = 80.0
"""GiB of the device that a plan is held against: an A100 or H100."""
SHARE = 0.5
"""Of a device that verl lets vLLM take, if verl.actor_rollout_ref.rollout.gpu_memory_utilization says nothing else."""
GIB = 2**30


def findings(recipe: Recipe) -> list[Finding]:
    """About what GPUs must hold. It is an estimate, and stops nobody."""
    if recipe.cluster.platform != "cuda":
        return []
    folder = Path(recipe.reasoner.path).expanduser()
    model = sizes(folder)
    if model is None:
        found = f"not known: no config.json of {folder} tells sizes; give the model's folder"
        return [Finding("GPU memory", found, doubtful=True)]
    needs, limit = plan(recipe, model), f"{GPU:.0f} GiB"
    parts = f"{needs.weights:.1f} weights, {needs.moments:.1f} gradients and Adam, {needs.gathered:.1f} gathered"
    parts += f", {needs.activations:.1f} activations, {needs.logits:.1f} logits"
    lower = "lower algorithm.micro_batch or rollout.episode_tokens, take more devices, or set cluster.offload=true"
    learning = f"about {needs.learning:.0f} GiB a device: {parts}"
    playing = f"about {needs.playing:.0f} GiB a device: {needs.vllm:.1f} of the rollout, with keys and values of "
    playing += f"{needs.room:,} tokens"
    much, many = needs.learning > GPU, needs.playing > GPU
    return [
        Finding("memory to learn", learning + (f"; {lower}" if much else ""), limit, doubtful=much),
        Finding("memory to play", playing + (f"; {lower}" if many else ""), limit, doubtful=many),
    ]


@dataclass(frozen=True, slots=True)
class Sizes:
    """A language model with eyes, as its config tells it."""

    width: int
    inner: int
    layers: int
    heads: int
    groups: int
    head: int
    words: int
    tied: bool
    """Are words read and said by the same weights?"""
    eyes: int
    """Weights of the vision tower, and of what turns its pictures into words."""

    @property
    def layer(self) -> int:
        """Weights of one layer."""
        attention = self.width * self.head * (2 * self.heads + 2 * self.groups)
        return attention + 3 * self.width * self.inner + 2 * self.width

    @property
    def rows(self) -> int:
        """Weights of the words."""
        return self.words * self.width * (1 if self.tied else 2)

    @property
    def weights(self) -> int:
        return self.layers * self.layer + self.rows + self.eyes

    @property
    def work(self) -> int:
        """Bytes that one token takes in one layer."""
        return 2 * (5 * self.width + 2 * (self.heads + self.groups) * self.head + 4 * self.inner)

    @property
    def kept(self) -> int:
        """Bytes of a token's keys and values in all layers."""
        return 2 * 2 * self.layers * self.groups * self.head


def sizes(folder: Path) -> Sizes | None:
    """What the config in a model's folder says; None if it cannot be read, or is of an architecture unlike these."""
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text())
        text: dict[str, Any] = config.get("text_config") or config
        if text.get("num_experts"):
            return None
        heads, width = text["num_attention_heads"], text["hidden_size"]
        return Sizes(
            width=width,
            inner=text["intermediate_size"],
            layers=text["num_hidden_layers"],
            heads=heads,
            groups=text.get("num_key_value_heads") or heads,
            head=text.get("head_dim") or width // heads,
            words=text["vocab_size"],
            tied=bool(config.get("tie_word_embeddings", text.get("tie_word_embeddings", False))),
            eyes=_eyes(config["vision_config"], width),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _eyes(vision: Mapping[str, Any], width: int) -> int:
    """Layers of attention and three matrices, and two that make one word of four patches."""
    own, four = vision["hidden_size"], 4 * vision["hidden_size"]
    return vision["depth"] * (4 * own * own + 3 * own * vision["intermediate_size"]) + four * (four + width)


@dataclass(frozen=True, slots=True)
class Plan:
    """GiB of each device."""

    weights: float
    moments: float
    """And gradients."""
    gathered: float
    activations: float
    logits: float
    vllm: float
    """What vLLM takes, its weights among it."""
    room: int
    """Tokens whose keys and values it holds."""
    offload: bool = False

    @property
    def learning(self) -> float:
        return self.weights + self.moments + self.gathered + self.activations + self.logits

    @property
    def playing(self) -> float:
        return self.vllm + (0.0 if self.offload else self.weights + self.moments)


def plan(recipe: Recipe, model: Sizes) -> Plan:
    """Of the stage that takes most. Playing and learning are taken to share devices."""
    algorithm, cluster, rollout, stages = recipe.algorithm, recipe.cluster, recipe.rollout, recipe.stages
    devices = cluster.nodes * cluster.gpus_per_node
    micros = ((stages.rl, algorithm.micro_batch), (stages.cold_start, stages.cold_start.micro_batch))
    micro = max((size for stage, size in micros if stage.steps), default=1)
    tokens = micro * (rollout.prompt_tokens + rollout.episode_tokens) / cluster.sequence_parallel
    learned = 0 if algorithm.lora_rank else model.weights - (model.eyes if algorithm.freeze else 0)
    layers = (2 * model.width if cluster.gradient_checkpointing else model.work) * model.layers
    share = recipe.verl.get("actor_rollout_ref", {}).get("rollout", {}).get("gpu_memory_utilization", SHARE)
    vllm = share * GPU if rollout.backend == "vllm" else 2 * model.weights / GIB
    keys = max(vllm * GIB - 2 * model.weights / cluster.tensor_parallel, 0) * cluster.tensor_parallel
    return Plan(
        weights=4 * model.weights / devices / GIB,
        moments=12 * learned / devices / GIB,
        gathered=2 * (model.layer + model.rows) / GIB,
        activations=tokens * (layers + model.work) / GIB,
        logits=tokens * model.words * 8 / GIB,
        vllm=vllm,
        room=int(keys / model.kept),
        offload=cluster.offload,
    )

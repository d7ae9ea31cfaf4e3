"""A recipe is one experiment, whole: what is seen, played and earned, and how it is trained.

recipes/quickstart/recipe.yaml      limner train quickstart
recipes/x/mini.yaml                 limner train x/mini
./my_lab/zoom.yaml                  limner train ./my_lab/zoom.yaml      (its own code is found beside the file)
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from framework.config import SerializeAsAny, Settings, chosen, load, typed
from framework.data.source import Source
from framework.env import Rules
from framework.errors import ConfigError
from framework.reasoners.reasoner import Reasoner
from framework.registry import nearest
from framework.reward import Rewards, Rubric

RECIPES = Path(__file__).parents[1] / "recipes"

Tasks = Annotated[SerializeAsAny[Source], chosen("data")]


class Data(Settings):
    """What is played in training and in evaluation."""

    train: Tasks
    eval: Tasks
    faulty: Literal["stop", "skip"] = "stop"
    """A row that cannot become a task ends the run, or is counted and left out."""


class Algorithm(Settings):
    """How a group of episodes becomes a gradient."""

    advantage: str = "grpo"
    """The estimator, by name."""
    group: int = 8
    """Episodes per task; advantages are taken within a group."""
    prompts: int = 8
    """Tasks per step."""
    lr: float = 1e-6
    weight_decay: float = 0.01


class Sampling(Settings):
    """How the policy is asked."""

    backend: Literal["transformers", "vllm"] = "transformers"
    temperature: float = 1.0
    top_p: float = 1.0
    reply_tokens: int = 512
    """At most this many tokens a turn."""
    prompt_tokens: int = 2048
    """At most this many in the first observation."""
    episode_tokens: int = 4096
    """At most this many after it: replies and further observations."""


class Cluster(Settings):
    """Where it runs."""

    platform: Literal["cpu", "cuda"] = "cpu"
    nodes: int = 1
    gpus_per_node: int = 1


class Recipe(Settings):
    """One experiment."""

    name: str
    about: str = ""
    """One line for `limner list`."""
    seed: int = 0
    reasoner: Annotated[SerializeAsAny[Reasoner], chosen("reasoner")]
    data: Data
    env: Annotated[SerializeAsAny[Rules], chosen("env")]
    rewards: Rewards
    algorithm: Algorithm = Algorithm()
    rollout: Sampling = Sampling()
    cluster: Cluster = Cluster()
    verl: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Handed to verl as it is, over everything limner sets."""

    @model_validator(mode="after")
    def _fits_together(self) -> "Recipe":
        if not self.rewards:
            raise ValueError("rewards: name at least one reward")
        if self.env.sight != self.reasoner.sight:
            return self._derive(env=self.env.model_copy(update={"sight": self.reasoner.sight}))
        return self

    @property
    def rubric(self) -> Rubric:
        return Rubric(self.rewards)


def find_recipe(name: str, changes: Sequence[str] = ()) -> Recipe:
    """A recipe by name or path, with `a.b=1` changes applied."""
    path = locate(name)
    beside = str(path.parent)
    if beside not in sys.path:
        sys.path.insert(1, beside)  # a user's own rewards and envs lie beside their recipe
    tree = load(path, changes)
    tree.setdefault("name", name if not name.endswith(".yaml") else path.stem)
    return typed(Recipe, tree)


def locate(name: str) -> Path:
    """The file of a recipe."""
    if name.endswith((".yaml", ".yml")):
        path = Path(name).resolve()
        if not path.is_file():
            raise ConfigError(f"{name}: no such recipe file")
        return path
    for path in (RECIPES / name / "recipe.yaml", RECIPES / f"{name}.yaml"):
        if path.is_file():
            return path
    raise ConfigError(f"no recipe {name!r}; {nearest(name, names())}; a path must end in .yaml")


def names() -> list[str]:
    """Every recipe of the house."""
    found: list[str] = []
    for path in sorted(RECIPES.rglob("*.yaml")):
        place = path.relative_to(RECIPES)
        found.append(str(place.parent) if place.name == "recipe.yaml" else str(place.with_suffix("")))
    return found

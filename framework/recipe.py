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

from framework.config import Fault, SerializeAsAny, Settings, chosen, layers, load, typed
from framework.cookbook import locate
from framework.drawing import Drawing
from framework.env import Rules
from framework.evaluation.arena import Arena
from framework.evaluation.standings import COLUMNS
from framework.proof.allowance import Certify
from framework.reasoners.reasoner import Reasoner
from framework.registry import nearest
from framework.reward import Rewards
from framework.rubric import TOTAL, Rubric
from framework.sampler import Sampler
from framework.source import Source
from framework.tracing import Tracer
from framework.training import Algorithm, Cluster, Sampling, Stages
from framework.vision.propagator import Propagator
from framework.vision.segmenter import Segmenter

Tasks = Annotated[SerializeAsAny[Source], chosen("data")]


class Data(Settings):
    """What is played in training and in evaluation."""

    root: str = ""
    """Where data lies, for sources that say root: ${data.root}."""
    train: Tasks
    eval: Tasks
    faulty: Literal["stop", "skip"] = "stop"
    """A row that cannot become a task ends the run, or is counted and left out."""


class Recipe(Settings):
    """One experiment."""

    name: str
    about: str = ""
    """One line for `limner list`."""
    seed: int = Field(default=0, ge=0)
    reasoner: Annotated[SerializeAsAny[Reasoner], chosen("reasoner")]
    data: Data
    env: Annotated[SerializeAsAny[Rules], chosen("env")]
    rewards: Rewards
    sampler: Annotated[SerializeAsAny[Sampler] | None, chosen("sampler", or_none=True)] = None
    """Asks the policy where to look before a game of the evaluation; in training, data says so."""
    algorithm: Algorithm = Algorithm()
    rollout: Sampling = Sampling()
    cluster: Cluster = Cluster()
    stages: Stages = Stages()
    segmenter: Annotated[SerializeAsAny[Segmenter] | None, chosen("segmenter", or_none=True)] = None
    """Makes masks of what is answered, in `limner segment` and in evaluation."""
    propagator: Annotated[SerializeAsAny[Propagator] | None, chosen("propagator", or_none=True)] = None
    """Carries them over the clip."""
    drawing: Drawing | None = None
    """How the policy draws masks itself, by a token of its replies."""
    certify: Certify = Certify()
    """What `limner reward certify` lets pass, and why."""
    verl: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Handed to verl as it is, over everything limner sets."""

    @model_validator(mode="after")
    def _fits_together(self) -> "Recipe":
        if not self.rewards:
            raise Fault(("rewards",), "{} has no reward; name one, as in rewards: {form: {use: well_formed}}")
        Rubric(self.rewards)  # do they name one another rightly?
        measures = self.stages.eval.measures
        if twice := measures.keys() & self.rewards.keys():
            raise Fault(("stages", "eval", "measures", min(twice)), "is the name of a reward; call it otherwise")
        if taken := next((name for name in (*self.rewards, *measures) if name in COLUMNS), None):
            where = ("rewards",) if taken in self.rewards else ("stages", "eval", "measures")
            raise Fault((*where, taken), "is what eval.json calls a column of its own; call it otherwise")
        if self.score not in (there := {**self.rewards, **measures}):
            said = f"no reward {self.score!r} in this recipe; {nearest(self.score, there)}"
            raise Fault(("stages", "eval", "score"), said)
        for name, said in self.certify.exceptions():
            if unknown := next((part for part in said.parts if part not in {*self.rewards, TOTAL}), None):
                there = nearest(unknown, self.rewards)
                raise Fault(("certify", name, "parts"), f"no reward {unknown!r} in this recipe; {there}")
        if self.drawing and self.algorithm.resample_settled:
            why = "cannot be set where the policy draws: its rewards are known after a pass of the trainer, not before"
            raise Fault(("algorithm", "resample_settled"), why)
        if self.drawing and self.cluster.sequence_parallel > 1:
            raise Fault(("cluster", "sequence_parallel"), "must be 1 where the policy draws; more ranks share episodes")
        if self.drawing and (said := self.env.grammar.draws) not in ("", self.drawing.token):
            raise Fault(
                ("drawing", "token"), f"is {self.drawing.token!r}, and env.grammar.draws is {said!r}; set both alike"
            )
        if self.env.sight != self.reasoner.sight:
            self._derive(env=self.env.model_copy(update={"sight": self.reasoner.sight}))
        if self.sampler:
            self._derive(sampler=self.sampler.seeing(self.reasoner.sight))
        return self

    @property
    def rubric(self) -> Rubric:
        return Rubric(self.rewards)

    @property
    def score(self) -> str:
        """What policies are compared by."""
        return self.stages.eval.score or list({**self.rewards, **self.stages.eval.measures})[-1]

    def with_model(self, folder: str | Path) -> "Recipe":
        """The same, of a reasoner whose weights lie there."""
        return self.model_copy(update={"reasoner": self.reasoner.model_copy(update={"path": str(folder)})})

    @property
    def arena(self) -> Arena:
        """How policies are compared."""
        measures = {name: each.model_copy(update={"weight": 0.0}) for name, each in self.stages.eval.measures.items()}
        tracer = Tracer(self.segmenter, self.propagator, self.stages.eval.hints) if self.segmenter else None
        return Arena(self.env, Rubric({**self.rewards, **measures}), self.score, tracer)


def find_recipe(name: str, changes: Sequence[str] = ()) -> Recipe:
    """A recipe by name or path, with `a.b=1` changes applied."""
    path = locate(name)
    beside = str(path.parent)
    if beside not in sys.path:
        sys.path.insert(1, beside)  # a user's own rewards and envs lie beside their recipe
    tree = load(path, changes)
    tree.setdefault("name", path.stem if name.endswith((".yaml", ".yml")) else name)
    return typed(Recipe, tree)


def about(name: str) -> str:
    """A recipe's own line, whether or not the rest of it holds."""
    return str(layers(locate(name)).get("about", ""))

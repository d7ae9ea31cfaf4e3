"""One checkpoint as a player: greedy or sampled, and with its eyes tampered with, to see whether it looks at all.

blanked    sees grey where it looked
blind      must answer before it looks: it fills in the numbers of an answer whose form is given
shuffled   sees another task's clip
"""

import gc
import zlib
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from framework.env import Rules
from framework.errors import UserError
from framework.player import Doing, Player
from framework.policy import Policy
from framework.reasoners.eyes import See, blanked, clear, swapped
from framework.reasoners.form import Filler, Form
from framework.reasoners.reasoner import Reasoner
from framework.types import Answer, Task

if TYPE_CHECKING:
    from framework.reasoners.artist import Artist
    from framework.reasoners.sampling import Generate
    from framework.reasoners.voice import Voice
    from framework.recipe import Recipe

WORDS = "?"
"""Stands for the words of an answer while its form is found; nothing else that is written has one."""


@asynccontextmanager
async def opened(recipe: "Recipe", reasoner: Reasoner) -> AsyncGenerator["Model"]:
    """A reasoner with its weights loaded, ready to play until the block ends.

    It computes in one thread: sums then round alike on any machine, and two models do not fight for the same cores.
    """
    import torch

    from framework.reasoners.artist import Artist
    from framework.reasoners.generator import Generator
    from framework.reasoners.sampling import Batcher

    gc.collect()  # who played before may lie in a circle of Python's, and on a GPU where this one should
    generator = Generator.load(reasoner, device=recipe.cluster.platform, seed=recipe.seed)
    artist = Artist.of(recipe, generator, reasoner.folder())
    batcher = Batcher(generator.generate)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield Model(recipe, generator.voice, batcher, artist)
    finally:
        torch.set_num_threads(threads)
        await batcher.close()


class Model:
    """The ways in which one checkpoint plays."""

    def __init__(self, recipe: "Recipe", voice: "Voice", generate: "Generate", artist: "Artist | None" = None) -> None:
        self.recipe, self.voice, self.generate, self.artist = recipe, voice, generate, artist

    def by_lot(self) -> Player:
        """Sampled at temperature 1, as in training."""
        return lambda task, rules, seed: self.policy(rules, 1.0, seed=_seed_of(seed, task))

    def greedy(self, *, blank: bool = False, at_once: bool = False, others: Sequence[Task] = ()) -> Player:
        """Always the likeliest token. `blank` shows grey where it looked, `at_once` makes it answer before it looks,
        and `others` shows each task's clip in the game of the task before it."""
        sees = tampered(blank, others)

        def player(task: Task, rules: Rules, seed: int) -> Policy:
            return self.policy(rules, 0.0, see=sees(task), form=answer_form(rules, task) if at_once else None)

        return player

    def draws(self, *, blank: bool = False, others: Sequence[Task] = ()) -> "Artist | None":
        """What makes masks of its [SEG] tokens, if its recipe draws; `blank` and `others` as in `greedy`."""
        return self.artist and replace(self.artist, sees=tampered(blank, others))

    def policy(
        self, rules: Rules, temperature: float, seed: int | None = None, see: See = clear, form: Form | None = None
    ) -> Policy:
        from framework.reasoners.player import ModelPolicy

        limits = self.recipe.rollout.model_copy(update={"temperature": temperature})
        generate = Filler(form, self.voice, self.generate) if form else self.generate
        return ModelPolicy(self.voice, generate, limits, rules.system, seed=seed, see=see)


def tampered(blank: bool, others: Sequence[Task]) -> Callable[[Task], See]:
    """For each task, how its pictures are seen: as they are, in grey, or as frames of the next task's clip."""
    after = {task.id: following for task, following in pairwise([*others, *others[:1]])}
    return lambda task: blanked if blank else swapped(after[task.id].video) if others else clear


def answer_form(rules: Rules, task: Task) -> Form:
    """The fixed pieces of an answer in this game, between which a player who may not look fills in numbers and words.

    They are taken from the expert's answer, and so tell how many objects there are. A game without an expert gives
    only the beginning, <answer>.
    """
    rules = rules.game(task)
    try:
        expert = rules.expert(task)
    except UserError:
        expert = None
    answer = expert.actions[-1] if isinstance(expert, Doing) else None
    if not isinstance(answer, Answer):
        return Form(("<answer>",), words=True)
    said = replace(answer, text=WORDS if answer.text else "")
    written = rules.grammar.write(said, lambda frame: task.video.space(frame or 0).counted_in(1000, 1000))
    printed, words, _ = written.partition(WORDS)
    return Form.like(printed, bool(words))


def _seed_of(seed: int, task: Task) -> int:
    """A seed for this task, the same for every player."""
    return (seed << 32) + zlib.crc32(task.id.encode())

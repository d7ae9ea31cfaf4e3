"""Gives the lab's reasoner what a real one learned long ago: what the words mean in pictures, and how places are said.

    when    question, six tiles of one colour each  ─▶ at each tile's token: does the target appear here?
    where   question, one picture                   ─▶ at each of its tokens: does the target cover it?
                                                    ─▶ in words: <answer>[{"bbox_2d": [4, 9, 20, 25]}]</answer>

Yes or no is told by a head that is thrown away. No game is played here: which frame to look at, and how to ask for it,
is left to learn. Only clips that may be trained on are shown, and the same settings give the same weights.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framework.chat.grammar import Grammar
from framework.lab.world import World
from framework.reasoners.towers import quicken_towers
from framework.reasoners.voice import Voice
from framework.tokens import Image, TokenLedger, Tokens
from framework.types import Answer, Item, Observation, Picture, Role, Task
from framework.vision import masks
from framework.vision.frames import pixels

if TYPE_CHECKING:
    import torch

    from framework.reasoners.lab import Lab

CLIPS = World(level="glance", split="train", seed=1_000_003, count=6144)
BATCH, LR, WARMUP, DECAY, LAST = 32, 2e-3, 50, 0.01, 0.1
"""Half of a batch asks when, half where; the learning rate falls to a LAST part of itself."""
WEIGHTS = 3.0, 1.0
"""Of when and where: beside words of full weight the faint colour of a tile would be heard late, or never."""
SIDE = 4
"""Tokens along one side of the picture in which the target is sought."""
SEEN = 0.85
"""How often that picture is one that shows the target."""
COVERED = 0.25
"""A token shows the target if it covers this share of it."""
HANDS = 3
"""Threads that work at once: two learn a half of a step each, the third makes the next step's."""
LONGEST = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Something to look at, and what is true of it."""

    tokens: Tokens
    pictures: tuple[Picture, ...]
    places: NDArray[np.int64]
    """The position of every token, threefold. [3, tokens]"""
    seen: Mapping[str, "torch.Tensor"]
    """The pictures' patches."""
    here: NDArray[np.float32]
    """1 at each visual token that shows the target."""


def ground(model: Any, voice: Voice, lab: "Lab", tell: Callable[[int, float], None]) -> None:
    """Teach `model` in place for `lab.grounding` steps; `tell` hears the loss of each step."""
    import torch

    quicken_towers()
    with _lots_of_our_own(lab.seed), ThreadPoolExecutor(HANDS) as hands:
        head = torch.nn.Linear(lab.hidden, 1)
        weights = [*model.parameters(), *head.parameters()]
        optimizer = torch.optim.AdamW(weights, lr=LR, weight_decay=DECAY, betas=(0.9, 0.98), fused=True)
        batches = _batches(voice, lab)
        following = hands.submit(next, batches)
        model.train()
        for step in range(lab.grounding):
            batch, following = following.result(), hands.submit(next, batches)
            optimizer.param_groups[0]["lr"] = LR * min(1, (step + 1) / WARMUP) * (1 - (1 - LAST) * step / lab.grounding)
            losses, slopes = zip(*hands.map(partial(_learned, model, head, weights), batch, WEIGHTS), strict=True)
            for weight, *both in zip(weights, *slopes, strict=True):
                weight.grad = torch.stack(both).sum(0)
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            tell(step + 1, sum(losses))
        model.eval()


def _batches(voice: Voice, lab: "Lab") -> Iterator[tuple["Batch", "Batch"]]:
    """Half asks when, half where, for ever; which task is by lot, and each of its lessons is made once."""
    lots = np.random.default_rng(lab.seed)
    count = min(CLIPS.count, lab.grounding * BATCH)
    asked = (
        cache(lambda index: when(CLIPS.task(index), voice, lab)),
        cache(lambda index: where(CLIPS.task(index), voice, lab, np.random.default_rng((lab.seed, index)))),
    )
    while True:
        drawn = lots.integers(count, size=(2, BATCH // 2)).tolist()
        first, second = (_batch(voice, [lesson(i) for i in row]) for lesson, row in zip(asked, drawn, strict=True))
        yield first, second


# ---- what is asked --------------------------------------------------------------------------------------------------


def when(task: Task, voice: Voice, lab: "Lab") -> Lesson:
    """All frames, one colour each."""
    size = (lab.unit, lab.unit)
    tiles = [Picture(task.video, frame, size, Role.OVERVIEW, grain=1) for frame in range(task.video.length)]
    return _lesson(task, voice, tiles, np.array(task.truth.present), "")


def where(task: Task, voice: Voice, lab: "Lab", lots: np.random.Generator) -> Lesson:
    """One frame, large: usually one that shows the target, whose box is then said."""
    shown = task.truth.present
    frame = int(lots.choice(np.flatnonzero(shown) if lots.random() < SEEN else len(shown)))
    picture = Picture(task.video, frame, (SIDE * lab.unit, SIDE * lab.unit), Role.KEYFRAME)
    here = np.zeros((SIDE, SIDE), bool)
    words = ""
    if shown[frame]:
        cell = task.video.width // SIDE
        mask = masks.decode(task.truth.masks[frame]).reshape(SIDE, cell, SIDE, cell)
        here = mask.mean((1, 3)) > COVERED
        answer = Answer(items=tuple(Item(box=box) for box in task.truth.boxes[frame]))
        words = Grammar().write(answer, lambda _: lab.sight.said_on(picture))
    return _lesson(task, voice, [picture], here, words)


def _lesson(task: Task, voice: Voice, pictures: Sequence[Picture], here: NDArray[np.bool_], words: str) -> Lesson:
    captioned = [part for picture in pictures for part in _captioned(picture)]
    question = f"{task.question}\nThe clip has {task.video.length} frames.\n"
    shown = voice.opening("", Observation((question, *captioned)))
    ledger = TokenLedger(voice.image_token, LONGEST, LONGEST)
    ledger.show(shown.ids, [Image(grid, "") for grid in shown.grids])
    if words:
        said = [*voice.write(words), voice.stop_tokens[0]]
        ledger.say(said, [0.0] * len(said))
    tokens = ledger.close()
    places = voice.positions(tokens.ids, shown.grids)
    seen = voice.patches([pixels(picture) for picture in pictures])
    return Lesson(tokens, tuple(pictures), places, seen, here.ravel().astype(np.float32))


def _captioned(picture: Picture) -> tuple[str, Picture, str]:
    return f"Frame {picture.frame} ({picture.video.time(picture.frame):.1f} s): ", picture, "\n"


# ---- what is learned ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Lessons side by side, padded at the right."""

    arguments: Mapping[str, "torch.Tensor"]
    """The model's."""
    visual: "torch.Tensor"
    """Which tokens are pictures'. [lessons, tokens], bool"""
    here: "torch.Tensor"
    """1 at each visual token that shows the target. [visual tokens]"""
    said: "torch.Tensor"
    """Which tokens are words to learn. [lessons, tokens], bool"""


def _batch(voice: Voice, lessons: Sequence[Lesson]) -> Batch:
    import torch

    longest = max(len(lesson.tokens.ids) for lesson in lessons)
    ids = np.full((len(lessons), longest), voice.pad_token)
    real, said = np.zeros_like(ids), np.zeros(ids.shape, bool)
    places = np.zeros((3, *ids.shape), np.int64)
    for row, lesson in enumerate(lessons):
        count = len(lesson.tokens.ids)
        ids[row, :count], real[row, :count], said[row, :count] = lesson.tokens.ids, 1, lesson.tokens.mask == 1
        places[:, row, :count] = lesson.places
    seen = {name: torch.cat([lesson.seen[name] for lesson in lessons]) for name in lessons[0].seen}
    read = torch.from_numpy(ids)
    arguments = {"input_ids": read, "attention_mask": torch.from_numpy(real)}
    arguments |= voice.arguments(read, torch.from_numpy(places), seen)
    here = torch.from_numpy(np.concatenate([lesson.here for lesson in lessons]))
    return Batch(arguments, read == voice.image_token, here, torch.from_numpy(said))


def _learned(
    model: Any, head: Any, weights: Sequence["torch.Tensor"], batch: Batch, importance: float
) -> tuple[float, Sequence["torch.Tensor"]]:
    """The loss on a batch and its slope at each weight; the model is only read."""
    import torch

    loss = importance * _loss(model, head, batch)
    return loss.item(), torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)


def _loss(model: Any, head: Any, batch: Batch) -> "torch.Tensor":
    """Yes or no at every visual token, and the words where there are any."""
    from torch.nn import functional

    ids, said = batch.arguments["input_ids"], batch.said[:, 1:]
    hidden = model.model(**batch.arguments, use_cache=False).last_hidden_state
    loss = functional.binary_cross_entropy_with_logits(head(hidden[batch.visual])[:, 0], batch.here)
    if said.any():
        loss = loss + functional.cross_entropy(model.lm_head(hidden[:, :-1][said]), ids[:, 1:][said])
    return loss


@contextmanager
def _lots_of_our_own(seed: int) -> Iterator[None]:
    """Lots of our own, and sums by one thread, which round always alike; whoever asked finds his as they were."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)

"""Gives the lab's reasoner what a real one learned long ago: what the words mean in pictures, and how places are said.

    when    question, six tiles of one colour each  ─▶ at each tile's token: does the target appear here?
    where   question, one picture                   ─▶ at each of its tokens: does the target cover it?
                                                    ─▶ in words: <answer>[{"bbox_2d": [4, 9, 20, 25]}]</answer>

Yes or no is told by a head that is thrown away. No game is played here: which frame to look at, and how to ask for it,
is left to learn. Only clips that may be trained on are shown, and the same settings give the same weights.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framework.chat.grammar import Grammar
from framework.lab.world import World
from framework.reasoners.sizes import remember_sizes
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
THREADS = 1
"""More would hardly be quicker for so small a model, and would round sums otherwise: the weights would differ."""
LONGEST = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Something to look at, and what is true of it."""

    tokens: Tokens
    pictures: tuple[Picture, ...]
    seen: Mapping[str, "torch.Tensor"]
    """Their patches."""
    here: NDArray[np.float32]
    """1 at each visual token that shows the target."""


def ground(model: Any, voice: Voice, lab: "Lab", tell: Callable[[int, float], None]) -> None:
    """Teach `model` in place for `lab.grounding` steps; `tell` hears the loss of each step."""
    import torch

    remember_sizes()
    lots = np.random.default_rng(lab.seed)
    with _lots_of_our_own(lab.seed):
        tasks = [CLIPS.task(index) for index in range(min(CLIPS.count, lab.grounding * BATCH))]
        asked = [when(task, voice, lab) for task in tasks], [where(task, voice, lab, lots) for task in tasks]
        head = torch.nn.Linear(lab.hidden, 1)
        weights = [*model.parameters(), *head.parameters()]
        optimizer = torch.optim.AdamW(weights, lr=LR, weight_decay=DECAY, betas=(0.9, 0.98))
        model.train()
        for step in range(lab.grounding):
            optimizer.param_groups[0]["lr"] = LR * min(1, (step + 1) / WARMUP) * (1 - (1 - LAST) * step / lab.grounding)
            drawn = [[kind[index] for index in lots.integers(len(kind), size=BATCH // 2)] for kind in asked]
            halves = zip(WEIGHTS, drawn, strict=True)
            loss = torch.stack([weight * _loss(model, head, voice, lessons) for weight, lessons in halves]).sum()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            tell(step + 1, loss.item())
        model.eval()


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
    seen = voice.patches([pixels(picture) for picture in pictures])
    return Lesson(ledger.close(), tuple(pictures), seen, here.ravel().astype(np.float32))


def _captioned(picture: Picture) -> tuple[str, Picture, str]:
    return f"Frame {picture.frame} ({picture.video.time(picture.frame):.1f} s): ", picture, "\n"


# ---- what is learned ------------------------------------------------------------------------------------------------


def _loss(model: Any, head: Any, voice: Voice, lessons: Sequence[Lesson]) -> "torch.Tensor":
    """Yes or no at every visual token, and the words where there are any."""
    import torch
    from torch.nn import functional

    batch, said = _batch(voice, lessons)
    hidden = model.model(**batch, use_cache=False).last_hidden_state
    here = torch.from_numpy(np.concatenate([lesson.here for lesson in lessons]))
    loss = functional.binary_cross_entropy_with_logits(head(hidden[batch["mm_token_type_ids"] == 1])[:, 0], here)
    if said.any():
        logits = model.lm_head(hidden[:, :-1][said[:, 1:]])
        loss = loss + functional.cross_entropy(logits, batch["input_ids"][:, 1:][said[:, 1:]])
    return loss


def _batch(voice: Voice, lessons: Sequence[Lesson]) -> tuple[dict[str, "torch.Tensor"], "torch.Tensor"]:
    """The model's arguments, padded at the right, and which tokens are words to learn."""
    import torch

    longest = max(len(lesson.tokens.ids) for lesson in lessons)
    ids = np.full((len(lessons), longest), voice.pad_token)
    real, said = np.zeros_like(ids), np.zeros(ids.shape, bool)
    places = np.zeros((3, *ids.shape), np.int64)
    for row, lesson in enumerate(lessons):
        tokens, count = lesson.tokens, len(lesson.tokens.ids)
        ids[row, :count], real[row, :count], said[row, :count] = tokens.ids, 1, tokens.mask == 1
        places[:, row, :count] = voice.positions(tokens.ids, [block.image.grid for block in tokens.blocks])
    arguments = {"input_ids": ids, "attention_mask": real, "position_ids": places}
    batch = {name: torch.from_numpy(array) for name, array in arguments.items()}
    batch |= {name: torch.cat([lesson.seen[name] for lesson in lessons]) for name in lessons[0].seen}
    return batch | {"mm_token_type_ids": (batch["input_ids"] == voice.image_token).long()}, torch.from_numpy(said)


@contextmanager
def _lots_of_our_own(seed: int) -> Iterator[None]:
    """Lots and threads of our own; whoever asked finds his as they were."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)

"""Episodes of three turns that drew masks, as the rubric of VideoSEG-O3 scores them.

turn   <think> Step 1 … </think><select>{"start", "end", "keyframe"}</select>   [SEG] ─▶ 5 masks, and 1 on a keyframe

Masks are stored, as bits or as run lengths; every one is its own, as after a rollout. What is drawn is as large as a
decoder's, the clip as it is asked for.
"""

import json
import random
from collections.abc import Callable

import numpy as np

from framework.chat.grammar import Grammar
from framework.types import Action, AnyMask, Drawn, Episode, Observation, Picture, Stop, Task, Truth, Turn, Video
from framework.vision import masks

GROUP = 8
LENGTH = 40
SPREAD = (0, 9, 19, 29, 39)
"""Frames that every turn draws on."""
TURNS = 3
SIDE = 256
GRAMMAR = Grammar(vtg=True)

Store = Callable[[masks.Dense], AnyMask]


def episodes(
    count: int, store: Store = masks.pack, seed: int = 0, clip: tuple[int, int] = (SIDE, SIDE)
) -> list[Episode]:
    """So many episodes, a group of them to a task, whose masks come closer from turn to turn, or do not. `clip` is the
    width and height of the clips and of what is true of them."""
    lots = random.Random(seed)
    tasks = [_task(number, lots, store, clip) for number in range(count // GROUP)]
    return [_episode(task, target, lots, store) for task, target in tasks for _ in range(GROUP)]


Target = dict[int, masks.Dense]


def _task(number: int, lots: random.Random, store: Store, clip: tuple[int, int]) -> tuple[Task, Target]:
    first, last = lots.randrange(10), lots.randrange(25, LENGTH)
    x, y, wide, high = (lots.randrange(*limits) for limits in ((70, 140), (70, 140), (20, 60), (20, 60)))
    target = {frame: _ellipse(x + frame, y, wide, high) for frame in range(first, last + 1)}
    truth = Truth(
        present=tuple(frame in target for frame in range(LENGTH)),
        masks={frame: store(masks.decode(masks.resized(masks.pack(dense), *clip))) for frame, dense in target.items()},
    )
    video = Video(f"clip {number}", LENGTH, *clip)
    return Task(id=str(number), question="the one that leaves", video=video, truth=truth), target


def _ellipse(x: float, y: float, wide: float, high: float) -> masks.Dense:
    rows, columns = np.ogrid[:SIDE, :SIDE]
    return ((columns - x) / wide) ** 2 + ((rows - y) / high) ** 2 <= 1


def _episode(task: Task, target: Target, lots: random.Random, store: Store) -> Episode:
    turns: list[Turn] = []
    keyframe = LENGTH // 2
    for number in range(TURNS):
        off = lots.choice((2, 8, 20, 60))
        drawn = Drawn(
            frames={frame: store(_off(target, frame, off)) for frame in SPREAD},
            keyframe=keyframe,
            on_keyframe=store(_off(target, keyframe, lots.choice((off, 1)))),
        )
        start = lots.randrange(20)
        end = lots.randrange(start, LENGTH)
        keyframe = lots.randrange(start, end + 1)
        text = _reply("answer" if number == TURNS - 1 else "select", start, end, keyframe)
        parsed = GRAMMAR.parse(text, LENGTH, lambda frame: None)
        seen = Observation((task.question, Picture(task.video, keyframe, (SIDE, SIDE))))
        turns.append(Turn(seen, Action(text, parsed), drawn))
    return Episode(task=task, turns=tuple(turns), stop=Stop.ANSWERED)


def _off(target: Target, frame: int, pixels: int) -> masks.Dense:
    """The true mask, moved; a small one where nothing is true."""
    true = target.get(frame)
    return np.zeros((SIDE, SIDE), bool) if true is None else np.roll(true, pixels, axis=1)


def _reply(act: str, start: int, end: int, keyframe: int) -> str:
    place = json.dumps({"start": start, "end": end, "keyframe": keyframe})
    thought = (
        f"Step 1: it comes in at frame {start} and is gone after frame {end}. Step 2: of the two it is the one by the "
        f"door. Step 3: 'leaves' is said of the last one. Action: frame {keyframe} shows it best."
    )
    return f"<think>{thought}</think>\n<{act}><VTG>{place}</VTG>, <RefSeg>[SEG]</RefSeg></{act}>"

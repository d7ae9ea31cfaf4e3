"""Whatever is said, every reward of the table gives a number within its bounds, or says why it has none."""

import math
import random
import time
from dataclasses import replace

import numpy as np
import pytest

from framework.chat.grammar import Grammar
from framework.config import typed
from framework.reward import Reward
from framework.testing import check_reward
from framework.types import (
    Action,
    Answer,
    Drawn,
    Episode,
    Failure,
    Malformed,
    Observation,
    Picture,
    Stop,
    Task,
    Truth,
    Turn,
    Video,
)
from framework.vision import masks
from framework.vision.boxes import Box, Interval, Point, Space
from rewards import REWARDS, videoseg_o3, vision_reasoner
from rewards.published import VideoSegO3, VisionReasoner

Lots = random.Random
REPLIES = 10_000
BOUNDS = {
    "box_giou": (-1, 1),
    "cosine_length": (-1, 1),
    "keyframe_margin": (-1, 1),
    "matched": (0, 3),
    "overlong": (-1, 0),
    "progress": (-1, 1),
    "videoseg_o3": (-1, 1),
    "vision_reasoner": (0, 7),
}
"""As the docstrings say; of all others [0, 1]."""
NEEDED = {"judge": {"endpoint": {"url": "http://127.0.0.1:9", "model": "none", "key": "NO_SUCH_VARIABLE"}}}
"""What a reward must be told. Whoever judges is not asked here: that is tests/rewards/test_judge.py's."""


def made(name: str) -> Reward:
    return typed(REWARDS[name], NEEDED.get(name, {}))


def bounds(name: str) -> tuple[float, float]:
    return BOUNDS.get(name, (0, 1))


# ---- tasks -----------------------------------------------------------------------------------------------------------

SIDE = 64


def blob(lots: Lots) -> masks.Dense:
    dense = np.zeros((SIDE, SIDE), bool)
    x, y = lots.randrange(SIDE), lots.randrange(SIDE)
    dense[y : y + lots.randrange(40), x : x + lots.randrange(40)] = True
    return dense


def task(number: int, lots: Lots) -> Task:
    """A clip or an image, with a target or none, of which much or little is known."""
    clip = Video(f"clip {number}", length=lots.choice((1, 2, 10)), width=SIDE, height=SIDE)
    there = [frame for frame in range(clip.length) if lots.random() < 0.7]
    boxes, points = dict[int, tuple[Box, ...]](), dict[int, tuple[Point, ...]]()
    for frame in there:
        space = clip.space(frame)
        corners = [(lots.randrange(40), lots.randrange(40), lots.randrange(1, 24)) for _ in range(lots.randrange(4))]
        boxes[frame] = tuple(Box(x, y, x + side, y + side, space) for x, y, side in corners)
        points[frame] = tuple(box.centre for box in boxes[frame])
    truth = Truth(
        present=tuple(frame in there for frame in range(clip.length)),
        boxes=boxes,
        points=points,
        masks={frame: lots.choice((masks.pack, masks.encode))(blob(lots)) for frame in there},
        interval=Interval(there[0], there[-1]) if there else None,
        answer=lots.choice(("Paris", "3.5", "B", "")),
        kind=lots.choice(("", "where")),
    )
    return Task(id=f"task {number}", question="Where is it?", video=clip, truth=lots.choice((truth, truth, Truth())))


# ---- replies ---------------------------------------------------------------------------------------------------------

THINK = "<think>Step 1: it moves. Step 2: it is red. Step 3: a car. Action: look.</think>"
TAGS = "<think> </think> <select> </select> <answer> </answer> <zoom> </zoom> <VTG> </VTG> <RefSeg> </RefSeg>".split()  # noqa: SIM905
ODD = (
    "\0",
    "\u202e",
    "𝔸",
    "é",
    "\u200b",
    "İ",
    "ſ",
    "\ud800",
    "\n\n",
    "½",
    "٣",
    "```json",
    "\\u0000",
    "&lt;",
    "{}",
    "\\",
)
NUMBERS = (
    "0",
    "-1",
    "1e400",
    "-1e400",
    "NaN",
    "Infinity",
    "1" * 5000,
    "1e-320",
    "0.1",
    "true",
    "null",
    '"7"',
    "[]",
    "1_0",
)


def number(lots: Lots) -> str:
    return lots.choice(NUMBERS) if lots.random() < 0.1 else str(lots.randrange(1000))


def numbers(lots: Lots, count: int) -> str:
    return f"[{', '.join(number(lots) for _ in range(count))}]"


def item(lots: Lots) -> str:
    said = [f'"bbox_2d": {numbers(lots, 4)}', f'"point_2d": {numbers(lots, 2)}']
    beside = lots.choice((f"[{numbers(lots, 2)}, {numbers(lots, 2)}]", numbers(lots, 2), number(lots), "{}", "[[]]"))
    said += [f'"neg_point_2d": {beside}'] if lots.random() < 0.3 else []
    return f"{{{', '.join(lots.sample(said, lots.randrange(1, len(said) + 1)))}}}"


def items(lots: Lots) -> str:
    return (
        f"[{', '.join(item(lots) for _ in range(lots.choice((0, 1, 1, 2, 3, 8, 200 if lots.random() < 0.02 else 1))))}]"
    )


def place(lots: Lots) -> str:
    return f'"start": {number(lots)}, "end": {number(lots)}, "keyframe": {number(lots)}'


def proper(lots: Lots) -> str:
    """A reply as it should be, but for its numbers."""
    said = lots.choice(
        (
            f"<answer>{items(lots)}</answer>",
            f'<answer>{{{place(lots)}, "objects": {items(lots)}}}</answer>',
            f"<select>{{{place(lots)}}}</select>",
            f"<answer><VTG>{{{place(lots)}}}</VTG>, <RefSeg>[SEG]</RefSeg></answer>",
            f"<answer>{lots.choice(('Paris', '(B)', '3.50', 'about 3 or 4', ''))}</answer>",
            f'<zoom>{{"frame": {number(lots)}, "bbox_2d": {numbers(lots, 4)}}}</zoom>',
        )
    )
    return lots.choice((THINK, THINK, "")) + lots.choice(("", "\n", " so ")) + said


def mutated(lots: Lots) -> str:
    said = proper(lots)
    for _ in range(lots.randrange(1, 6)):
        at, until = sorted((lots.randrange(len(said) + 1), lots.randrange(len(said) + 1)))
        piece = lots.choice(
            (lots.choice(TAGS), lots.choice(ODD), number(lots), "", said[at:until], lots.choice('{}[]",:.'))
        )
        said = said[:at] + piece + said[lots.choice((at, at, until)) :]
        said = said[:20_000]
    return said


def soup(lots: Lots) -> str:
    pieces = [*TAGS, *ODD, "{", "}", "[", "]", ",", ".", " ", *NUMBERS]
    return "".join(lots.choices(pieces, k=lots.randrange(60)))


def huge(lots: Lots) -> str:
    """A megabyte."""
    piece = lots.choice(
        (*TAGS, "<think></think>", "<answer>[[", "[", '{"a":', "(", " ", "A. ", "\0", "<answer><VTG>", "-")
    )
    text = piece * (1_000_000 // len(piece))
    return lots.choice((text, f"{THINK}<answer>{text}</answer>", f"<think>{text}</think><answer>[]</answer>"))


def reply(number: int, lots: Lots) -> str:
    if number % 1000 == 999:
        return huge(lots)
    return lots.choice((proper, proper, mutated, mutated, mutated, soup))(lots)


# ---- episodes --------------------------------------------------------------------------------------------------------

GRAMMARS = (Grammar(), Grammar(actions=("select", "zoom", "answer"), several="last"), Grammar(clamp=False, vtg=True))


def turn(task: Task, text: str, lots: Lots) -> Turn:
    def spoken_of(frame: int | None) -> Space:
        return task.video.space(frame or 0).counted_in(1000, 1000)

    parsed = lots.choice(GRAMMARS).parse(text, task.video.length, spoken_of)
    tokens = lots.choice((None, len(text) // 4))
    said = Action(text, parsed, lots.random() < 0.1, tokens, tokens and tokens // 2)
    seen = Observation((f"{task.question}\n", Picture(task.video, lots.randrange(task.video.length), (28, 28))))
    return Turn(seen, said, drawing(task, lots) if lots.random() < 0.3 else None)


def drawing(task: Task, lots: Lots) -> Drawn:
    frames = {frame: masks.encode(blob(lots)) for frame in range(task.video.length) if lots.random() < 0.5}
    keyframe = lots.choice((None, lots.randrange(task.video.length)))
    return Drawn(frames=frames, keyframe=keyframe, on_keyframe=lots.choice((None, masks.pack(blob(lots)))))


def episode(task: Task, texts: list[str], lots: Lots) -> Episode:
    turns = tuple(turn(task, text, lots) for text in texts)
    last = turns[-1].said if turns else None
    match last.parsed if last else None:
        case Answer():
            stop = Stop.ANSWERED
        case Malformed():
            stop = Stop.LENGTH if last and last.cut_off else Stop.MALFORMED
        case _:
            stop = Stop.TURNS
    return Episode(task=task, turns=turns, stop=stop)


def episodes(seed: int, replies: int) -> list[Episode]:
    """Some thousand episodes of one to three turns, several to each task."""
    lots = Lots(seed)
    tasks = [task(number, lots) for number in range(max(replies // 16, 2))]
    said = [reply(number, lots) for number in range(replies)]
    found: list[Episode] = []
    while said:
        turns, said = said[: (few := lots.randrange(4))], said[few:]
        found.append(episode(lots.choice(tasks), turns, lots))
    return found


# ---- claims ----------------------------------------------------------------------------------------------------------


def test_whatever_is_said_every_reward_gives_a_number_or_says_why_not() -> None:
    begun = time.process_time()
    played = episodes(seed=1, replies=REPLIES)
    before, spent = time.process_time(), dict[str, float]()
    for name in REWARDS:
        start = time.process_time()
        values = made(name)(played)
        spent[name] = time.process_time() - start
        assert len(values) == len(played), name
        for each, value in zip(played, values, strict=True):
            assert isinstance(value, Failure) or math.isfinite(value), (name, value, str(each)[:300])
            assert not isinstance(value, Failure) or value.reason, (name, value)
    slowest = sorted(spent, key=lambda name: -spent[name])[:5]
    took, making = time.process_time() - before, before - begun  # 1.4 to 3.1 times as long, by machine;
    assert took < 20 * making, {name: round(spent[name], 2) for name in slowest}  # time squared: hours for a megabyte


SOME = episodes(seed=2, replies=800)


@pytest.mark.parametrize("name", REWARDS)
def test_numbers_lie_within_the_bounds_the_docstring_states(name: str) -> None:
    check_reward(made(name), [each for each in SOME if each.turns], *bounds(name))


def test_all_published_terms_do_so_too() -> None:
    played = [each for each in SOME if each.turns]
    for one, (_, low, high) in vision_reasoner.TERMS.items():
        check_reward(VisionReasoner(term=one), played, low, high)
    for other, (_, low, high) in videoseg_o3.TERMS.items():
        check_reward(VideoSegO3(term=other), played, low, high)


@pytest.mark.parametrize("name", REWARDS)
def test_neither_the_order_of_episodes_nor_that_of_groups_matters(name: str) -> None:
    values, order = made(name)(SOME), list(range(len(SOME)))
    Lots(3).shuffle(order)
    assert made(name)([SOME[place] for place in order]) == [values[place] for place in order]
    by_group = sorted(order, key=lambda place: SOME[place].task.id)
    assert made(name)([SOME[place] for place in by_group]) == [values[place] for place in by_group]


@pytest.mark.parametrize("name", REWARDS)
def test_what_else_was_seen_earns_nothing(name: str) -> None:
    assert made(name)([seen_more(each) for each in SOME]) == made(name)(SOME)


def seen_more(episode: Episode) -> Episode:
    """The same episode, had each turn been shown another picture first."""
    other = Picture(episode.task.video, 0, (56, 56))
    turns = (replace(each, seen=Observation((other, *each.seen.content))) for each in episode.turns)
    return replace(episode, turns=tuple(turns))

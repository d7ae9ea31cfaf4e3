import asyncio
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from envs.keyframes import Keyframes
from envs.locate import Locate
from envs.target import Target
from framework.evaluation.arena import Arena, play_all
from framework.lab.players import PLAYERS
from framework.lab.world import World
from framework.rollout import play
from framework.rubric import Rubric
from framework.sampler import Hierarchical, focused
from framework.tracing import Hints, Tracer
from framework.types import Drawn, Episode, Item, Stop, Task, Truth, Video
from framework.vision import masks
from framework.vision.boxes import Box, Point
from framework.vision.colour import ColorFlood, ColorTrack
from rewards.mask import JAndF

TASKS = [World(level="order", count=12).task(number) for number in range(12)]
TRACER = Tracer(ColorFlood(), ColorTrack())


def played(name: str, number: int = 0) -> Episode:
    task, rules = TASKS[number], Keyframes()
    return asyncio.run(play(task, rules, PLAYERS[name](task, rules, 0)))


def drawn(episode: Episode) -> Drawn:
    found = episode.turns[-1].drawn
    assert found
    return found


def test_what_was_answered_on_one_frame_is_drawn_on_all():
    [episode] = TRACER.draw([played("expert")])
    assert list(drawn(episode).frames) == list(range(12))
    [score] = JAndF()([episode])
    assert isinstance(score, float)
    assert score > 0.9


def test_the_drawing_belongs_to_the_turn_that_answered_and_nothing_else_changes():
    before = played("expert")
    [after] = TRACER.draw([before])
    assert replace(after, turns=(*after.turns[:-1], replace(after.turns[-1], drawn=None))) == before


def test_without_a_propagator_only_the_answered_frame_is_drawn_on():
    [episode] = Tracer(ColorFlood()).draw([played("expert")])
    assert list(drawn(episode).frames) == [drawn(episode).keyframe]


def test_an_episode_without_an_answer_draws_nothing_and_shifts_no_other():
    first, last = played("expert"), played("expert", 3)
    silent = replace(first, turns=(), stop=Stop.MALFORMED)
    several = TRACER.draw([silent, first, silent, last])
    assert [bool(each.turns and each.turns[-1].drawn) for each in several] == [False, True, False, True]
    assert several[3] == TRACER.draw([last])[0]


def test_an_answer_that_names_nothing_draws_empty_masks():
    episode = played("expert")
    answer = episode.answer
    assert answer
    turn = episode.turns[-1]
    said = replace(turn.said, parsed=replace(answer, items=()))
    [empty] = TRACER.draw([replace(episode, turns=(*episode.turns[:-1], replace(turn, said=said)))])
    assert not any(masks.area(mask) for mask in drawn(empty).frames.values())


def test_a_frame_that_cannot_be_read_is_our_error_and_no_answers(tmp_path: Path):
    video = Video(str(tmp_path / "gone"), 4, 64, 64)
    task = Task(id="g", question="?", video=video, truth=Truth(boxes={1: (Box(4, 4, 20, 20, video.space(1)),)}))
    gone = asyncio.run(play(task, Keyframes(), Keyframes().expert(task)))
    broken, sound = TRACER.draw([gone, played("expert")])
    assert (broken.stop, "gone" in broken.error) == (Stop.ERROR, True)
    assert sound.stop is Stop.ANSWERED


def test_a_later_frame_that_cannot_be_read_spoils_its_own_episode_alone(tmp_path: Path):
    for frame in range(4):
        cv2.imwrite(str(tmp_path / f"{frame}.png"), np.full((64, 64, 3), 90, np.uint8))
    video = Video(str(tmp_path), 4, 64, 64)
    task = Task(id="t", question="?", video=video, truth=Truth(boxes={1: (Box(4, 4, 20, 20, video.space(1)),)}))
    torn = asyncio.run(play(task, Keyframes(), Keyframes().expert(task)))
    assert torn.stop is Stop.ANSWERED
    (tmp_path / "3.png").write_bytes(b"")
    broken, sound = TRACER.draw([torn, played("expert")])
    assert (broken.stop, "3.png" in broken.error) == (Stop.ERROR, True)
    assert sound.stop is Stop.ANSWERED


def test_the_segmenter_is_told_no_more_than_it_may_be():
    space = TASKS[0].video.space(0)
    item = Item(box=Box(1, 2, 3, 4, space), point=Point(2, 3, space), negatives=(Point(9, 9, space),))
    assert Hints(point=False, negatives=False).prompt(item).hints == {"box"}
    assert Hints(box=False, negatives=False).prompt(item).labels == (True,)
    assert Hints(box=False).prompt(item).labels == (True, False)
    assert not Hints(box=False, point=False).prompt(item).hints


def test_a_whole_evaluation_asks_where_to_look_then_answers_draws_and_scores():
    sampler = Hierarchical(interval=Locate(), position=Locate(asked="position"), replies=1)
    tasks = asyncio.run(focused(TASKS, sampler, PLAYERS["expert"], 0))
    assert all(task.focus and len(task.focus.trace) >= 2 for task in tasks)
    arena = Arena(Target(), Rubric({"tracks": JAndF()}), "tracks", TRACER)
    assert asyncio.run(play_all(tasks, arena, PLAYERS["expert"])).scores().mean() > 0.9

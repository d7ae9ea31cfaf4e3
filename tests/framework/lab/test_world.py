import hashlib
import re
import subprocess
import sys
import time

import numpy as np
import pytest

from framework.config import typed
from framework.errors import ConfigError, DataError
from framework.lab.levels import LEVELS, UNSEEN_PAIRS
from framework.lab.scene import COLOURS, SHAPES
from framework.lab.world import SPLITS, World, drawn, render
from framework.vision import masks

EVERY_LEVEL = pytest.mark.parametrize("level", LEVELS)
FINGERPRINT = """
import hashlib
from framework.lab.world import World, render
world = World(level="order", split="eval", seed=7)
tasks = [world.task(index) for index in range(5)]
pixels = b"".join(render(task.video.source).tobytes() for task in tasks)
print(hashlib.sha256(repr(tasks).encode() + pixels).hexdigest())
"""


def tasks(count: int, **settings):
    world = World(**settings)
    return [world.task(index) for index in range(count)]


def test_another_process_with_other_hashes_draws_the_same_clips_and_truth():
    prints = {
        subprocess.run(
            [sys.executable, "-c", FINGERPRINT],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(path for path in sys.path if path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(prints) == 1


@EVERY_LEVEL
def test_frames_follow_from_the_name_alone(level):
    source = World(level=level, seed=3).task(5).video.source
    before = render(source)
    drawn.cache_clear()
    assert np.array_equal(render(source), before)


@EVERY_LEVEL
def test_masks_boxes_and_presence_agree_with_one_another_and_with_the_pixels(level):
    for task in tasks(10, level=level, split="eval"):
        truth, frames = task.truth, render(task.video.source)
        clip = drawn(task.video.source)
        target, noise = clip.scene.things[clip.question.target], clip.scene.noise
        assert frames.shape == (task.video.length, task.video.height, task.video.width, 3)
        assert set(truth.masks) == set(truth.boxes) == {frame for frame, there in enumerate(truth.present) if there}
        for frame, mask in truth.masks.items():
            (box,), (point,) = truth.boxes[frame], truth.points[frame]
            assert box == masks.box(mask, task.video.space(frame))
            assert point == masks.inner_point(mask, task.video.space(frame))
            painted = frames[frame][masks.decode(mask)].astype(int)
            assert abs(painted - COLOURS[target.colour]).max() <= noise
        if task.video.length > 1:
            assert truth.interval is not None
            assert (truth.interval.start, truth.interval.end) == (min(truth.boxes), max(truth.boxes))


def test_a_thing_in_front_takes_pixels_from_the_mask_behind_it():
    covered = [clip for clip in map(drawn, (f"lab:traffic/train/{k}" for k in range(40))) if _covers(clip)]
    assert covered


def _covers(clip) -> bool:
    target = clip.scene.things[clip.question.target]
    seen = (clip.scene.who() == clip.question.target + 1).sum((1, 2))
    return bool((seen[target.first : target.first + len(target.path)] < target.pixels).any())


def test_train_and_held_out_ask_for_pairs_that_never_meet_and_eval_for_any():
    pairs = {split: _pairs(split) for split in SPLITS}
    assert not pairs["train"] & UNSEEN_PAIRS
    assert pairs["held_out"] == UNSEEN_PAIRS
    assert pairs["eval"] & UNSEEN_PAIRS
    assert pairs["eval"] - UNSEEN_PAIRS


def _pairs(split) -> set[tuple[str, str]]:
    clips = [drawn(task.video.source) for task in tasks(120, split=split)]
    targets = [clip.scene.things[clip.question.target] for clip in clips]
    return {(target.colour, target.shape) for target in targets}


def test_no_clip_of_one_split_can_be_a_clip_of_another():
    for number, split in enumerate(SPLITS):
        backgrounds = [drawn(task.video.source).scene.background for task in tasks(50, split=split)]
        assert {value % len(SPLITS) for shade in backgrounds for value in shade} == {number}


def test_an_unseen_pair_is_a_kind_of_its_own_in_the_tables():
    kinds = {task.truth.kind for task in tasks(60, split="eval")}
    assert kinds == {"attribute", "attribute, unseen pair"}


def test_seeds_have_clips_of_their_own():
    sources = [task.video.source for seed in (0, 1) for task in tasks(20, seed=seed)]
    digests = {hashlib.sha256(render(source).tobytes()).digest() for source in sources}
    assert len(digests) == 40


@EVERY_LEVEL
def test_every_kind_of_a_level_is_asked(level):
    kinds = {task.truth.kind for task in tasks(100, level=level)}
    assert kinds == set(LEVELS[level].kinds)


def test_at_the_quickstarts_level_the_target_is_seen_in_two_or_three_of_six_frames():
    for task in tasks(100, level="glance"):
        assert len(task.truth.present) == 6
        assert sum(task.truth.present) in (2, 3)


@EVERY_LEVEL
def test_what_is_not_covered_can_be_said_in_32nds(level):
    for clip in (drawn(task.video.source) for task in tasks(20, level=level)):
        for thing in clip.scene.things:
            sides = np.array([[x - thing.radius, y + thing.radius] for x, y in thing.path])
            assert (sides * 32 % clip.scene.size == 0).all()


def test_a_clip_of_the_quickstart_takes_less_than_three_milliseconds():
    world = World(level="glance", seed=11)
    world.task(0)

    def each() -> float:
        start = time.process_time()
        for index in range(100):
            render(world.task(index).video.source)
        return (time.process_time() - start) / 100

    assert min(each() for _ in range(3)) < 0.003


@pytest.mark.parametrize(
    ("source", "lesson"),
    [
        ("lab:glanse/train/3", "did you mean 'glance'"),
        ("lab:glance/trian/3", "did you mean 'train'"),
        ("lab:glance/train", "write lab:level/split/number"),
        ("lab:glance/train/three", "write lab:level/split/number"),
        ("lab:glance/train/-1", "write lab:level/split/number"),
        ("clips/three", "write lab:level/split/number"),
    ],
)
def test_a_broken_name_is_taught(source, lesson):
    with pytest.raises(DataError, match=re.escape(lesson)):
        render(source)


def test_a_wrong_level_is_found_when_the_recipe_is_read():
    with pytest.raises(ConfigError, match=r"level: no level 'glanse'; did you mean 'glance'\?"):
        typed(World, {"level": "glanse"})


def test_there_is_no_task_past_the_count():
    with pytest.raises(DataError, match="no task 10 among 10"):
        World(count=10).task(10)


def test_questions_are_short_sentences_about_shapes():
    for level in LEVELS:
        for task in tasks(5, level=level):
            assert re.fullmatch(r"Find the [a-z ]+\.", task.question)
            assert set(task.question.rstrip(".").split()) & {*SHAPES, "shape"}

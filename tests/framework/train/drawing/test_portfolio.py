import numpy as np

from framework.drawing import Canvas, Sitting
from framework.lab.world import World
from framework.train.drawing.portfolio import pack, unpack
from framework.vision import masks

VIDEO = World(level="glance", split="eval", count=1).task(0).video
SITTING = Sitting(VIDEO, (Canvas((0, 3), 2, {}), Canvas((0, 3), 5, {}), Canvas((0, 3), 1, {})))
LOTS = np.random.default_rng(0)


def test_what_was_drawn_arrives_turn_by_turn():
    drew = {0: LOTS.random((3, 5, 7)) < 0.5, 2: LOTS.random((3, 5, 7)) < 0.5}
    found = unpack(pack(SITTING, drew), SITTING, (5, 7))
    assert found[1] is None
    for turn, dense in drew.items():
        there = found[turn]
        assert there is not None
        assert there.keyframe == SITTING.turns[turn].keyframe
        assert list(there.frames) == [0, 3]
        several = [*there.frames.values(), there.on_keyframe]
        for mask, each in zip(several, dense, strict=True):
            assert mask == masks.pack(each)


def test_an_episode_that_drew_nothing_says_so():
    assert unpack(pack(SITTING, {}), SITTING, (5, 7)) == [None] * 3
    assert len(pack(Sitting(VIDEO, ()), {})) == 1

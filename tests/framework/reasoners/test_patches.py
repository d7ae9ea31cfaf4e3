import numpy as np
import pytest
import torch

from framework.reasoners.chatml import ChatML
from framework.reasoners.lab import Lab
from framework.reasoners.patches import Patches

SIZES = [(8, 8), (16, 8), (8, 8), (24, 16)]


def pictures(*seeds: int) -> list[np.ndarray]:
    return [np.random.default_rng(seed).integers(0, 256, (*SIZES[seed % 4], 3), np.uint8) for seed in seeds]


def lab() -> ChatML:
    voice = Lab().voice()
    assert isinstance(voice, ChatML)
    return voice


class Counted:
    """The lab's own processor, and how many pictures it was given."""

    def __init__(self) -> None:
        self.voice, self.made = lab(), 0

    def __call__(self, images):
        self.made += len(images)
        return self.voice._patches(images)


@pytest.fixture(scope="module")
def voice() -> ChatML:
    return lab()


def test_what_is_kept_is_what_the_processor_makes_of_all_at_once(voice):
    for seeds in ((0, 1, 2, 3), (3, 3, 1), (2, 0)):
        values, grids = voice._patches(pictures(*seeds))
        kept = voice.patches(pictures(*seeds))
        assert torch.equal(kept["pixel_values"], values)
        assert torch.equal(kept["image_grid_thw"], grids)


def test_a_picture_is_made_once():
    counted = Counted()
    patches = Patches(counted)
    for seeds in ((0, 1), (1, 0, 1), (2, 1)):
        patches.of(pictures(*seeds))
    assert counted.made == 3


def test_those_asked_for_longest_ago_make_room():
    counted = Counted()
    one = counted.voice._patches(pictures(0))[0].nbytes
    patches = Patches(counted, room=2 * one)
    for seed in (0, 2, 0, 4, 0):
        patches.of(pictures(seed))
    assert counted.made == 3
    assert patches.held == 2 * one
    patches.of(pictures(2))
    assert counted.made == 4

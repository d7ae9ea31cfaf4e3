"""SAM 2's video model, tiny and of random weights: what it is given and what it remembers, not how well it draws."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from framework.errors import ConfigError
from framework.lab.world import World
from framework.reasoners.sam2_decoder import Sam2Decoder
from framework.vision import frames, masks
from framework.vision.sam2_video import Sam2Video, Tracker

VIDEO, WIDTH = World(level="film", split="eval", count=4).task(0).video, 128


def test_what_is_no_sam2_is_refused_with_its_path(tmp_path: Path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ConfigError, match=f"{tmp_path}: holds a bert, not a SAM 2"):
        Sam2Video(path=str(tmp_path)).propagate(VIDEO, 0, [masks.pack(np.ones((VIDEO.height, VIDEO.width), bool))])


def test_several_masks_are_carried_both_ways_as_transformers_carries_them(folder: str):
    dense = np.zeros((3, VIDEO.height, VIDEO.width), bool)
    dense[0, 30:60, 20:90] = dense[2, 70:100, 30:60] = True
    start = [masks.encode(each) for each in dense]
    tracker, short = Tracker(Sam2Video(path=folder)), replace(VIDEO, length=6)
    found = Sam2Video(path=folder).propagate(short, 2, start)
    assert list(found) == [0, 1, 2, 3, 4, 5]
    assert found[2] == tuple(start)
    assert all(masks.area(several[1]) == 0 for several in found.values())

    clip = np.stack([frames.frame(VIDEO, frame) for frame in range(6)])
    session = tracker.processor.init_video_session(video=clip)
    tracker.processor.add_inputs_to_inference_session(session, 2, [0, 1], input_masks=[dense[0], dense[2]])
    for back in (False, True):
        for each in tracker.net.propagate_in_video_iterator(session, 2, reverse=back):
            size = [[VIDEO.height, VIDEO.width]]
            theirs = tracker.processor.post_process_masks([each.pred_masks], size)[0][:, 0].numpy()
            ours = np.stack([masks.decode(found[each.frame_idx][place]) for place in (0, 2)])
            assert each.frame_idx == 2 or np.count_nonzero(theirs != ours) <= 8


@pytest.fixture(scope="module")
def learned(folder: str) -> Any:
    """A policy's decoder, which was a SAM 2's once, and which takes every frame to show the target."""
    weights = Sam2Decoder(path=folder).make()
    with torch.no_grad():
        for value in filter(lambda each: each.requires_grad, weights["mask_decoder"].parameters()):
            value += 0.02 * torch.randn(value.shape, generator=torch.Generator().manual_seed(1))
        weights["mask_decoder"].pred_obj_score_head.proj_out.bias.fill_(100)
    return weights


@pytest.fixture
def tracker(folder: str, monkeypatch: pytest.MonkeyPatch) -> Tracker:
    made = Tracker(Sam2Video(path=folder))
    monkeypatch.setattr("framework.vision.sam2_video._tracker", lambda settings: made)
    return made


SHORT = replace(VIDEO, length=5)
MEANT = torch.linspace(-1, 1, WIDTH)
DRAWN = masks.encode(np.pad(np.ones((30, 40), bool), ((30, 68), (20, 68))))


def test_a_policy_that_draws_is_followed_with_its_token_in_every_frame(folder: str, tracker: Tracker, learned: Any):
    settings, heard = Sam2Video(path=folder), list[torch.Tensor]()
    before = settings.propagate(SHORT, 2, [DRAWN])
    asked = tracker.net.mask_decoder.register_forward_pre_hook(
        lambda _, args, named: heard.append(named["sparse_prompt_embeddings"]), with_kwargs=True
    )
    found = settings.carried(SHORT, 2, DRAWN, learned, MEANT)
    asked.remove()
    assert list(found) == [0, 1, 2, 3, 4]
    assert found[2] == (DRAWN,)
    assert len(heard) == SHORT.length
    assert all(torch.equal(each.flatten(), MEANT) for each in heard)
    other = settings.carried(SHORT, 2, DRAWN, learned, -MEANT)
    assert all(found[frame] != other[frame] for frame in (0, 1, 3, 4))
    assert settings.propagate(SHORT, 2, [DRAWN]) == before, "the video model stays what it was"


def test_without_its_memory_a_followed_frame_is_what_the_policys_own_pen_draws(
    folder: str, tracker: Tracker, learned: Any, monkeypatch: pytest.MonkeyPatch
):
    remembered = tracker.net._prepare_memory_conditioned_features
    forgetful = lambda **named: remembered(**named | {"is_initial_conditioning_frame": True})  # noqa: E731
    monkeypatch.setattr(tracker.net, "_prepare_memory_conditioned_features", forgetful)
    pen = Sam2Decoder(path=folder)
    [seen] = pen.eyes("cpu")([frames.frame(VIDEO, 4)])
    with torch.no_grad():
        features = tuple(level[None] for level in seen)
        logits, _ = pen.draw(learned, features, torch.zeros(1, dtype=torch.long), MEANT[None])
    size = (VIDEO.height, VIDEO.width)
    own = torch.nn.functional.interpolate(logits[:, None], size, mode="bilinear")[0, 0].numpy() > 0
    [mask] = Sam2Video(path=folder).carried(SHORT, 2, DRAWN, learned, MEANT)[4]
    assert 0 < own.sum() < own.size
    assert np.count_nonzero(masks.decode(mask) != own) <= 8


def test_what_was_not_drawn_on_the_keyframe_may_be_found_elsewhere(folder: str, tracker: Tracker, learned: Any):
    nothing = masks.encode(np.zeros((VIDEO.height, VIDEO.width), bool))
    found = Sam2Video(path=folder).carried(SHORT, 2, nothing, learned, MEANT)
    assert found[2] == (nothing,)
    assert any(masks.area(mask) for (mask,) in found.values())


def test_far_memories_are_given_up_and_change_nothing(folder: str, monkeypatch: pytest.MonkeyPatch):
    start = [masks.encode(np.pad(np.ones((30, 40), bool), ((30, 68), (20, 68))))]
    settings = Sam2Video(path=folder)
    whole = settings.propagate(VIDEO, 0, start, [30, 31])
    monkeypatch.setattr("framework.vision.sam2_video.REMEMBERED", 16)
    assert settings.propagate(VIDEO, 0, start, [30, 31]) == whole

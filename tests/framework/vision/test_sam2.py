"""SAM 2 of real make, tiny size and random weights: what it is asked and what comes back, not how well it draws."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from transformers import Sam2VideoConfig, Sam2VideoModel
from transformers.models.sam2.image_processing_sam2 import Sam2ImageProcessor
from transformers.models.sam2_video.configuration_sam2_video import (
    Sam2VideoMaskDecoderConfig,
    Sam2VideoPromptEncoderConfig,
)

from framework.errors import ConfigError, DataError
from framework.lab.world import World
from framework.reasoners.sam2_decoder import Sam2Decoder
from framework.types import Broken
from framework.vision import frames, masks
from framework.vision.boxes import Box, Point
from framework.vision.sam2 import Decoder, Sam2
from framework.vision.sam2_video import Sam2Video, Tracker
from framework.vision.segmenter import Asked, Found, Prompt

TASK = World(level="film", split="eval", count=4).task(0)
VIDEO, SIDE, WIDTH = TASK.video, 128, 128


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One folder for both models, laid out as the published ones are."""
    torch.manual_seed(0)
    backbone = {
        "hidden_size": 16,
        "image_size": [SIDE, SIDE],
        "blocks_per_stage": [1, 1, 2, 1],
        "embed_dim_per_stage": [16, 32, 64, 128],
        "num_attention_heads_per_stage": [1, 1, 2, 2],
        "window_size_per_stage": [4, 4, 4, 4],
        "global_attention_blocks": [3],
    }
    vision = {
        "backbone_config": backbone,
        "backbone_channel_list": [128, 64, 32, 16],
        "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
        "fpn_hidden_size": WIDTH,
    }
    config = Sam2VideoConfig(
        vision_config=vision,
        prompt_encoder_config=Sam2VideoPromptEncoderConfig(hidden_size=WIDTH, image_size=SIDE),
        mask_decoder_config=Sam2VideoMaskDecoderConfig(hidden_size=WIDTH, mlp_dim=64, iou_head_hidden_dim=32),
        image_size=SIDE,
        memory_attention_hidden_size=WIDTH,
        memory_attention_num_layers=1,
        memory_attention_feed_forward_hidden_size=64,
        memory_attention_rope_feat_sizes=[8, 8],
        memory_encoder_hidden_size=WIDTH,
        mask_downsampler_embed_dim=WIDTH,
        memory_fuser_embed_dim=WIDTH,
        memory_fuser_intermediate_dim=64,
        memory_fuser_num_layers=1,
    )
    place = tmp_path_factory.mktemp("sam2")
    Sam2VideoModel(config).save_pretrained(place)
    size = {"height": SIDE, "width": SIDE}
    images = Sam2ImageProcessor(size=size, mask_size={"height": 32, "width": 32})
    videos = transformers.Sam2VideoVideoProcessor(size=size)
    transformers.Sam2VideoProcessor(images, videos).save_pretrained(place)
    return str(place)


def asked(frame: int = 3, *, box: bool = False, points: int = 0, mask: bool = False, token: bool = False) -> Asked:
    space = VIDEO.space(frame)
    dense = np.zeros((VIDEO.height, VIDEO.width), bool)
    dense[30:60, 20:90] = True
    prompt = Prompt(
        box=Box(20, 30, 90, 60, space) if box else None,
        points=tuple(Point(30 + 9 * number, 40, space) for number in range(points)),
        labels=tuple(number % 2 == 0 for number in range(points)),
        mask=masks.pack(dense) if mask else None,
        embedding=tuple(np.linspace(-1, 1, WIDTH).tolist()) if token else (),
    )
    return Asked(VIDEO, frame, prompt)


EVERY = [
    asked(box=True),
    asked(points=1),
    asked(4, points=3),
    asked(box=True, points=2),
    asked(4, mask=True),
    asked(box=True, mask=True),
    asked(token=True),
    asked(5, box=True, token=True),
    asked(box=True),
]


def close(one: Found | Broken, other: Found | Broken) -> bool:
    """Batches may round differently: a pixel or two on an outline may turn."""
    assert isinstance(one, Found)
    assert isinstance(other, Found)
    differ = np.count_nonzero(masks.decode(one.mask) != masks.decode(other.mask))
    return bool(differ <= 4 and abs(one.score - other.score) < 1e-4)


def test_prompts_of_every_kind_are_answered_alike_alone_and_together(folder: str):
    settings = Sam2(path=folder, frames_at_once=2, prompts_at_once=2)
    together = settings.segment(EVERY)
    alone = [settings.segment([each])[0] for each in EVERY]
    assert all(close(*pair) for pair in zip(together, alone, strict=True))
    assert together[0] == together[-1]
    kinds = {masks.decode(each.mask).tobytes() for each in together if isinstance(each, Found)}
    assert len(kinds) >= 6  # what is said matters


def test_boxes_and_points_mean_what_transformers_means_by_them(folder: str):
    model: Any = transformers.Sam2Model.from_pretrained(folder).eval()
    processor: Any = transformers.Sam2Processor.from_pretrained(folder)
    image = frames.frame(VIDEO, 3).copy()
    box, points = [[[20.0, 30.0, 90.0, 60.0]]], [[[[30.0, 40.0], [39.0, 40.0]]]]
    for each, said in (
        (asked(box=True), {"input_boxes": box}),
        (asked(points=2), {"input_points": points, "input_labels": [[[1, 0]]]}),
        (asked(box=True, points=2), {"input_boxes": box, "input_points": points, "input_labels": [[[1, 0]]]}),
    ):
        inputs = processor(images=image, return_tensors="pt", **said)
        with torch.no_grad():
            out = model(**inputs)
        best = int(out.iou_scores[0, 0].argmax())
        theirs = processor.post_process_masks(out.pred_masks, inputs["original_sizes"])[0][0, best].numpy()
        [ours] = Sam2(path=folder).segment([each])
        assert close(ours, Found(masks.pack(theirs), float(out.iou_scores[0, 0, best])))


def test_a_frame_is_encoded_once_for_all_prompts_and_episodes(folder: str):
    decoder = Decoder(Sam2(path=folder, held=2))
    decoder.found([asked(frame, box=True) for frame in (0, 1, 0, 1, 0)])
    decoder.found([asked(frame, points=1) for frame in (1, 0)])
    assert decoder.encoded == 2
    decoder.found([asked(2, box=True)])
    decoder.found([asked(1, box=True)])  # frame 1 was looked at before frame 0, so it was given up
    assert decoder.encoded == 4


def test_a_frame_that_cannot_be_read_is_broken_and_spoils_no_other(folder: str):
    clip = replace(VIDEO, source="/nowhere.mp4")
    away = Asked(clip, 3, Prompt(box=Box(1, 1, 9, 9, clip.space(3))))
    good, broken = Sam2(path=folder).segment([asked(box=True), away])
    assert isinstance(good, Found)
    assert isinstance(broken, Broken)
    assert "/nowhere.mp4" in broken.reason


def test_an_embedding_of_another_width_is_refused(folder: str):
    short = Asked(VIDEO, 3, Prompt(embedding=(1.0, 2.0)))
    with pytest.raises(DataError, match=r"\(frame 3\): the embedding has 2 numbers, this model's tokens 128"):
        Sam2(path=folder).segment([short])


def test_what_is_no_sam2_is_refused_with_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ConfigError, match=f"{tmp_path}: no model can be read there"):
        Sam2(path=str(tmp_path)).segment([asked(box=True)])
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

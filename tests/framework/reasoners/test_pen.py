"""Pens of both kinds: do they learn, what do they look at, how often. SAM 2 is of real make, tiny and random."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from framework.config import typed
from framework.drawing import Drawing, truths
from framework.errors import ConfigError
from framework.lab.scene import COLOURS, SHAPES
from framework.lab.world import World
from framework.reasoners import pen as pens
from framework.reasoners.conv_decoder import outlined
from framework.reasoners.lab import Lab
from framework.reasoners.pen import Pen
from framework.train.drawing.mask_loss import mask_losses
from framework.vision import frames

WORLD = World(level="colour", split="train", count=64)
HIDDEN = 24
CONV = {"decoder": {"use": "conv", "side": 32, "channels": 12}}


def pen(tree: dict[str, Any]) -> Pen:
    return Pen(typed(Drawing, tree))


def state(task: Any) -> torch.Tensor:
    """A hidden state that says what is asked, and nothing of where it is."""
    words = task.question.lower().replace(".", " ").split()
    said = torch.zeros(HIDDEN)
    for place, name in enumerate((*COLOURS, *SHAPES)):
        said[place] = float(name in words)
    return said


def test_a_small_pen_learns_to_draw_the_colour_that_is_meant():
    ours = pen(CONV)
    weights = ours.weights(HIDDEN, "")
    optimizer = torch.optim.AdamW(weights.parameters(), lr=1e-2)
    tasks, losses = [WORLD.task(index) for index in range(16)], list[float]()
    quality = torch.zeros(())
    hidden = torch.stack([state(task) for task in tasks])
    spots = [(task.video, frame) for task in tasks for frame in (0, 3)]
    of = torch.arange(len(tasks)).repeat_interleave(2)
    true = [truths(task, {frame})[frame] for task in tasks for frame in (0, 3)]
    features = ours.features(spots)
    for _ in range(60):
        logits, quality = ours.draw(weights, hidden, features, torch.arange(len(spots)), of)
        loss = mask_losses(logits, true).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.35 < 0.8 < losses[0]
    assert ((quality >= 0.5) & (quality <= 1)).all()
    assert ours.encoded == len(spots)


def test_without_colours_a_pen_sees_where_things_are_and_not_which_is_which():
    picture = np.full((8, 8, 3), 122, np.uint8)
    picture[2:5, 1:3], picture[2:5, 5:7] = COLOURS["red"], COLOURS["blue"]
    other = picture.copy()
    other[2:5, 1:3], other[2:5, 5:7] = COLOURS["yellow"], COLOURS["red"]
    seen = outlined(picture)
    assert (seen == outlined(other)).all()
    assert (seen[..., 0] > 0).sum(0).tolist() == [0, 3, 3, 0, 0, 3, 3, 0]
    assert (seen[3, :, 1] > 0).tolist() == [True, False, True, False, True, False, True, False]
    ours = pen({"decoder": {**CONV["decoder"], "colours": False}})
    spots = [(WORLD.task(0).video, 0)]
    logits, _ = ours.draw(
        ours.weights(HIDDEN, ""), torch.zeros(1, HIDDEN), ours.features(spots), *torch.zeros(2, 1, dtype=torch.long)
    )
    assert logits.shape == (1, 16, 16)


def test_a_frame_is_looked_at_once_while_there_is_room():
    ours = pen({"decoder": {**CONV["decoder"], "held": 3}})
    video = WORLD.task(0).video
    for some in ([0, 1, 0], [1, 2], [0, 2]):
        [found] = ours.features([(video, frame) for frame in some])
        assert found.shape == (len(some), 3, 32, 32)
    assert ours.encoded == 3
    ours.features([(video, frame) for frame in range(4)])
    ours.features([(video, 3)])
    assert ours.encoded == 4
    ours.features([(video, 0)])
    assert ours.encoded == 5


def test_a_pen_is_read_back_as_it_was_written(tmp_path: Path):
    ours = pen(CONV)
    weights = ours.weights(HIDDEN, "", seed=3)
    pens.write(tmp_path, ours.drawing, weights.state_dict())
    again = ours.weights(HIDDEN, str(tmp_path), seed=4).state_dict()
    assert all(torch.equal(value, again[name]) for name, value in weights.state_dict().items())


def test_a_pen_of_another_kind_is_refused(tmp_path: Path):
    ours, other = pen(CONV), pen({"decoder": {"use": "conv", "side": 32, "channels": 8}})
    pens.write(tmp_path, ours.drawing, ours.weights(HIDDEN, "").state_dict())
    with pytest.raises(ConfigError, match=r"'channels': 12.*'channels': 8.*drawing\.decoder"):
        other.weights(HIDDEN, str(tmp_path))
    with pytest.raises(ConfigError, match="another reasoner"):
        ours.weights(HIDDEN + 1, str(tmp_path))


def test_what_is_frozen_does_not_learn():
    weights = pen({**CONV, "freeze": ["projection"]}).weights(HIDDEN, "")
    assert {name.partition(".")[0] for name, value in weights.named_parameters() if value.requires_grad} == {"decoder"}


def test_the_token_must_be_one():
    voice = Lab().voice()
    assert pens.token(voice, typed(Drawing, {**CONV, "token": "</think>"})) == voice.write("</think>")[0]
    with pytest.raises(ConfigError, match=r"drawing.token: '\[SAG\]' is 5 tokens of this reasoner; .*extra_tokens"):
        pens.token(voice, typed(Drawing, {**CONV, "token": "[SAG]"}))


# ---- SAM 2 ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A SAM 2 as it is published, but small."""
    from transformers import Sam2Config, Sam2Model, Sam2Processor
    from transformers.models.sam2.image_processing_sam2 import Sam2ImageProcessor

    torch.manual_seed(0)
    backbone = {
        "hidden_size": 16,
        "image_size": [64, 64],
        "blocks_per_stage": [1, 1, 2, 1],
        "embed_dim_per_stage": [16, 32, 64, 128],
        "num_attention_heads_per_stage": [1, 1, 2, 2],
        "window_size_per_stage": [4, 4, 4, 4],
        "global_attention_blocks": [3],
    }
    vision = {
        "backbone_config": backbone,
        "backbone_channel_list": [128, 64, 32, 16],
        "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
        "fpn_hidden_size": 32,
    }
    small = {"hidden_size": 32, "mlp_dim": 32, "iou_head_hidden_dim": 16, "num_attention_heads": 4}
    config = Sam2Config(
        vision_config=vision, prompt_encoder_config={"hidden_size": 32, "image_size": 64}, mask_decoder_config=small
    )
    place = tmp_path_factory.mktemp("sam2")
    Sam2Model(config).save_pretrained(place)
    size = {"height": 64, "width": 64}
    Sam2Processor(Sam2ImageProcessor(size=size, mask_size={"height": 16, "width": 16})).save_pretrained(place)
    return str(place)


@pytest.fixture(scope="module")
def drawn(folder: str) -> tuple[Pen, Any, torch.Tensor]:
    ours = pen({"decoder": {"use": "sam2", "path": folder, "spots_at_once": 2}})
    return ours, ours.weights(HIDDEN, ""), torch.randn(2, HIDDEN, generator=torch.Generator().manual_seed(1))


VIDEO = WORLD.task(0).video


def test_sam2_draws_an_embedding_as_its_only_prompt(drawn: tuple[Pen, Any, torch.Tensor], folder: str):
    from transformers import AutoProcessor, Sam2Model

    ours, weights, hidden = drawn
    features = ours.features([(VIDEO, 0), (VIDEO, 2)])
    which, of = torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1])
    logits, quality = ours.draw(weights, hidden, features, which, of)
    assert logits.shape == (3, *ours.decoder.grid) == (3, 16, 16)
    net, processor = Sam2Model.from_pretrained(folder).eval(), AutoProcessor.from_pretrained(folder)
    net.mask_decoder.dynamic_multimask_via_stability = False
    image: Any = processor(images=frames.frame(VIDEO, 2).copy(), return_tensors="pt")
    *fine, coarse = net.get_image_embeddings(image["pixel_values"])
    with torch.no_grad():
        low, score, _, _ = net.mask_decoder(
            image_embeddings=coarse,
            image_positional_embeddings=net.get_image_wide_positional_embeddings(),
            sparse_prompt_embeddings=weights["projection"](hidden)[1][None, None, None],
            dense_prompt_embeddings=net.prompt_encoder(None, None, None, None)[1],
            multimask_output=False,
            high_resolution_features=fine,
        )
    torch.testing.assert_close(logits[2], low[0, 0, 0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(quality[2:], score[0, 0], rtol=1e-4, atol=1e-5)


def test_of_sam2_the_prompt_encoder_and_the_mask_decoder_learn_and_no_more(drawn: tuple[Pen, Any, torch.Tensor]):
    ours, weights, hidden = drawn
    logits, _ = ours.draw(weights, hidden, ours.features([(VIDEO, 0)]), torch.zeros(1).long(), torch.zeros(1).long())
    logits.sum().backward()
    moved = {name for name, value in weights.named_parameters() if value.grad is not None and bool(value.grad.any())}
    assert {"projection.0.weight", "decoder.prompt_encoder.no_mask_embed.weight"} <= moved
    assert any(name.startswith("decoder.mask_decoder.transformer") for name in moved)
    still = {name for name, value in weights.named_parameters() if not value.requires_grad}
    assert {name.split(".")[2] for name in still} == {"conv_s0", "conv_s1"}


def test_sam2_draws_alike_while_it_learns_and_while_it_plays(drawn: tuple[Pen, Any, torch.Tensor]):
    ours, weights, hidden = drawn
    one = torch.zeros(1).long()
    features = ours.features([(VIDEO, 1)])
    learning, playing = (ours.draw(way, hidden, features, one, one)[0] for way in (weights.train(), weights.eval()))
    assert torch.equal(learning, playing)

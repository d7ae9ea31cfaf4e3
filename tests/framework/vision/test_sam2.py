"""SAM 2 of real make, tiny size and random weights: what it is asked and what comes back, not how well it draws."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from framework.errors import ConfigError, DataError
from framework.lab.world import World
from framework.types import Broken
from framework.vision import frames, masks
from framework.vision.boxes import Box, Point
from framework.vision.sam2 import Decoder, Sam2
from framework.vision.segmenter import Asked, Found, Prompt

VIDEO, WIDTH = World(level="film", split="eval", count=4).task(0).video, 128


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


def test_where_no_model_lies_is_told(tmp_path: Path):
    with pytest.raises(ConfigError, match=f"{tmp_path}: no model can be read there"):
        Sam2(path=str(tmp_path)).segment([asked(box=True)])

"""The vision bench compares like with like: both sides count the same masks, to the same numbers."""

import numpy as np
import pytest

from framework.bench import outlines, vision
from framework.bench.race import tables
from framework.vision import masks, overlap


def test_j_and_f_of_every_kind_of_pair_are_those_of_vos_benchmark():
    assert outlines.apart(80) <= 1e-9


def test_a_clip_with_empty_frames_is_counted_frame_by_frame():
    drawn, true = outlines.clip(48, 85, 0.2, frames=30)
    assert not drawn.any((1, 2)).all()
    found, expected = outlines.ours(drawn, true), outlines.theirs(drawn, true)
    assert np.array(found) == pytest.approx(np.array(expected), abs=1e-12)


def test_plain_overlap_is_what_bits_say():
    drawn, true = (side.astype(bool) for side in outlines.clip(48, 85, 0.2, frames=30))
    plain = [vision._plain(*pair) for pair in zip(drawn, true, strict=True)]
    assert overlap.iou(list(map(masks.pack, drawn)), list(map(masks.pack, true))) == pytest.approx(np.array(plain))


def test_every_kind_of_clip_is_raced_and_told(monkeypatch):
    small = {name: (height // 4, width // 4, *rest) for name, (height, width, *rest) in outlines.CLIPS.items()}
    monkeypatch.setattr(outlines, "CLIPS", small)
    figures = vision.compared(rounds=1, frames=1, pairs=36)
    assert figures["apart"] <= 1e-9
    assert len(figures["rows"]) == len(small) + 1
    [races] = tables(figures["rows"])
    assert races.row_count == len(small) + 1

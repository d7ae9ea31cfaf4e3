"""Every recipe of real size fits, as far as can be told without weights: data of usual sizes, played by an expert."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from framework.cookbook import names
from framework.data import schema
from framework.data.schema import Clip, Expression, Object
from framework.preflight import preflight
from framework.recipe import find_recipe
from framework.testing import filled
from framework.vision import masks

REAL = [name for name in names() if name.startswith("videoseg_r1/") and filled(name)]
VIDEOS = ("ref_youtube_vos", "mevis", "ref_davis17", "revos")
IMAGES = ("refcoco", "refcoco+", "refcocog", "reason_seg")
SPLITS = ("train", "valid", "valid_u", "val")


def clip(folder: Path, number: int, length: int, width: int, height: int) -> Clip:
    """Two objects, one of which wanders; some expressions are about one of them, some about both."""
    dense = np.zeros((2, length, height, width), bool)
    for frame in range(length):
        dense[0, frame, 100:300, 50 + 5 * frame : 250 + 5 * frame] = True
        dense[1, frame, 320:400, 400:600] = True
    objects = [Object(id=str(each), masks=dict(enumerate(map(masks.encode, dense[each])))) for each in (0, 1)]
    about = [("0",), ("1",), ("0", "1")] * 3
    said = [
        Expression(id=str(place), text="the smaller one, " * 5, objects=each, annotated=tuple(range(length)))
        for place, each in enumerate(about)
    ]
    return Clip(
        id=f"v{number}",
        media="image" if length == 1 else "video",
        frame_root=str(folder),
        frames=tuple(f"{frame:05}.jpg" for frame in range(length)),
        length=length,
        width=width,
        height=height,
        objects=tuple(objects),
        expressions=tuple(said),
    )


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All datasets, prepared, with the same clips of 854 × 480 in each, or images of 640 × 480."""
    home = tmp_path_factory.mktemp("prepared")
    for kind, length, width in ((VIDEOS, 24, 854), (IMAGES, 1, 640)):
        frames, tables = home / f"frames_{width}", home / f"tables_{width}"
        frames.mkdir()
        tables.mkdir()
        for frame in range(length):
            assert cv2.imwrite(str(frames / f"{frame:05}.jpg"), np.full((480, width, 3), frame, np.uint8))
        clips = [clip(frames, number, length, width, 480) for number in range(2)]
        objects = [row for each in clips for row in schema.object_rows(each)]
        expressions = [row for each in clips for row in schema.expression_rows(each, "any", "any", "none")]
        schema.write(tables / "objects.parquet", "objects", objects)
        schema.write(tables / "expressions.parquet", "expressions", expressions)
        for dataset in kind:
            (home / dataset).mkdir()
            for split in SPLITS:
                (home / dataset / split).symlink_to(tables)
    return home


@pytest.mark.parametrize("name", REAL)
def test_nothing_but_the_weights_is_missing(name: str, root: Path):
    given = [f"data.root={root}", "reasoner.path=Qwen/Qwen2.5-VL-7B-Instruct"]
    recipe = find_recipe(name, [*filled(name), *given])
    assert [finding.remedy for finding in preflight(recipe) if finding.remedy] == []

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

REAL = [name for name in names() if name.startswith("videoseg_o3/") and filled(name) and "/eval/" not in name]
"""The benchmarks differ in nothing but their data."""
VIDEOS = (
    *("revos", "mevis", "ref_youtube_vos", "ref_davis17", "ref_sav", "reason_vos", "long_rvos", "groundmore"),
    "timelens",
)
IMAGES = ("refcoco", "refcoco+", "refcocog", "reason_seg")
SPLITS = ("train", "valid", "valid_u", "test")


def clip(folder: Path, number: int, length: int, width: int, height: int) -> Clip:
    """Something that comes, wanders and goes."""
    dense = np.zeros((length, height, width), bool)
    there = range(length // 3, max(2 * length // 3, 1))
    for frame in there:
        dense[frame, 100:300, 50 + 5 * frame : 250 + 5 * frame] = True
    whole = {frame: masks.encode(dense[frame]) for frame in there}
    said = [
        Expression(id=str(each), text="the smaller one, " * 5, objects=("0",), annotated=tuple(range(length)))
        for each in range(9)
    ]
    return Clip(
        id=f"v{number}",
        media="image" if length == 1 else "video",
        frame_root=str(folder),
        frames=tuple(f"{frame:05}.jpg" for frame in range(length)),
        length=length,
        width=width,
        height=height,
        objects=(Object(id="0", masks=whole),),
        expressions=tuple(said),
    )


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared data of every dataset: videos of 854 × 480 with more frames than are shown, or images of 640 × 480."""
    home = tmp_path_factory.mktemp("prepared")
    for kind, length, width in ((VIDEOS, 36, 854), (IMAGES, 1, 640)):
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
    (root / "given").touch()
    given = [change.replace("conversations=given", f"conversations={root / 'given'}") for change in filled(name)]
    recipe = find_recipe(name, [*given, f"data.root={root}", "reasoner.path=Qwen/Qwen3-VL-4B-Instruct"])
    assert [finding.remedy for finding in preflight(recipe) if finding.remedy] == []

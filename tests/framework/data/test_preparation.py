"""A layout becomes two tables: all of it or what can be read of it, in one go or in several."""

import asyncio
import copy
import json
import random
from pathlib import Path

import pytest

from envs.single_turn import SingleTurn
from framework import rows
from framework.commands.data.prepare import told
from framework.data import LAYOUTS, preparation, schema
from framework.data.lab import Lab
from framework.data.layout import Found
from framework.data.mevis import MeViS
from framework.data.preparation import prepare
from framework.data.prepared import Prepared
from framework.data.ref_youtube_vos import RefYouTubeVOS
from framework.errors import DataError, UserError
from framework.lab.world import World
from framework.policy import Scripted
from framework.rollout import play
from framework.vision import masks
from framework.vision.frames import Store

A, B = (2, 3, 12, 9), (8, 5, 20, 25)
NAMES = ["00000", "00001", "00002"]


def lay_out(disk, videos=5):
    """MeViS of some videos, each with one expression that can be read and one that cannot."""
    meta, kept = {}, {}
    for number in range(videos):
        expressions = {
            "0": {"exp": f"dog {number}", "anno_id": [number]},
            "1": {"exp": f"cat {number}", "anno_id": [100 + number]},
        }
        meta[f"v{number}"] = {"frames": NAMES, "expressions": expressions}
        kept[str(number)] = [disk.rle(A), None, disk.rle(B)]
        disk.frames(f"train/JPEGImages/v{number}", [f"{name}.jpg" for name in NAMES])
    disk.json("train/meta_expressions.json", {"videos": meta})
    disk.json("train/mask_dict.json", kept)


def opened(disk):
    return MeViS.opened(disk.root, "train")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_frames_of_a_clip_whose_rate_nobody_knows_are_shown_without_times(disk, out):
    lay_out(disk)
    about = prepare(opened(disk), out)
    assert about["videos without a frame rate"] == 5
    assert any("no frame rate is known of 5 videos" in line for line in told(about, out))
    task = Prepared(root=str(out), dataset="mevis").task(0)
    episode = asyncio.run(play(task, SingleTurn(), Scripted("<answer>[]</answer>")))
    assert [part for part in episode.turns[0].seen.content[1:] if isinstance(part, str)][::2] == [
        "Frame 0: ",
        "Frame 1: ",
        "Frame 2: ",
    ]


def test_what_was_laid_out_can_be_played(disk, out):
    lay_out(disk)
    about = prepare(opened(disk), out)
    source = Prepared(root=str(out), dataset="mevis")
    tasks = [rows.sound(source, row) for row in range(source.size())]
    assert [task.id for task in tasks] == [f"mevis/train/v{number}/0" for number in range(5)]
    assert tasks[3].question == "dog 3"
    assert tasks[3].truth.present == (True, False, True)
    assert [masks.area(mask) for mask in tasks[3].truth.masks.values()] == [60, 0, 240]
    counted = {name: about[name] for name in ("videos", "expressions", "objects", "masks", "left out", "licence")}
    expected = {"videos": 5, "expressions": 5, "objects": 5, "masks": 10, "left out": 5, "licence": "CC BY-NC-SA 4.0"}
    assert counted == expected
    assert about == json.loads((out / "mevis/train/about.json").read_text())


def test_everything_left_out_is_listed_with_its_reason(disk, out):
    lay_out(disk)
    (disk.root / "train/JPEGImages/v2/00001.jpg").unlink()
    about = prepare(opened(disk), out)
    listed = [json.loads(line) for line in (out / "mevis/train/left_out.jsonl").read_text().splitlines()]
    assert len(listed) == about["left out"] == 6
    assert listed[0] == {"video": "v0", "expression": "1", "why": "mask_dict.json has no annotation 100"}
    gone = [each for each in listed if each["video"] == "v2"]
    assert [each["expression"] for each in gone] == ["0", "1"]
    assert gone[0]["why"].endswith("v2: 1 of 3 listed frames are absent, the first 00001")


class Reader(MeViS):
    """Remembers which videos were read."""

    read: list[str]

    def clip(self, video):
        self.read.append(video)
        return super().clip(video)


def test_what_was_broken_off_goes_on_where_it_was(disk, out, monkeypatch):
    monkeypatch.setattr(preparation, "PART", 2)
    lay_out(disk)
    layout = Reader(disk.root, "train")

    def stop(done, of):
        if done == 3:
            raise KeyboardInterrupt

    layout.read = []
    with pytest.raises(KeyboardInterrupt):
        prepare(layout, out, tell=stop)
    assert not (out / "mevis/train/about.json").exists()
    layout.read, told = [], []
    broken = prepare(layout, out, tell=lambda done, of: told.append((done, of)))
    assert layout.read == ["v2", "v3", "v4"]
    assert told == [(2, 5), (3, 5), (4, 5), (5, 5)]
    whole = prepare(layout, out / "whole")
    assert broken == whole
    assert not (out / "mevis/train/parts").exists()
    one, other = (Prepared(root=str(each), dataset="mevis") for each in (out, out / "whole"))
    assert [one.task(row) for row in range(5)] == [other.task(row) for row in range(5)]


def test_nothing_is_done_twice_unless_it_is_wanted_again(disk, out):
    lay_out(disk, videos=2)
    layout = Reader(disk.root, "train")
    layout.read = []
    first = prepare(layout, out)
    assert prepare(layout, out) == first
    assert layout.read == ["v0", "v1"]
    kept = json.loads((disk.root / "train/mask_dict.json").read_text())
    disk.json("train/mask_dict.json", kept | {"100": kept["0"], "101": kept["1"]})
    mended = Reader(disk.root, "train")
    mended.read = []
    assert prepare(mended, out, again=True)["left out"] == 0
    assert prepare(mended, out, limit=1)["videos"] == 1
    assert mended.read == ["v0", "v1", "v0"]


def test_if_nothing_can_be_read_the_first_reasons_are_told_and_mending_helps(disk, out):
    lay_out(disk, videos=2)
    kept = (disk.root / "train/mask_dict.json").read_text()
    disk.json("train/mask_dict.json", {})
    with pytest.raises(
        DataError, match=r"every expression of mevis train was left out:\n +v0 0: mask_dict\.json has no"
    ):
        prepare(opened(disk), out)
    (disk.root / "train/mask_dict.json").write_text(kept)
    assert prepare(opened(disk), out)["expressions"] == 2
    disk.json("train/meta_expressions.json", {"videos": {}})
    with pytest.raises(DataError, match="mevis has no videos in split train"):
        prepare(opened(disk), out)


def test_a_table_that_is_no_table_is_named(disk, out):
    lay_out(disk, videos=1)
    prepare(opened(disk), out)
    path = out / "mevis/train/objects.parquet"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=r"objects\.parquet: is no whole table .*; prepare it again"):
        Prepared(root=str(out), dataset="mevis").size()


def test_a_split_whose_masks_are_kept_on_a_server_has_no_objects(disk, out):
    disk.frames("valid/JPEGImages/a", ["00000.jpg"])
    videos = {"a": {"frames": ["00000"], "expressions": {"0": {"exp": "cat"}}}}
    disk.json("valid/meta_expressions.json", {"videos": videos})
    assert prepare(MeViS.opened(disk.root, "valid"), out)["objects"] == 0
    source = Prepared(root=str(out), dataset="mevis", split="valid")
    assert (source.size(), source.task(0).question, source.task(0).truth.masks) == (1, "cat", {})


def test_a_folder_that_cannot_be_written_is_named(disk, out):
    lay_out(disk, videos=1)
    out.write_text("a file")
    with pytest.raises(UserError, match=r"out/mevis/train.*: Not a directory; make room or rights there"):
        prepare(opened(disk), out)


def test_of_a_folder_with_more_frames_only_those_listed_are_shown(disk, out):
    every = [f"{number:05}" for number in range(11)]
    disk.frames("train/JPEGImages/a", [f"{name}.png" for name in every])
    said = {"0": {"exp": "cat", "obj_id": "1"}}
    videos = {"a": {"frames": every[::5], "expressions": said}}
    disk.json("meta_expressions/train/meta_expressions.json", {"videos": videos})
    disk.numbers("train/Annotations/a/00005.png", (1, A))
    prepare(RefYouTubeVOS.opened(disk.root, "train"), out)
    task = Prepared(root=str(out), dataset="ref_youtube_vos").task(0)
    assert task.video.length == 3
    assert list(task.truth.masks) == [1]
    store = Store()
    assert [int(store.frame(task.video, number)[0, 0, 0]) for number in range(3)] == [0, 50, 100]


def test_the_lab_comes_back_as_the_world_has_it(out):
    prepare(Lab.opened(Path("glance"), "eval"), out, limit=3)
    source, world = Prepared(root=str(out), dataset="lab", split="eval"), World(level="glance", split="eval")
    for number in range(3):
        task, true = source.task(number), world.task(number)
        assert (task.video, task.question, task.truth.kind) == (true.video, true.question, true.truth.kind)
        assert (task.truth.present, task.truth.boxes, task.truth.interval) == (
            true.truth.present,
            true.truth.boxes,
            true.truth.interval,
        )
        assert {frame: mask for frame, mask in task.truth.masks.items() if masks.area(mask)} == true.truth.masks


def test_every_layout_says_its_name_its_splits_and_its_licence():
    assert list(LAYOUTS) == sorted(LAYOUTS)
    assert all(each.name == name and each.splits and each.licence for name, each in LAYOUTS.items())


ODD = (None, 7, -1, 1e300, "x", "", [], [[]], {}, {"size": [30, 40], "counts": "~~"}, [None], True)


def spoiled(given, lots):
    """The same with one thing in it replaced or taken away."""
    if not isinstance(given, dict | list) or not given or lots.random() < 0.1:
        return lots.choice(ODD)
    key = lots.choice(list(given) if isinstance(given, dict) else range(len(given)))
    other = copy.copy(given)
    if lots.random() < 0.1:
        del other[key]
    else:
        other[key] = spoiled(given[key], lots)
    return other


@pytest.mark.parametrize("seed", range(40))
def test_whatever_a_file_holds_it_ends_with_tables_or_with_a_sentence(disk, seed):
    lots = random.Random(seed)
    lay_out(disk, videos=2)
    name = lots.choice(["train/meta_expressions.json", "train/mask_dict.json"])
    disk.json(name, spoiled(json.loads((disk.root / name).read_text()), lots))
    try:
        layout = opened(disk)
    except UserError:
        return
    for video in layout.videos():
        found = preparation.found(layout, video)
        if isinstance(found, Found):
            schema.object_rows(found.clip)
            schema.expression_rows(found.clip, "mevis", "train", "")
        assert found if isinstance(found, list) else [*found.left_out, *found.clip.expressions]

import asyncio
import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from envs.keyframes import Keyframes
from framework import files, record
from framework.errors import DataError, PixelError, UserError
from framework.files import writable
from framework.lab.players import PLAYERS
from framework.lab.world import World
from framework.policy import Scripted
from framework.record import Entry, Record, from_json, line, read, scene, to_json
from framework.rollout import play
from framework.types import (
    Answer,
    Broken,
    Episode,
    Item,
    Malformed,
    Picture,
    RewardBreakdown,
    Role,
    Stop,
    Turn,
    Zoom,
)
from framework.vision.boxes import Box, Interval, Point
from framework.vision.frames import pixels

WORLD = World(count=20)
RULES = Keyframes(max_turns=3)
EARNED = RewardBreakdown(parts={"form": 1.0, "iou": 0.1 + 0.2}, failures={"judge": Broken("no answer")}, total=0.7)


def episode(index: int = 0, policy: str = "expert") -> Episode:
    task = WORLD.task(index)
    return asyncio.run(play(task, RULES, PLAYERS[policy](task, RULES, index)))


def rich() -> Episode:
    """One of everything that can be said."""
    played = episode()
    task, (look, end) = played.task, played.turns
    space = task.video.space(2)
    box = Box(0.1, 2, 1e-17, 4.5, space.part(Box(1, 1, 9, 9, space)).counted_in(32, 32))
    item = Item(box=box, point=Point(1, 2.5, space), negatives=(Point(3, 4, space),))
    answer = Answer(text='</script> "é" \u2028', items=(item,), interval=Interval(0.5, 2.5, "second"))
    crop = Picture(task.video, 2, (28, 28), Role.CROP, box)
    replies = [Malformed("no\naction"), Zoom(2, box), answer]
    turns = [Turn(replace(end.seen, content=("a", crop)), replace(end.said, parsed=parsed)) for parsed in replies]
    other = replace(task.video, source="elsewhere", fps=29.97)
    turns.append(Turn(replace(end.seen, content=(Picture(other, 0, (1, 1)),)), replace(end.said, cut_off=True)))
    return replace(played, turns=(look, *turns), stop=Stop.ERROR, error="the env fell")


def test_an_episode_comes_back_equal() -> None:
    for played in [rich(), *(episode(index, name) for index in range(5) for name in PLAYERS)]:
        sent = json.loads(json.dumps(to_json(played)))
        assert from_json(sent) == played


def test_what_was_read_writes_the_same_bytes(tmp_path: Path) -> None:
    first, second = Record(tmp_path / "a"), Record(tmp_path / "b")
    for index in range(4):
        first.add(episode(index), EARNED, policy="expert", stage="train", group=f"g{index // 2}")
    first.write(Entry(episode=rich()))
    back = read(tmp_path / "a")
    for entry in back.entries:
        second.write(entry)
    assert (tmp_path / "a/episodes.jsonl").read_bytes() == (tmp_path / "b/episodes.jsonl").read_bytes()
    assert back.entries[0].earned == EARNED
    assert [entry.group for entry in back.entries] == ["g0", "g0", "g1", "g1", ""]


def test_an_episode_is_small() -> None:
    assert len(json.dumps(to_json(episode()), separators=(",", ":"))) < 4000


def test_numbers_of_numpy_are_written_as_numbers() -> None:
    played = episode()
    large = replace(played, task=replace(played.task, video=replace(played.task.video, length=np.int64(6))))
    assert json.loads(json.dumps(to_json(large)))["shared"][0][1] == 6


def test_every_distinct_picture_is_stored_once_as_it_was_seen(tmp_path: Path) -> None:
    played = episode()
    written = Record(tmp_path)
    entry = written.add(played)
    assert written.add(played) == entry
    seen = [picture for turn in played.turns for picture in turn.seen.pictures]
    for picture, name in zip(seen, entry.pictures, strict=True):
        image = cv2.imread(str(read(tmp_path).frame(name)))
        assert image is not None
        assert (image[..., ::-1] == pixels(picture)).all()
    names = {path.stem for path in (tmp_path / "frames").iterdir()}
    assert names == {*entry.pictures, entry.scene}


def test_the_scene_is_the_frame_that_was_answered() -> None:
    played = episode()
    assert played.answer is not None
    assert scene(played).frame == played.answer.keyframe
    space = played.task.video.space(4)
    about_box = Answer(items=(Item(box=Box(0, 0, 1, 1, space)),))
    end = replace(played.turns[-1], said=replace(played.turns[-1].said, parsed=about_box))
    assert scene(replace(played, turns=(end,))).frame == 4
    assert scene(replace(played, turns=())).frame in played.task.truth.boxes


def test_a_torn_last_line_is_left_out_and_told_and_writing_goes_on_after_it(tmp_path: Path) -> None:
    written = Record(tmp_path)
    first, second = written.add(episode(0)), written.add(episode(1))
    path = tmp_path / "episodes.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    back = read(tmp_path)
    assert back.entries == (first,)
    assert "line 2 was never finished" in back.torn
    Record(tmp_path).write(second)
    assert read(tmp_path) == replace(back, entries=(first, second), torn="")


def test_a_fresh_record_forgets_what_was_there(tmp_path: Path) -> None:
    for _ in range(2):
        Record(tmp_path, fresh=True).add(episode())
    assert len(read(tmp_path).entries) == 1


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (b"{}\n", r"line 2: is no Entry \(KeyError: 'shared'\)"),
        (b"nonsense\n", "line 2: Expecting value"),
        (
            line(Entry(episode=episode())).replace(b'"stop":"answered"', b'"stop":"asleep"'),
            "'asleep' is not a valid Stop",
        ),
        (line(Entry(episode=episode())).replace(b'"stop"', b'"stopped"'), "KeyError: 'stopped'"),
        (
            line(Entry(episode=episode())).replace(b'"question":"', b'"question":7,"id":"'),
            "7 stands where a str should",
        ),
    ],
)
def test_a_damaged_line_is_named(damage: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "episodes.jsonl").write_bytes(line(Entry(episode=episode())) + damage)
    with pytest.raises(DataError, match=said):
        read(tmp_path)


def test_a_folder_without_a_record_is_a_persons_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"episodes\.jsonl: No such file or directory; give the folder of a run"):
        read(tmp_path)


def test_a_picture_that_is_gone_leaves_no_line(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((48, 64, 3), np.uint8))
    task = replace(WORLD.task(0), video=replace(WORLD.task(0).video, source=str(tmp_path / "b.png"), length=1))
    played = asyncio.run(play(task, RULES, Scripted("hm")))
    with pytest.raises(PixelError, match=r"b\.png: there is no such file"):
        Record(tmp_path).add(played)
    assert read(tmp_path).entries == ()


def test_a_scene_that_is_gone_costs_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: Episode) -> Picture:
        raise PixelError("the server is gone")

    monkeypatch.setattr(record, "scene", gone)
    kept = Record(tmp_path)
    before = replace(episode(), turns=(), stop=Stop.ERROR, error="the server is gone")
    assert [kept.add(each).scene for each in (episode(), before)] == ["", ""]
    assert len(read(tmp_path).entries) == 2


def test_a_folder_that_cannot_be_written_is_told_before_work_starts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/run: .*; make room or rights there, or write elsewhere with --out"):
        writable(tmp_path / "file" / "run")


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    monkeypatch.setattr(files, "LEAST_FREE", free * 2)
    with pytest.raises(UserError, match="MiB are free; make room"):
        writable(tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_disk_that_fills_while_writing_is_told(tmp_path: Path) -> None:
    written = Record(tmp_path)
    written.path.unlink()
    written.path.symlink_to("/dev/full")
    with pytest.raises(UserError, match=os.strerror(errno.ENOSPC)):
        written.write(Entry(episode=episode()))

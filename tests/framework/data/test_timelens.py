"""TimeLens: films and the times of what happens in them, prepared, asked and answered."""

import asyncio
import json
from pathlib import Path

import pytest

from envs.locate import Locate
from framework.data.inspection import inspect
from framework.data.preparation import prepare
from framework.data.prepared import Prepared, tables
from framework.data.timelens import TimeLens
from framework.errors import DataError
from framework.rollout import play
from framework.types import Stop
from framework.vision.boxes import Interval
from rewards.temporal import IntervalIoU


def event(query: str, *spans: list[float]) -> dict[str, object]:
    return {"query": query, "span": list(spans)}


@pytest.fixture
def layout(disk):
    disk.film("video/a/b.mp4", 48)  # two seconds
    lines = [
        {
            "video_path": "a/b.mp4",
            "duration": 2.0,
            "events": [event("a door opens ", [0.5, 1.0]), event("rain", [0, 9])],
        },
        {"video_path": "a/b.mp4", "events": [event("it blinks", [0, 0.2], [1, 1.2]), event("late", [7, 8])]},
        {"video_path": "c.mp4", "events": [event("gone", [0, 1])]},
    ]
    (disk.root / "timelens-100k.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    return TimeLens.opened(disk.root, "train")


def test_a_span_of_seconds_is_the_frames_that_begin_in_it(layout):
    found = layout.clip("a/b.mp4")
    assert [(each.text, each.span) for each in found.clip.expressions] == [
        ("a door opens", (12, 23)),
        ("rain", (0, 47)),
    ]
    assert [(each.expression, each.why.split(",")[0]) for each in found.left_out] == [
        ("2", "it happens 2 times"),
        ("3", "its span"),
    ]


def test_seconds_are_those_of_the_film_and_a_film_of_uneven_times_is_left_out(layout, disk):
    disk.film("video/a/b.mp4", 48, at=[*range(0, 400, 40), *range(480, 2000, 40)])  # one of 25 a second is missing
    assert layout.clip("a/b.mp4").clip.expressions[0].span == (11, 22)
    disk.film("video/a/b.mp4", 48, at=[*range(0, 4000, 200), *range(4000, 5120, 40)])
    with pytest.raises(DataError, match=r"uneven.*: at 9\.\d+ a second, .* shown 1\.\d s from where it is; write"):
        layout.clip("a/b.mp4")


def test_a_line_that_is_none_is_named_and_a_query_may_hold_any_mark(layout, disk):
    good, path = {"video_path": "a.mp4", "events": [event("caf\u0085 \u2028 open", [0, 1])]}, "timelens-100k.jsonl"
    (disk.root / path).write_text(json.dumps(good, ensure_ascii=False) + "\n\n", encoding="utf-8")
    assert TimeLens.opened(disk.root, "train").videos() == ["a.mp4"]
    for bad in (
        b'{"video_path": "a',
        b'{"video_path": "a.mp4"}',
        b"[]",
        b'{"events": ["rain"], "video_path": ""}',
        b"\xe9",
    ):
        (disk.root / path).write_bytes(json.dumps(good).encode() + b"\n" + bad)
        with pytest.raises(DataError, match=r"timelens-100k\.jsonl, line 2: .*; mend the line or leave it out$"):
            TimeLens.opened(disk.root, "train")


def test_an_event_without_a_query_is_left_out_and_none_is_said_not_to_happen(layout, disk, tmp_path: Path):
    lines = [{"video_path": "a/b.mp4", "events": [event(" ", [0, 1]), event("rain", [0, 1])]}]
    (disk.root / "timelens-100k.jsonl").write_text("\n".join(map(json.dumps, lines)))
    about = prepare(TimeLens.opened(disk.root, "train"), tmp_path)
    assert [each["why"] for each in about["left out first"]] == ["says nothing: it has none of query"]
    assert tables(str(tmp_path / "timelens" / "train")).expressions["no_target"][:] == [False]


def test_a_prepared_event_is_a_task_with_a_time_and_no_masks(layout, tmp_path: Path):
    about = prepare(layout, tmp_path)
    assert (about["expressions"], about["left out"]) == (2, 3)
    assert not inspect(tmp_path / "timelens" / "train").findings
    source = Prepared(root=str(tmp_path), dataset="timelens")
    task = source.task(0)
    assert (task.truth.interval, dict(task.truth.masks)) == (Interval(12, 23), {})
    rules = Locate()
    episode = asyncio.run(play(task, rules, rules.expert(task)))
    assert episode.stop is Stop.ANSWERED
    assert IntervalIoU()([episode]) == [1.0]


def test_without_its_list_it_is_not_there(tmp_path: Path):
    with pytest.raises(DataError, match=r"timelens-100k\.jsonl: there is no such file"):
        TimeLens.opened(tmp_path, "train")

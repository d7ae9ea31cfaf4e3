"""Both sides of this bench read the same and say the same; how fast is measured elsewhere."""

import asyncio
from pathlib import Path

import pytest

from framework.reasoners.generator import Generator
from framework.reasoners.sampling import Request
from framework.train.bench import released
from framework.types import Episode, Stop

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # transformers, of PIL


def told(episodes: list[Episode]) -> list[tuple[str, Stop, list[str]]]:
    return [(each.task.id, each.stop, [turn.seen.text + turn.said.text for turn in each.turns]) for each in episodes]


def test_both_read_the_same_and_play_as_long(monkeypatch: pytest.MonkeyPatch):
    course = released.Course(2)
    read: dict[str, list[list[int]]] = {"limner": [], "released": []}
    generate, model = Generator.generate, course.generator.model

    def noted(self: Generator, requests: list[Request]):
        read["limner"] += [list(request.ids) for request in requests]
        return generate(self, requests)

    def anew(input_ids: object, **inputs: object):
        read["released"] += input_ids.tolist()  # pyright: ignore[reportAttributeAccessIssue]

    monkeypatch.setattr(Generator, "generate", noted)
    ours = told(asyncio.run(course.together(2)))
    monkeypatch.setattr(model, "generate", anew)
    assert ours == told(asyncio.run(course.one_by_one(2)))
    assert [len(turns) for _, _, turns in ours] == [2, 2]
    assert sorted(read["limner"]) == sorted(read["released"])


def test_a_small_race_is_told_as_a_table(tmp_path: Path):
    found = released.measure(tmp_path, episodes=2, turns=2, rounds=1)
    assert all(rate > 0 for each in found["episodes_per_second"].values() for rate in each)
    [table] = released.shown({"turns": 2, "episodes_per_second": {"limner": [6.0, 8.0], "released": [2.0, 2.0]}})
    assert list(table.columns[-1].cells) == ["3.50×", "1.00×"]

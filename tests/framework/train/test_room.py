"""Stages side by side: on a CPU as many as are asked for, on devices as many as get devices of their own."""

import pytest

from framework.train import room as rooms
from framework.train.room import room
from framework.training import Cluster

FOUR = Cluster(platform="cuda", nodes=2, gpus_per_node=2)


def test_where_nothing_runs_or_on_a_cpu_there_is_room() -> None:
    assert room("rl", FOUR, [])
    assert room("rl", Cluster(platform="cpu"), [Cluster(platform="cpu")] * 5)


def test_without_a_cluster_each_would_take_the_first_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert not room("rl", FOUR, [FOUR])


@pytest.mark.parametrize(
    ("there", "free", "beside", "fits"),
    [(8, 8, 1, True), (8, 4, 1, True), (8, 8, 2, False), (16, 3, 1, False)],
    ids=["the other has begun", "it has its devices", "both have begun", "strangers have them"],
)
def test_a_cluster_is_asked_for_devices_that_nobody_has_or_is_about_to_take(
    monkeypatch: pytest.MonkeyPatch, there: int, free: int, beside: int, fits: bool
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "somewhere:6379")
    monkeypatch.setattr(rooms, "devices", lambda: (there, free))
    assert room("rl", FOUR, [FOUR] * beside) is fits
    assert not room("cold_start", FOUR, [FOUR] * beside), "they are trained on this machine"

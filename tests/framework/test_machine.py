import os

import pytest

from framework.machine import cores


def test_where_a_system_does_not_say_which_cores_are_ours_all_are(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert cores() == 3

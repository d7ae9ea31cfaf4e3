import pytest

from framework.bench import frames, memory


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory):
    return frames.film(tmp_path_factory.mktemp("bench") / "film.mp4", 220, 224, 112)


def test_both_sides_see_the_same_window_and_ours_decodes_it_once(video):
    row = frames.window(video, episodes=2, turns=2, rounds=1)
    assert (row["decoded"], row["unique"], row["equal"]) == (12, 12, True)
    assert row["ratio"] > 1


def test_the_loop_ticks_while_a_group_shares_its_frames(video):
    row = frames.stall(video, episodes=4, frames=3, group=2)
    assert row["decoded"] == 6
    assert row["beats"] > 1
    assert 0 <= row["p50_ms"] <= row["p99_ms"]


def test_a_group_decodes_no_more_than_one_episode():
    one, two = (memory.main(tasks=3, group=group) for group in (1, 2))
    assert (one["episodes"], two["episodes"]) == (3, 6)
    assert two["decoded"] == 0  # this process has played the same tasks before
    assert two["pictures_mib"] >= one["pictures_mib"]


def test_all_figures_are_shown():
    run = {"group": 1, "episodes": 3, "decoded": 18, "pictures_mib": 1, "peak_mib": 300}
    spent = {"ours": 1.0, "theirs": 30.0}
    figures = {
        "window": {"what": "a picture", "against": "decoding", "microseconds": spent, "ratio": 30.0, "least": 20},
        "loop": {"what": "event loop", "p50_ms": 1.0, "p99_ms": 60.0, "most_ms": 50},
        "memory": {"what": "dry on 3 tasks", "runs": [run]},
    }
    assert [table.row_count for table in frames.shown(figures)] == [1, 1, 1]

from framework.bench import scoring


def test_two_processes_find_what_one_finds(tmp_path):
    row = scoring.row(tmp_path, rounds=1, clips=2, frames=1)
    assert (row["against"], row["least"]) == ("1 process", 1.5)
    assert all(each > 0 for each in row["microseconds"].values())

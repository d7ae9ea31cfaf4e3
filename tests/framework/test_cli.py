"""The command line: quick, quiet about torch, and done with exit codes that programs can read."""

import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from framework.cli import COMMANDS, main

MODULES = {name: importlib.import_module(f"framework.commands.{name}") for name in COMMANDS}
WITHIN: dict[str, dict[str, str]] = {name: each.COMMANDS for name, each in MODULES.items() if hasattr(each, "COMMANDS")}

ROOT = Path(__file__).parents[2]


def test_list_names_what_there_is(capsys: pytest.CaptureFixture[str]):
    assert main(["list", "--json"]) == 0
    there = json.loads(capsys.readouterr().out)
    assert list(there) == ["recipes", "envs", "rewards", "reasoners", "segmenters", "propagators"]
    assert "quickstart" in there["recipes"]
    assert "keyframes" in there["envs"]
    assert "box_iou" in there["rewards"]
    assert "lab" in there["reasoners"]


def test_list_says_a_line_about_each(capsys: pytest.CaptureFixture[str]):
    assert main(["list"]) == 0
    assert "Says positions as 0–1000 over the picture." in capsys.readouterr().out


def test_show_begins_with_the_formula_of_the_reward(capsys: pytest.CaptureFixture[str]):
    assert main(["show", "quickstart", "rewards.place.weight=0.5"]) == 0
    assert capsys.readouterr().out.startswith("# total = 0.1·form + 0.3·moment + 0.5·place\nname: quickstart\n")


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]):
    for argv in (["--help"], ["-h"], []):
        assert main(argv) == 0
        said = capsys.readouterr().out
        assert all(f"  {name} " in said for name in COMMANDS)


@pytest.mark.parametrize(
    "name",
    [
        *(name for name in COMMANDS if name not in WITHIN),
        *(f"{name} {inner}" for name, commands in WITHIN.items() for inner in commands),
    ],
)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as done:
        main([*name.split(), "--help"])
    assert done.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: limner {name}")


def test_a_command_within_a_command_is_found(capsys: pytest.CaptureFixture[str]):
    for name, inside in WITHIN.items():
        for argv in ([name], [name, "--help"]):
            assert main(argv) == 0
            said = capsys.readouterr().out
            assert said.startswith(f"usage: limner {name} COMMAND")
            assert all(f"  {inner} " in said for inner in inside)
    assert main(["reward", "rescroe"]) == 2
    assert capsys.readouterr().err == "limner: reward: no command 'rescroe'; did you mean 'rescore'?\n"


def test_help_comes_at_once_and_without_torch():
    code = (
        "import sys; from framework.cli import main; main(['--help']);"
        "print('torch' in sys.modules, 'pydantic' in sys.modules)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.endswith("False False\n")
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 0.5


def test_options_and_settings_may_stand_in_any_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    argv = ["play", "--out", str(tmp_path), "env.max_turns=2", "quickstart"]
    assert main(argv) == 2  # the first word is the recipe
    assert "no recipe 'env.max_turns=2'" in capsys.readouterr().err
    assert main(["play", "-n", "1", "quickstart", "--out", str(tmp_path), "env.max_turns=2"]) == 0


@pytest.mark.parametrize("policy", ["expert", "hasty", "random", "mixed"])
def test_play_shows_what_was_seen_said_and_earned(policy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["play", "quickstart", "-n", "2", "--policy", policy, "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "Frame 0 (0.0 s): 8×8 overview" in said
    assert "▸ <" in said
    assert "reward " in said
    assert "form 1.00" in said
    assert (tmp_path / "report.html").is_file()
    assert str(tmp_path / "report.html") in said
    assert len((tmp_path / "episodes.jsonl").read_text().splitlines()) == 2


def test_the_same_seed_plays_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    played: list[str] = []
    for seed in ("5", "5", "6"):
        assert main(["play", "quickstart", "--policy", "random", "--seed", seed, "--out", str(tmp_path)]) == 0
        played.append(capsys.readouterr().out)
    assert played[0] == played[1] != played[2]


def test_a_person_is_told_where_the_pictures_lie(tmp_path: Path):
    done = run(
        "play", "quickstart", "-n", "1", "--policy", "human", "--out", str(tmp_path), said="<answer>nowhere</answer>\n"
    )
    assert done.returncode == 0, done.stderr
    assert "answered" in done.stdout
    pictures = list((tmp_path / "seen").rglob("*.png"))
    assert pictures
    assert all(str(picture) in done.stdout for picture in pictures)


def test_a_person_is_told_how_to_reply_and_why_a_reply_could_not_be_read(tmp_path: Path):
    done = run("play", "quickstart", "-n", "1", "--policy", "human", "--out", str(tmp_path), said="<answer>{\n")
    first, *_ = done.stdout.splitlines()
    assert first.startswith("reply with <select>…</select> or <answer>…</answer>, as framework/chat/grammar.py has")
    assert first.endswith("places are said as 0–32 over the picture")
    assert "malformed (<answer> is never closed)" in done.stdout


def test_a_person_who_is_not_there_is_missed(tmp_path: Path):
    done = run("play", "quickstart", "--policy", "human", "--out", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == (
        "limner: --policy human: nobody answers; play where you can type, or take a scripted player\n"
    )


def test_ctrl_c_ends_a_game_at_once(tmp_path: Path):
    argv = [sys.executable, "-m", "framework.cli", "play", "quickstart", "--policy", "human", "--out", str(tmp_path)]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as game:
        assert game.stdout is not None
        assert game.stderr is not None
        seen = b""
        while "▸".encode() not in seen and (more := os.read(game.stdout.fileno(), 4096)):
            seen += more
        time.sleep(0.3)  # nobody is as quick as a pipe: until it reads, a game does not notice
        game.send_signal(signal.SIGINT)
        assert game.wait(timeout=10) == 130
        assert game.stderr.read() == b"limner: stopped\n"


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").write_text("in the way")
    assert main(["play", "quickstart", "--out", str(tmp_path / "file" / "run")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert str(tmp_path / "file") in said.err


def test_dry_tells_what_each_reward_is_worth(capsys: pytest.CaptureFixture[str]):
    assert main(["dry", "quickstart", "-n", "16"]) == 0
    said = capsys.readouterr().out
    assert "16 episodes of 2 tasks, played by mixed" in said
    assert "further observations" in said
    assert "MiB" in said
    assert "constant" in next(line for line in said.splitlines() if line.startswith(" form"))
    assert "groups that agree" in said


def test_next_to_nothing_below_zero_is_nothing():
    from framework.commands import dry

    assert dry._spread([-1e-9, -1e-9]) == ("0.000", "0.000", "0.000")


def test_a_port_that_is_none_is_told(capsys: pytest.CaptureFixture[str]):
    assert main(["serve", "quickstart", "--port", "80000"]) == 2
    assert (
        "argument --port: '80000' will not do; it should be a whole number from 0 to 65535" in capsys.readouterr().err
    )


def test_dry_ends_with_the_tensors_a_trainer_would_get(capsys: pytest.CaptureFixture[str]):
    assert main(["dry", "quickstart", "-n", "16", "--policy", "expert"]) == 0
    _, _, table = capsys.readouterr().out.partition("tensors of an episode")
    heads, *rows = filter(None, map(str.split, table.splitlines()))
    assert heads == ["prompt", "response", "mask", "positions", "pictures", "pixels"]
    assert len(rows) == 2
    for _, prompt, response, said, _, of, positions, pictures, pixels in rows:
        assert of == response
        assert positions == f"4×{int(prompt) + int(response)}"
        assert 0 < int(said) < int(response)
        assert (pictures, pixels) == ("7", f"{6 * 4 + 64}×48")  # patches of 4×4 pixels: 6 of 8×8, then one of 32×32


BARE = """
import shutil, sys
from pathlib import Path
from framework.cli import main
from framework.recipe import find_recipe
whole, bare = find_recipe("quickstart", ["reasoner.grounding=0"]).reasoner.folder(), sys.argv[1]
shutil.copytree(whole, bare, ignore=shutil.ignore_patterns("*.safetensors"))
code = main(["dry", "quickstart", "-n", "8", f"reasoner.path={bare}"])
print(code, [name for name in ("verl", "ray") if name in sys.modules])
"""


def test_dry_needs_neither_weights_nor_verl_nor_ray(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", BARE, str(tmp_path / "bare")], capture_output=True, text=True, cwd=ROOT
    )
    assert "4×113" in done.stdout, done.stderr
    assert done.stdout.endswith("0 []\n")


def test_dry_without_torch_says_so_and_tells_the_rest():
    code = "import sys; sys.modules['torch'] = None; from framework.cli import main; print(main(['dry', 'quickstart']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    *rest, last, exit = done.stdout.splitlines()
    assert "groups that agree" in "".join(rest)
    assert last == "the exact tensors are left out: they need torch, which is not installed (uv sync)"
    assert (exit, done.stderr) == ("0", "")


def test_dry_downloads_nothing_and_refuses_a_folder_that_is_not_there(capsys: pytest.CaptureFixture[str]):
    said = ["dry", "quickstart", "-n", "8"]
    assert main([*said, "reasoner={use: qwen3_vl, path: nobody/has-such-a-model}"]) == 0
    assert "reasoner.path: nobody/has-such-a-model cannot be read" in capsys.readouterr().out
    assert main([*said, "reasoner={use: qwen3_vl, path: ./ghost}"]) == 2
    assert "reasoner.path: ./ghost cannot be read" in capsys.readouterr().err


def test_dry_counts_rows_that_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["dry", "quickstart", "-n", "8", "--policy", "expert", "data.faulty=skip"]) == 0
    assert "left out" not in capsys.readouterr().out


def test_view_draws_the_page_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["play", "quickstart", "-n", "1", "--out", str(tmp_path)]) == 0
    (tmp_path / "report.html").unlink()
    assert main(["view", str(tmp_path)]) == 0
    assert (tmp_path / "report.html").is_file()
    assert str(tmp_path / "report.html") in capsys.readouterr().out


def test_doctor_knows_the_machine_and_every_package(capsys: pytest.CaptureFixture[str]):
    assert main(["doctor"]) in (0, 2)
    said = capsys.readouterr().out
    assert all(
        f" {what} " in said for what in ("python", "cores", "memory", "disk", "cuda", "torch", "verl", "pydantic")
    )


def test_a_reader_who_leaves_early_is_no_error():
    shell = f"{sys.executable} -m framework.cli show quickstart | head -n 1"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, cwd=ROOT, check=True)
    assert (done.stdout.count("\n"), done.stderr) == (1, "")


def test_a_reward_that_raises_is_told_with_its_place(tmp_path: Path):
    (tmp_path / "mine.py").write_text(
        "from framework.reward import Reward\n\n"
        "class Mine(Reward):\n    def __call__(self, episodes):\n        return 1 / 0\n"
    )
    done = run("dry", "quickstart", "rewards.mine=mine:Mine", path=tmp_path)
    assert done.returncode == 2
    assert "rewards.mine: " in done.stderr
    assert "mine.py:5: ZeroDivisionError" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(MODULES["list"], "run", lambda said: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["list"])


def run(*argv: str, said: str = "", path: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, path)))}
    command = [sys.executable, "-m", "framework.cli", *argv]
    return subprocess.run(command, input=said, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60)

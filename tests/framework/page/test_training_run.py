"""The page of a whole training run: scripted players stand in for the models."""

import asyncio
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs.keyframes import Keyframes
from framework.advantage import grpo
from framework.commands.view import view
from framework.errors import DataError, UserError
from framework.evaluation.arena import Arena, gain, play_all
from framework.evaluation.standings import row, write
from framework.lab.players import PLAYERS, mixed
from framework.lab.world import World
from framework.player import Player
from framework.record import Record
from framework.rubric import Rubric
from rewards.box import BoxIoU
from rewards.form import WellFormed

RULES, RUBRIC = Keyframes(), Rubric({"form": WellFormed(weight=0.1), "place": BoxIoU()})
TASKS = [World(count=8).task(number) for number in range(8)]
WHO: dict[str, Player] = {
    "expert": PLAYERS["expert"],
    "cold_start": PLAYERS["random"],
    "rl": partial(mixed, share=0.3),
    "blanked": PLAYERS["random"],
    "cold_start_blanked": PLAYERS["random"],
}


def games(name: str, rounds: int = 1, tasks: int = 8):
    return asyncio.run(play_all(TASKS[:tasks], Arena(RULES, RUBRIC, "place"), WHO[name], rounds))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "quickstart"
    folder.mkdir(parents=True)
    greedy = {name: games(name) for name in WHO}
    models = ("cold_start", "rl")
    rows = {name: row(TASKS, each, games(name, 2) if name in models else None) for name, each in greedy.items()}
    found = gain(greedy["rl"].scores(), greedy["cold_start"].scores())
    write(folder / "eval.json", "place", 0, TASKS, rows, {"greedy": found, "sampled": found})

    record = Record(folder / "eval")
    for name in ("expert", *models):
        for episode, earned in zip(greedy[name].rounds[0], greedy[name].rewards[0], strict=True):
            record.add(episode, earned, policy=name, stage="eval")
    record = Record(folder / "train")
    for step in (1, 20):
        group = games("cold_start", rounds=4, tasks=1)
        earned = [each for [each] in group.rewards]
        advantages = grpo(np.array([each.total for each in earned]), ["one"] * 4)
        for [episode], each, advantage in zip(group.rounds, earned, advantages, strict=True):
            record.add(episode, each, policy="rl", stage=f"rl step {step}", advantage=float(advantage))

    lines: list[dict[str, Any]] = [{"stage": "cold_start", "step": at, "loss": 1 / at} for at in range(1, 41)]
    lines += [
        {"stage": "rl", "step": at, "reward/mean": 0.5, "reward/form/mean": 1.0, "reward/place/mean": 0.4}
        | {"advantage/zero_groups": 0.1, "logprob_gap/max": 1e-6 * at, "time/step_s": 1.5, "eval/reward/mean": None}
        for at in range(1, 31)
    ]
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return folder


def sections(page: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.DOTALL)
    assert found
    return {each["draw"]: each for each in json.loads(found[1])["sections"]}


def test_a_training_run_is_told_from_its_headline_to_its_episodes(run: Path) -> None:
    told = sections(view(run))
    assert list(told) == ["headline", "curves", "tables", "pairs", "groups", "episodes"]
    assert "over 8 held-out tasks went from" in told["headline"]["sentence"]
    panels = {panel["title"]: panel["facets"] for panel in told["curves"]["panels"]}
    assert {title: [facet["stage"] for facet in facets] for title, facets in panels.items()} == {
        "Reward": ["rl"],
        "Its parts": ["rl"],
        "Settled groups": ["rl"],
        "Imitation": ["cold_start"],
        "Rollout and trainer": ["rl"],
        "Time": ["rl"],
    }
    assert [each["name"] for each in panels["Its parts"][0]["series"]] == ["form", "place"]


def test_tampered_eyes_are_held_against_the_policy_they_belong_to(run: Path) -> None:
    players, eyes = sections(view(run))["tables"]["tables"]
    scores = {name: float(score["text"]) for name, score, *_ in players["rows"]}
    assert list(scores) == ["expert", "cold_start", "rl"]
    lost = {name: (float(score["text"]), float(loss.replace("−", "-"))) for name, score, loss, *_ in eyes["rows"]}
    grey, early = (lost[f"{name}, shown grey where it looked"] for name in ("rl", "cold_start"))
    assert grey[1] == pytest.approx(grey[0] - scores["rl"], abs=2e-3)
    assert early[1] == pytest.approx(early[0] - scores["cold_start"], abs=2e-3)


def test_pairs_are_the_same_task_before_and_after(run: Path) -> None:
    page = view(run)
    [text] = re.findall(r'id="data">(.*?)</script>', page.read_text(), re.DOTALL)
    episodes, told = json.loads(text)["episodes"], sections(page)["pairs"]
    assert len(told["pairs"]) == 8
    for pair in told["pairs"]:
        early, late = (episodes[place] for place in pair["episodes"])
        assert (early["task"], early["policy"], late["policy"]) == (late["task"], "cold_start", "rl")
        assert pair["scores"] == [pytest.approx(each["parts"]["place"], abs=1e-4) for each in (early, late)]
    change = [after - before for before, after in (pair["scores"] for pair in told["pairs"])]
    assert told["lists"]["gained most"][0] == int(np.argmax(change))
    assert told["lists"]["worst"][0] == int(np.argmin([pair["scores"][1] for pair in told["pairs"]]))


def test_groups_come_by_step_with_the_best_episode_first(run: Path) -> None:
    page = view(run)
    [text] = re.findall(r'id="data">(.*?)</script>', page.read_text(), re.DOTALL)
    episodes = json.loads(text)["episodes"]
    told = sections(page)["groups"]["groups"]
    assert [each["stage"] for each in told] == ["rl step 1", "rl step 20"]
    for group in told:
        advantages = [episodes[place]["advantage"] for place in group["episodes"]]
        assert len(advantages) == 4
        assert advantages == sorted(advantages, reverse=True)


def test_what_is_not_there_yet_is_not_drawn(run: Path) -> None:
    (run / "eval.json").unlink()
    told = sections(view(run))
    assert "pairs" not in told
    assert told["headline"]["sentence"].endswith("held-out tasks have not been played yet.")
    assert told["table"]["rows"][0][:2] == ["eval · expert", "8"]
    for line in (run / "eval" / "episodes.jsonl", run / "train" / "episodes.jsonl"):
        line.unlink()
    assert list(sections(view(run))) == ["headline", "curves"]
    (run / "metrics.jsonl").unlink()
    with pytest.raises(UserError, match=r"holds no episodes\.jsonl, metrics\.jsonl or eval\.json; give the folder of"):
        view(run)


def test_an_evaluation_that_cannot_be_read_says_where_and_what_to_do(run: Path) -> None:
    (run / "eval.json").write_text('{"policies": {"rl": {}}}')
    with pytest.raises(DataError, match=r"eval\.json: KeyError: 'score'; `limner eval RECIPE` writes it anew"):
        view(run)


READER = """
const count = (what) => document.querySelectorAll(what).length;
const seen = [count(".panel svg path.strong"), count(".scatter circle")];
const panel = document.querySelector(".panel"), drawing = panel.querySelector("svg");
const { left, top, width } = drawing.getBoundingClientRect();
drawing.dispatchEvent(new PointerEvent("pointermove", { clientX: left + width * 0.99, clientY: top + 9 }));
seen.push(panel.querySelector(".say").innerText.replaceAll("\\n", " "));
document.querySelectorAll(".scatter circle")[2].dispatchEvent(new MouseEvent("click"));
seen.push(count(".pair"), count(".pair .side"));
seen.push(count(".card"), [...document.querySelectorAll(".groups .chip")].map((each) => each.innerText).join(", "));
document.querySelector(".card").click();
seen.push(count("dialog[open] .episode"));
[...document.querySelectorAll(".episodes .chip")].find((each) => each.innerText.startsWith("eval")).click();
seen.push(document.querySelector(".episodes .push").innerText);
document.body.setAttribute("data-seen", seen.join("|"));
"""


def test_a_reader_looks_at_curves_pairs_and_groups(run: Path, drawn: Callable[..., str]) -> None:
    [seen] = re.findall('data-seen="([^"]*)"', drawn(view(run), READER))
    curves, points, said, pairs, sides, cards, steps, whole, left = seen.split("|")
    assert (curves, points) == ("7", "8")
    assert said == "step 30 0.5"
    assert (pairs, sides) == ("1", "2")
    assert (cards, steps) == ("4", "rl step 1, rl step 20")
    assert (whole, left) == ("1", "8 of 32 episodes")


def test_the_marks_of_an_axis_are_told_apart(run: Path, drawn: Callable[..., str]) -> None:
    lines = [{"stage": "cold_start", "step": at, "loss": 6.26 - 0.01 * at} for at in (1, 2)]
    (run / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    reader = """
const marks = [...document.querySelectorAll('.panel text[text-anchor="end"]')].map((each) => each.textContent);
document.body.setAttribute("data-seen", marks.filter((each) => each.includes(".")).join("|"));
"""
    [seen] = re.findall('data-seen="([^"]*)"', drawn(view(run), reader))
    marks = seen.split("|")
    assert len(marks) > 2
    assert len({*marks}) == len(marks)

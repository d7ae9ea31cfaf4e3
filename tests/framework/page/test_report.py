import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from envs.keyframes import Keyframes
from envs.locate import Locate
from envs.target import Target
from envs.zoom import Zooming
from framework.commands.view import view
from framework.env import Rules
from framework.lab.world import World
from framework.page import images, report, storyboard
from framework.policy import Policy, Scripted
from framework.record import Record
from framework.rollout import play
from framework.sampler import Hierarchical
from framework.types import Broken, Episode, Malformed, RewardBreakdown, Stop, Task
from framework.vision import masks
from framework.vision.plan import Look

WORLD = World(count=20)
HOSTILE = "</script><script>document.title = 'owned'</script><img src=x onerror=alert(1)>{{data}} & <!-- \u2028 \u202e"
SELECT = '<select>{"start": 1, "end": 3, "keyframe": 2}</select>'
ZOOM = '<zoom>{"frame": 2, "bbox_2d": [0, 0, 500, 500]}</zoom>'
ANSWER = '<answer>{"keyframe": 2, "bbox_2d": [250, 250, 500, 750]}</answer>'
Drawn = Callable[..., str]


def played(rules: Rules, *lines: str, index: int = 0) -> Episode:
    return asyncio.run(play(WORLD.task(index), rules, Scripted(*lines)))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "quickstart" / "play"
    record = Record(folder)
    good = RewardBreakdown(parts={"form": 1.0, "iou": 0.25}, total=0.625)
    bad = RewardBreakdown(parts={"form": 0.0}, failures={"iou": Malformed("no action")}, total=0.0)
    lost = RewardBreakdown(parts={}, failures={"episode": Broken("fell")}, total=None)
    record.add(played(Zooming(inner=Keyframes(), max_turns=3), SELECT, ZOOM, ANSWER), good, policy="rl")
    record.add(played(Keyframes(), HOSTILE, index=1), bad, policy="rl")
    record.add(replace(played(Keyframes(), SELECT), stop=Stop.ERROR, error="fell"), lost, policy="expert")
    return folder


def data(page: Path) -> storyboard.Board:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.DOTALL)
    assert found
    return json.loads(found[1])


def test_a_page_holds_every_episode_and_needs_nothing_else(run: Path) -> None:
    page = view(run)
    assert page == run / "report.html"
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page.read_text())
    said = data(page)
    assert said["name"] == "quickstart / play"
    episodes = said["episodes"]
    assert [each["stop"] for each in episodes] == ["answered", "malformed", "error"]
    pictures = [part for each in episodes for turn in each["turns"] for part in turn["seen"] if isinstance(part, dict)]
    assert len(pictures) > len(said["images"])  # each once
    assert all(said["images"][part["image"]].startswith("data:image/png;base64,") for part in pictures)


def test_marks_are_counted_in_original_pixels_of_their_frame(run: Path) -> None:
    first = data(view(run))["episodes"][0]
    look, zoom, answer = first["turns"]
    assert (look["interval"], look["keyframe"]) == ([1, 3], 2)
    assert zoom["marks"] == [{"frame": 2, "kind": "zoom", "at": [0, 0, 32, 32]}]
    crop = answer["seen"][1]
    assert (crop["region"], crop["part"]) == ([0, 0, 32, 32], True)
    assert answer["marks"] == [{"frame": 2, "kind": "box", "at": [8, 8, 16, 24]}]
    assert first["scene"]["frame"] == 2


def test_a_reply_cannot_leave_its_place(run: Path) -> None:
    text = view(run).read_text()
    assert text.count("</script>") == 3
    assert data(run / "report.html")["episodes"][1]["turns"][0]["reply"] == HOSTILE


def test_what_is_no_number_is_left_empty() -> None:
    assert report.embedded({"a": [float("nan"), 1.5, float("inf")], 3: "<"}) == '{"a":[null,1.5,null],"3":"\\u003c"}'


def test_each_player_has_a_row(run: Path) -> None:
    table = data(view(run))["sections"][0]
    assert table["columns"] == ["player", "episodes", "turns", "answered", "form", "iou", "total"]
    assert table["rows"] == [
        ["rl", "2", "2.0", "50%", "0.500", "0.250", "0.312"],
        ["expert", "1", "3.0", "0%", "–", "–", "–"],
    ]


def test_the_page_says_what_it_lacks(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = (run / "episodes.jsonl").read_bytes()
    (run / "episodes.jsonl").write_bytes(line + b'{"torn')
    next((run / "frames").iterdir()).unlink()
    monkeypatch.setattr(images, "BUDGET", 0)
    said = data(view(run, run / "elsewhere"))
    assert [re.sub(r"^\S+: |\d+", "", note) for note in said["notes"]] == [
        "line  was never finished and is left out",
        " pictures are too many to carry and are read from the files beside the page",
        " pictures are missing from the folder of frames",
    ]
    assert all((run / "elsewhere" / source).is_file() for source in said["images"])


def test_a_large_picture_travels_light(tmp_path: Path) -> None:
    import cv2

    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    (tmp_path / "frames").mkdir()
    cv2.imwrite(str(tmp_path / "frames" / "a.png"), noise)
    found = images.Images([tmp_path / "frames"], tmp_path)
    assert found("a") == found("a") == 0
    assert found.sources[0].startswith("data:image/webp")
    assert found("b") is None


def test_a_mask_is_drawn_by_bars_that_cover_it_exactly() -> None:
    dense = np.zeros((6, 8), bool)
    dense[1:3, 2:5] = dense[4, 3] = dense[5, 7] = True
    drawn = storyboard.outline(masks.encode(dense), width=16)
    assert drawn["scale"] == 2
    bars = re.findall(r"M(\d+) (\d+)h(\d+)v(\d+)h-\d+z", drawn["path"])
    again = np.zeros_like(dense)
    for x, y, wide, high in (map(int, bar) for bar in bars):
        assert not again[y : y + high, x : x + wide].any()
        again[y : y + high, x : x + wide] = True
    assert (again == dense).all()


def test_a_fine_mask_is_drawn_no_finer_than_needed() -> None:
    dense = np.zeros((480, 854), bool)
    dense[100:300, 200:500] = True
    drawn = storyboard.outline(masks.encode(dense), width=854)
    assert (drawn["path"], drawn["scale"]) == ("M33 17h50v33h-50z", 6)


def test_a_browser_draws_the_page_without_an_error(run: Path, drawn: Drawn) -> None:
    text = drawn(view(run))
    assert text.count('<article class="episode">') == 3
    assert text.count('class="mark zoom"') == 1
    assert "<title>quickstart / play · limner</title>" in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text


READER = """
const chip = (word) => [...document.querySelectorAll("button.chip")].find((each) => each.innerText.startsWith(word));
const there = () => [...document.querySelectorAll("article .where")].map((each) => each.textContent[1]).join("");
const seen = [there()];
chip("malformed").click(); seen.push(there());
chip("malformed").click(); chip("expert").click(); seen.push(there());
chip("expert").click();
const [part, order] = document.querySelectorAll("select"), change = () => new Event("change");
order.value = "most reward first"; order.dispatchEvent(change()); seen.push(there());
order.value = "least reward first"; order.dispatchEvent(change()); seen.push(there());
const bars = document.querySelector(".histogram").children;
bars[0].click(); seen.push(there());
bars[0].click(); seen.push(there());
part.value = "iou"; part.dispatchEvent(change());
document.querySelector(".histogram").children[6].click(); seen.push(there());
document.querySelector(".histogram").children[6].click();
const search = document.querySelector("input[type=search]");
search.value = "OWNED"; search.dispatchEvent(new Event("input")); seen.push(there());
search.value = "nothing says this"; search.dispatchEvent(new Event("input")); seen.push(there());
chip("true mask").click(); seen.push(document.body.className);
document.body.setAttribute("data-seen", seen.join(" "));
"""


def test_a_reader_can_filter_sort_and_search(run: Path, drawn: Drawn) -> None:
    [seen] = re.findall('data-seen="([^"]*)"', drawn(view(run), READER))
    assert seen.split(" ") == ["123", "13", "12", "123", "213", "2", "213", "1", "2", "", "hide-mask"]


# ---- what a sampler asked --------------------------------------------------------------------------------------------

ASKS = Hierarchical(
    interval=Locate(look=Look(frames=6)), position=Locate(asked="position", look=Look(frames=4)), replies=2, share=0.5
)
REPLIES = {
    ("interval", 0): '<answer>{"start": 4, "end": 9}</answer>',
    ("interval", 1): '<answer>{"start": 6, "end": 9}</answer>',
    ("position", 0): "<answer>20</answer>",
    ("position", 1): "<answer>somewhere</answer>",
}


def sought(task: Task) -> Episode:
    """A game that two replies to each question of a sampler have led to."""
    told: Counter[str] = Counter()

    def player(task: Task, rules: Rules, seed: int) -> Policy:
        assert isinstance(rules, Locate)
        told[rules.asked] += 1
        return Scripted(REPLIES[rules.asked, told[rules.asked] - 1])

    focus = asyncio.run(ASKS.focus(task, player, 0))
    task = replace(task, focus=focus)
    return asyncio.run(play(task, Target(), Scripted("<answer>[]</answer>")))


def test_the_way_of_a_sampler_is_drawn_on_the_time_line(tmp_path: Path, drawn: Drawn) -> None:
    record = Record(tmp_path / "play")
    record.add(sought(World(level="order", count=1).task(0)), policy="rl")
    record.add(played(Keyframes(), SELECT), policy="rl")
    first, second = data(view(tmp_path / "play"))["episodes"]
    assert second["focus"] is None
    assert (first["focus"]["segment"], first["focus"]["target"]) == ([5, 9], 6)
    interval, position = first["focus"]["asked"]
    assert interval == {
        "seen": [0, 2, 4, 6, 8, 11],
        "stretches": [[4, 9], [6, 9]],
        "frames": [],
        "unread": 0,
        "replies": [REPLIES["interval", 0], REPLIES["interval", 1]],
    }
    assert (position["seen"], position["stretches"], position["frames"], position["unread"]) == (
        [5, 6, 7, 9],
        [],
        [6],
        1,
    )
    text = drawn(tmp_path / "play" / "report.html")
    assert [text.count(each) for each in ("<span>asked 1</span>", "<span>asked 2</span>", "<span>looks at</span>")] == [
        1
    ] * 3
    assert (text.count('class="band reply"'), text.count('class="key reply"'), text.count('class="band focus"')) == (
        2,
        1,
        1,
    )

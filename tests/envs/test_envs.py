import asyncio
import random
from dataclasses import replace

import pytest

from envs import ENVS
from envs.by_dataset import ByDataset
from envs.gymnasium import Gymnasium
from envs.keyframes import Keyframes
from envs.locate import Locate
from envs.remote import Remote
from envs.single_turn import SingleTurn
from envs.target import Target
from envs.zoom import Zooming
from framework.env import Rules, Sight, expert_of
from framework.policy import Scripted
from framework.rollout import play
from framework.testing import check_env
from framework.types import Answer, Role, Stop, Task, Truth, Video, Zoom
from framework.vision.boxes import Box, Interval
from framework.vision.plan import Look

CLIP = Video("clip", length=8, width=64, height=48, fps=2.0)
BOXES = {frame: (Box(10, 10, 30 + frame, 30, CLIP.space(frame)),) for frame in (3, 4, 5)}
TASK = Task(
    id="t",
    question="Where is it?",
    video=CLIP,
    truth=Truth(present=tuple(f in BOXES for f in range(8)), boxes=BOXES, interval=Interval(3, 5)),
)
PHOTO = Task(
    id="p",
    question="Where is it?",
    video=Video("photo", length=1, width=640, height=480),
    truth=Truth(present=(True,), boxes={0: (Box(100, 100, 200, 200, Video("photo", 1, 640, 480).space(0)),)}),
)
GAMES: list[Rules] = [
    Keyframes(),
    Keyframes(sight=Sight(unit=32, coordinates="pixels"), on_malformed="ask_again"),
    SingleTurn(),
    Target(),
    Zooming(inner=Keyframes(), max_turns=4),
    Zooming(sight=Sight(unit=28, coordinates="pixels"), max_turns=3),
    ByDataset(others=Keyframes()),
]


@pytest.mark.parametrize("rules", GAMES, ids=lambda rules: type(rules).__name__)
@pytest.mark.parametrize("task", [TASK, PHOTO], ids=["clip", "photo"])
def test_every_game_keeps_the_contract_and_its_expert_is_right(rules: Rules, task: Task) -> None:
    answer = check_env(rules, task).answer
    assert answer is not None
    box = answer.items[0].box
    assert box is not None
    frame = int(box.space.picture.rpartition("#")[2])
    assert box.iou(task.truth.boxes[frame][0]) > 0.9


def test_an_expert_who_must_say_it_in_words_looks_where_the_truth_is_first() -> None:
    task = replace(TASK, truth=Truth(answer="B", interval=Interval(3, 5)))
    episode = check_env(Keyframes(), task)
    assert [turn.said.text for turn in episode.turns] == [
        '<select>{"start": 3, "end": 5, "keyframe": 4}</select>',
        "<answer>B</answer>",
    ]
    assert len(check_env(Keyframes(max_turns=1), task).turns) == 1


def test_an_expert_says_the_words_as_well_where_the_truth_has_boxes_too() -> None:
    answer = check_env(Keyframes(), replace(TASK, truth=replace(TASK.truth, answer="B"))).answer
    assert answer is not None
    assert (answer.text, len(answer.items)) == ("B", 1)


def test_every_game_of_the_table_is_tried_here_or_in_its_own_file() -> None:
    assert {type(rules) for rules in GAMES} | {Gymnasium, Locate, Remote} == set(ENVS.values())


def test_the_overview_is_small_and_what_is_selected_comes_larger() -> None:
    rules = Keyframes(
        overview=Look(frames=4, max_pixels=784, min_pixels=784), keyframe=Look(max_pixels=3136, min_pixels=3136)
    )
    episode = check_env(rules, TASK, '<select>{"start": 2, "end": 5, "keyframe": 3}</select>', "<answer>x</answer>")
    first, second = episode.turns[0].seen, episode.turns[1].seen
    assert [picture.frame for picture in first.pictures] == [0, 2, 4, 7]
    assert {picture.size for picture in first.pictures} == {(28, 28)}
    assert [(picture.frame, picture.role) for picture in second.pictures][-1] == (3, Role.KEYFRAME)
    assert second.pictures[-1].size == (56, 56)
    assert "Frame 3 (1.5 s): <image>" in second.text


def test_crops_compose() -> None:
    rules = Zooming(max_turns=3)
    once = '<zoom>{"frame": 0, "bbox_2d": [500, 500, 1000, 1000]}</zoom>'
    episode = check_env(rules, PHOTO, once, once, '<answer>[{"bbox_2d": [0, 0, 1000, 1000]}]</answer>')
    crops = [turn.seen.pictures[0].crop for turn in episode.turns]
    assert crops[0] is None
    assert crops[1] is not None
    assert crops[1].corners == (320, 240, 640, 480)
    assert crops[2] is not None
    assert crops[2].corners == (480, 360, 640, 480)
    answer = episode.answer
    assert isinstance(answer, Answer)
    assert answer.items[0].box is not None
    assert answer.items[0].box.to(PHOTO.video.space(0)).corners == pytest.approx((480, 360, 640, 480))


def test_a_tiny_crop_is_widened_inside_the_picture() -> None:
    rules = Zooming(smallest=40, max_turns=2)
    episode = check_env(
        rules, PHOTO, '<zoom>{"frame": 0, "bbox_2d": [999, 999, 1000, 1000]}</zoom>', "<answer>x</answer>"
    )
    crop = episode.turns[1].seen.pictures[0].crop
    assert crop is not None
    assert crop.corners == (600, 440, 640, 480)


def test_a_question_cannot_smuggle_in_a_picture() -> None:
    task = Task(id="q", question="Is <image> here?", video=CLIP)
    episode = check_env(SingleTurn(look=Look(frames=2)), task, "<answer>no</answer>")
    assert len(episode.turns[0].seen.pictures) == 2


PIECES = [
    "<select>",
    "</select>",
    "<answer>",
    "</answer>",
    "<zoom>",
    "</zoom>",
    "{",
    "}",
    "[",
    "]",
    "NaN",
    "-3",
    "1e400",
]
WHOLE = [
    '<select>{"start": 2, "end": 5, "keyframe": 3}</select>',
    '<select>{"start": -2, "end": 500, "keyframe": 99}</select>',
    '<zoom>{"frame": 3, "bbox_2d": [1, 1, 900, 900]}</zoom>',
    '<zoom>{"frame": 3, "bbox_2d": [999, 999, 1000, 1000]}</zoom>',
    '<answer>{"keyframe": 7, "bbox_2d": [1, 1, 9, 9]}</answer>',
]


def _reply(rng: random.Random) -> str:
    if rng.random() < 0.4:
        return rng.choice(WHOLE)
    if rng.random() < 0.5:
        text = list(rng.choice(WHOLE))
        for _ in range(rng.randint(1, 4)):
            text[rng.randrange(len(text))] = rng.choice('{}[]<>/",:-0123456789aeN \0é')
        return "".join(text)
    return "".join(rng.choice([*PIECES, *WHOLE, chr(rng.randrange(0x20, 0x2FFF))]) for _ in range(rng.randint(0, 12)))


@pytest.mark.parametrize("rules", GAMES, ids=lambda rules: type(rules).__name__)
def test_ten_thousand_random_replies_all_end_with_a_stop(rules: Rules) -> None:
    rng = random.Random(0)

    async def fuzz() -> None:
        said = 0
        while said < 10_000:
            lines = [_reply(rng) for _ in range(rules.max_turns)]
            episode = await play(rng.choice([TASK, PHOTO]), rules, Scripted(*lines))
            assert episode.stop is not Stop.ERROR, (lines, episode.error)
            assert 1 <= len(episode.turns) <= rules.max_turns
            said += len(episode.turns)

    asyncio.run(fuzz())


def test_an_expert_who_speaks_in_pixels_answers_of_what_is_shown_or_not_at_all() -> None:
    video = Video("clip", length=100, width=64, height=64)
    there = {frame: (Box(10, 10, 20 + frame / 10, 20, video.space(frame)),) for frame in (0, 50)}
    sight = Sight(unit=8, coordinates="pixels")
    games = (SingleTurn(sight=sight), Keyframes(sight=sight, max_turns=1), Zooming(sight=sight, max_turns=2))
    for rules in games:
        task = Task(id="t", question="?", video=video, truth=Truth(boxes=there))
        assert asyncio.run(play(task, rules, rules.expert(task))).stop is Stop.ANSWERED
        hidden = Truth(boxes={50: there[50]})
        assert expert_of(rules, Task(id="t", question="?", video=video, truth=hidden)) is None


def test_a_zoom_on_a_line_is_widened_until_a_reasoner_can_see_it() -> None:
    video = Video("clip", length=1, width=7680, height=4320)
    line = Zoom(0, Box(0, 500, 7680, 501, video.space(0)))
    wide, high = Zooming().picture(Task(id="t", question="?", video=video), line).size
    assert wide / high < 200

"""VideoSEG-O3's turns, as the released code builds them."""

import asyncio
from typing import Any

import pytest

from envs.by_dataset import ByDataset
from envs.keyframes import Keyframes
from envs.locate import Locate
from envs.single_turn import SingleTurn
from envs.zoom import Zooming
from framework.chat.grammar import Grammar
from framework.config import typed
from framework.env import Rules
from framework.errors import ConfigError
from framework.lab.world import World
from framework.policy import Scripted
from framework.rollout import play
from framework.testing import check_env
from framework.types import Answer, Episode, Picture, Role, Stop, Task, Truth, Video
from framework.vision.boxes import Interval
from framework.vision.plan import Look, spread

GRAMMAR = Grammar(vtg=True, draws="[SEG]")
RULES = Keyframes(
    grammar=GRAMMAR,
    prompt='Outline "{question}" in these {frames} frames.\n',
    begins="frames",
    again='The query is "{question}".\n',
    captions="line",
    overview=Look(frames=10, max_pixels=25_088),
    detail=Look(frames=5, max_pixels=100_352),
    interval=Look(frames=5, max_pixels=25_088),
    keyframe=Look(frames=1, max_pixels=200_704),
)
CLIP = Task(
    id="v",
    question="the {frames} dogs",
    video=Video("clip", length=30, width=640, height=480),
    truth=Truth(interval=Interval(4, 9)),
)


def look(start: int, end: int, keyframe: int) -> str:
    place = f'{{"start": {start}, "end": {end}, "keyframe": {keyframe}}}'
    return f"<select><VTG>{place}</VTG>, <RefSeg>[SEG]</RefSeg></select>"


ANSWER = look(4, 9, 5).replace("select>", "answer>")


def played(rules: Rules, *replies: str, task: Task = CLIP) -> Episode:
    return asyncio.run(play(task, rules, Scripted(*replies)))


def roles(episode: Episode, turn: int) -> dict[Role, list[int]]:
    shown: dict[Role, list[int]] = {}
    for picture in episode.turns[turn].seen.pictures:
        shown.setdefault(picture.role, []).append(picture.frame)
    return shown


def test_first_come_small_and_larger_frames_of_the_clip_then_the_question():
    first = played(RULES, ANSWER).turns[0].seen
    assert roles(played(RULES, ANSWER), 0) == {Role.OVERVIEW: spread(30, 10), Role.DETAIL: spread(30, 5)}
    assert first.content[-1] == 'Outline "the {frames} dogs" in these 30 frames.\n'
    assert "<image>\nFrames of the whole clip, larger: 0, 7, 14, 21, 29.\n" in first.text
    assert all(picture.size[0] * picture.size[1] <= 25_088 for picture in first.pictures[:10])


@pytest.mark.parametrize(
    ("start", "end", "frames"),
    [(4, 6, [4, 5, 6]), (4, 8, [4, 5, 6, 7, 8]), (0, 20, [0, 5, 10, 15, 20]), (7, 7, [7])],
)
def test_what_is_selected_comes_with_both_ends_and_its_keyframe_large_and_the_question_again(start, end, frames):
    episode = played(RULES, look(start, end, 5), ANSWER)
    assert roles(episode, 1) == {Role.INTERVAL: frames, Role.KEYFRAME: [5]}
    assert episode.turns[1].seen.content[-1] == 'The query is "the {frames} dogs".\n'
    assert episode.stop is Stop.ANSWERED


def test_the_order_of_pictures_is_the_order_of_their_lines():
    content = played(RULES, look(4, 6, 5), ANSWER).turns[1].seen.content
    kinds = ["picture" if isinstance(part, Picture) else part for part in content if part != "\n"]
    assert kinds[:5] == [*["picture"] * 3, "Frames of what was selected, small: 4, 5, 6.\n", "picture"]
    assert kinds[5] == "The keyframe, large: 5.\n"


def test_looking_on_the_last_turn_ends_the_episode_without_an_answer():
    episode = played(RULES, look(4, 9, 5))
    assert (episode.stop, len(episode.turns), episode.answer) == (Stop.TURNS, 3, None)


def test_the_last_turn_may_be_told_to_answer():
    forced = RULES.model_copy(update={"force_answer": True})
    endings = [str(turn.seen.content[-1])[-12:] for turn in played(forced, look(4, 9, 5)).turns]
    assert [end == "Answer now.\n" for end in endings] == [False, False, True]


def test_what_is_no_action_ends_it_and_says_so():
    assert played(RULES, "<select>{}</select>").stop is Stop.MALFORMED


def test_an_expert_who_draws_says_no_boxes():
    task = World(count=1).task(0)
    episode = check_env(RULES, task)
    assert [turn.said.text.count("[SEG]") for turn in episode.turns] == [1, 1]
    assert episode.answer == Answer(interval=task.truth.interval, keyframe=episode.answer and episode.answer.keyframe)


def test_zoom_comes_with_the_question_too():
    rules = Zooming(inner=RULES, max_turns=4, again=RULES.again)
    zoom = '<zoom>{"frame": 5, "bbox_2d": [0, 0, 500, 500]}, <RefSeg>[SEG]</RefSeg></zoom>'
    episode = played(rules, look(4, 9, 5), zoom, ANSWER)
    assert (episode.stop, roles(episode, 2)) == (Stop.ANSWERED, {Role.CROP: [5]})
    assert episode.turns[2].seen.content[-1] == 'The query is "the {frames} dogs".\n'


WHEN = Locate(grammar=Grammar(actions=("answer",), ends=("start_frame", "end_frame")), look=Look(frames=32))


def test_each_dataset_has_its_game():
    rules = ByDataset(of={"timelens": WHEN}, others=SingleTurn(grammar=Grammar(actions=("answer",), draws="[SEG]")))
    when = Task(id="timelens/train/a/0", question=CLIP.question, video=CLIP.video, truth=CLIP.truth)
    episode = check_env(rules, when)
    assert episode.turns[0].said.text == '<answer>{"start_frame": 4, "end_frame": 9}</answer>'
    assert len(episode.turns[0].seen.pictures) == 30
    draws = check_env(rules, CLIP)
    assert draws.turns[0].said.text == "<answer><RefSeg>[SEG]</RefSeg></answer>"
    assert len(draws.turns[0].seen.pictures) == 8


def test_a_game_among_games_says_nothing_of_its_own_first():
    with pytest.raises(ConfigError, match=r"of\.timelens\.system: is never said"):
        raise_config({"timelens": {"use": "locate", "system": "Be brief."}})


@pytest.mark.parametrize(
    ("rules", "settings", "why"),
    [
        (ByDataset, {"max_turns": 5}, "max_turns: is each game's own; say it there, as in env.others.max_turns"),
        (ByDataset, {"grammar": {"several": "last"}}, "grammar: is each game's own"),
        (ByDataset, {"on_malformed": "ask_again"}, "on_malformed: is each game's own"),
        (Zooming, {"grammar": {"several": "last"}}, "grammar: is the inner game's, and the zoom"),
        (
            Zooming,
            {"inner": {"use": "keyframes", "force_answer": True}},
            r"inner\.force_answer: is never heard",
        ),
        (Zooming, {"inner": {"use": "keyframes", "max_turns": 9}}, r"inner\.max_turns: is never heard"),
    ],
)
def test_a_setting_that_another_game_overrides_is_refused(rules: type[Rules], settings: Any, why: str):
    with pytest.raises(ConfigError, match=why):
        typed(rules, settings)


def test_a_game_of_games_can_be_written_down_and_read_again():
    for rules in (ByDataset(of={"timelens": WHEN}), Zooming(max_turns=4, inner=RULES)):
        written = {name: value for name, value in rules.model_dump().items() if name != "use"}
        assert typed(type(rules), written) == rules


def raise_config(of: dict[str, dict[str, str]]) -> None:
    typed(ByDataset, {"of": of})

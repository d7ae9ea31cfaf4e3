"""VTS-CoT: what is released is read, what is wrong is named, and our own is written in the same form."""

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from envs.keyframes import Keyframes
from framework.chat.grammar import Grammar
from framework.cli import main
from framework.data import conversations
from framework.data.conversations import conversation
from framework.data.vts_cot import faults, making, replay
from framework.data.vts_cot.replay import Footage
from framework.data.vts_cot.teacher import Teacher, steps
from framework.data.vts_cot.trajectory import Traced, Trajectory, read, write
from framework.errors import DataError
from framework.lab import speech
from framework.lab.stepwise import PHRASES, stepwise
from framework.lab.world import World
from framework.recipe import find_recipe
from framework.record import Entry
from framework.remote.endpoint import Endpoint
from framework.rollout import play
from framework.types import Broken, Episode, Mask, RewardBreakdown, Select, Stop
from framework.vision.frames import frame
from framework.vision.plan import Look

RULES = Keyframes(grammar=Grammar(vtg=True, draws="[SEG]"), detail=Look(frames=5), system="Look in turns.")
WORLD = World(level="moments", count=12)
QUICKSTART = find_recipe("quickstart")
THOUGHT = "<think>Step 1: it is there. Step 2: left. Step 3: the dog. Action: look.</think>"
A, B = (2, 3, 12, 9), (8, 5, 20, 25)


def reply(start: int, end: int, keyframe: int, tag: str = "select") -> str:
    place = f'{{"start": {start}, "end": {end}, "keyframe": {keyframe}}}'
    return f"{THOUGHT}<{tag}><VTG>{place}</VTG>, <RefSeg>[SEG]</RefSeg></{tag}>"


def item(*replies: str, trace: list[tuple[int, int, int]] | None = None) -> dict[str, Any]:
    """An element as it is released, of a clip of ten frames."""
    talk: list[dict[str, str]] = [{"from": "system", "value": "Look in turns."}]
    for number, said in enumerate(replies):
        talk += [{"from": "human", "value": "<image>" if number else "Find the dog."}, {"from": "gpt", "value": said}]
    keys = ("start_frame", "end_frame", "key_frame")
    return {
        "video_name": "v1",
        "frames": [f"{frame:05}" for frame in range(10)],
        "exp": "the dog",
        "anno_id": [7, 8],
        "sample_frame_indice": [0, 2, 4, 6, 9],
        "cot_trace": [dict(zip(keys, each, strict=True)) for each in (trace or [])],
        "conversations": talk,
    }


GOOD = item(reply(2, 5, 3), reply(3, 3, 3, "answer"), trace=[(2, 5, 3)])


@pytest.fixture
def released(disk, tmp_path: Path) -> Path:
    """A file of the released form, with its frames and masks."""
    disk.frames("v1", [f"{frame:05}.jpg" for frame in range(10)])
    masks = {str(each): [None] * 10 for each in (7, 8)}
    masks["7"][3], masks["8"][3], masks["8"][4] = disk.rle(A), disk.rle(B), disk.rle(B)
    disk.json("mask_dict.json", masks)
    disk.json("revos.json", [GOOD, item(reply(4, 4, 4, "answer"))])
    return disk.root


def all_of(folder: Path, out: Path) -> list[Episode]:
    footage = Footage.of(folder, folder / "mask_dict.json", out)
    there = read(folder / "revos.json")
    return [replay.replayed(each, footage.task(each, number), RULES) for number, each in enumerate(there)]


# ---- reading ---------------------------------------------------------------------------------------------------------


def test_what_is_released_is_played_again_in_our_own_game(released: Path, tmp_path: Path):
    two, one = all_of(released, tmp_path)
    assert (two.stop, one.stop) == (Stop.ANSWERED, Stop.ANSWERED)
    assert [picture.frame for picture in two.turns[1].seen.pictures] == [2, 3, 4, 5, 3]
    assert two.task.question == "the dog"
    assert two.task.truth.present == (False, False, False, True, True, *[False] * 5)


def test_one_who_answers_at_once_is_read_too(released: Path, tmp_path: Path):
    _, one = all_of(released, tmp_path)
    assert len(one.turns) == 1
    assert one.answer is not None


def test_every_turns_seg_has_what_it_should_draw_all_objects_together(released: Path, tmp_path: Path):
    two, _ = all_of(released, tmp_path)
    first, last = (said.draws for _, said in conversation(two, RULES.system, "[SEG]", frames=10).exchanges)
    assert first is not None
    assert last is not None
    assert {frame for frame, mask in first.frames.items() if mask} == {3, 4}
    assert (first.keyframe, first.on_keyframe, last.keyframe) == (5, None, 3)
    area = 10 * 6 + 12 * 20 - 4 * 4
    assert last.on_keyframe is not None
    assert sum(last.on_keyframe.runs[1::2]) == area


def test_frames_among_others_are_listed(released: Path, disk, tmp_path: Path):
    disk.frames("v1", ["00000x.jpg", "zz.jpg"])
    two, _ = all_of(released, tmp_path)
    assert two.task.video.source.endswith("/v1.frames")
    assert two.task.video.length == 10
    assert replay.trajectory(two, "0").video == "v1"


def test_two_parts_of_a_video_keep_their_own_frames(released: Path, disk, tmp_path: Path):
    parts = [[f"{frame:05}" for frame in part] for part in (range(3), range(3, 6))]
    disk.json("mask_dict.json", {"7": [None] * 3, "8": [None] * 3})
    disk.json("revos.json", [item(reply(1, 1, 1, "answer")) | {"frames": part} for part in parts])
    footage = Footage.of(released, released / "mask_dict.json", tmp_path)
    tasks = [footage.task(each, number) for number, each in enumerate(read(released / "revos.json"))]
    assert [int(frame(task.video, 0)[0, 0, 0]) // 10 for task in tasks] == [0, 3]


def test_of_a_clip_that_is_not_known_throughout_no_masks_are_written(tmp_path: Path):
    one, two = demonstrations(2)
    there = dict(list(one.task.truth.masks.items())[:1])
    absent = {0: Mask((one.task.video.width * one.task.video.height,), one.task.video.width, one.task.video.height)}
    guessed = replace(one, task=replace(one.task, truth=replace(one.task.truth, masks=absent | there)))
    assert [len(replay.outlines(each.task)) for each in (one, guessed, two)] == [8, 0, 8]
    making.saved(QUICKSTART, making.Made((guessed, two)), tmp_path)
    assert list(json.loads((tmp_path / "mask_dict.json").read_text())) == ["1"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"cot_trace": [{"start_frame": 1}]}, "lacks 'end_frame'"),
        ({"frames": None}, "not iterable"),
        ({"sample_frame_indice": [0.5]}, "sample_frame_indice holds '0.5'"),
        ({"conversations": [{"from": "bot", "value": ""}]}, "nobody is called 'bot'"),
    ],
)
def test_an_element_that_is_none_is_named(tmp_path: Path, change: dict[str, Any], why: str):
    (tmp_path / "odd.json").write_text(json.dumps([GOOD, GOOD | change]))
    with pytest.raises(DataError, match=rf"odd\.json, element 1: is no trajectory of VTS-CoT: .*{re.escape(why)}"):
        read(tmp_path / "odd.json")


def test_what_cannot_be_played_says_why(released: Path, tmp_path: Path, disk):
    disk.json("revos.json", [item(*[reply(2, 5, 3)] * 4), item("<select></select>")])
    footage = Footage.of(released, released / "mask_dict.json", tmp_path)
    for each, why in zip(
        read(released / "revos.json"), ("env.max_turns=3: it ended as turns", "not JSON"), strict=True
    ):
        with pytest.raises(DataError, match=why):
            replay.replayed(each, footage.task(each, 0), RULES)


# ---- what is wrong ---------------------------------------------------------------------------------------------------


def kinds(tmp_path: Path, given: dict[str, Any]) -> list[str]:
    (tmp_path / "one.json").write_text(json.dumps([given]))
    return [each.kind for each in faults.found(read(tmp_path / "one.json"))]


ANSWER = reply(3, 3, 3, "answer")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (GOOD, []),
        (item(ANSWER), []),
        (item(reply(2, 5, 3), ANSWER, trace=[(2, 5, 3), (3, 3, 3)]), []),  # a trace may go on to the answer
        (item(reply(2, 5, 3), ANSWER, trace=[(2, 5, 4)]), ["other trace"]),
        (item(reply(2, 5, 3), ANSWER), ["other trace"]),
        (item(ANSWER, trace=[(3, 3, 3), (3, 3, 3)]), ["other trace"]),
        (item(reply(2, 10, 3), ANSWER, trace=[(2, 10, 3)]), ["outside"]),
        (item(reply(2, 5, 3), reply(2, 5, 3), trace=[(2, 5, 3), (2, 5, 3)]), ["no answer"]),
        (item(ANSWER, ANSWER), ["no answer"]),
        (item(ANSWER.replace("[SEG]", "")), ["no drawing"]),
        (item(ANSWER.replace("RefSeg", "RefVOS")), ["no drawing"]),
        (item(ANSWER + "[SEG]"), ["no drawing"]),
        (item(ANSWER.replace("Step 2", "Then")), ["lacking step"]),
        (item(ANSWER.replace("Step 1", "Step 12")), ["lacking step"]),
        (item(ANSWER.replace("<answer><VTG>", "<answer>\n<VTG>")), ["odd reply"]),
        (item(ANSWER.replace('"keyframe": 3', '"keyframe": "3"')), ["odd reply"]),
        (item(THOUGHT + "<answer>the dog, <RefSeg>[SEG]</RefSeg></answer>"), ["odd reply"]),
        (GOOD | {"sample_frame_indice": [10]}, ["outside"]),
        (GOOD | {"conversations": GOOD["conversations"][:-1]}, ["odd talk", "no answer"]),
        (GOOD | {"conversations": []}, ["odd talk", "other trace"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, given: dict[str, Any], found: list[str]):
    assert kinds(tmp_path, given) == found


def test_the_command_shows_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "good.json").write_text(json.dumps([GOOD]))
    (tmp_path / "bad.json").write_text(json.dumps([GOOD, item(ANSWER, trace=[(1, 1, 1)])]))
    assert main(["data", "check", str(tmp_path / "good.json")]) == 0
    assert main(["data", "check", str(tmp_path / "bad.json")]) == 1
    said = capsys.readouterr().out
    assert "1 demonstrations\n  ✓ nothing is wrong with them" in said
    assert "✗ 1 × other trace: cot_trace is not what the gpt turns select\n      1 (v1): reply 0 says" in said


# ---- our own ---------------------------------------------------------------------------------------------------------


def demonstrations(count: int = WORLD.count) -> list[Episode]:
    tasks = [WORLD.task(index) for index in range(count)]
    return [asyncio.run(play(task, RULES, stepwise(task, RULES, 0))) for task in tasks]


def test_one_who_thinks_in_steps_looks_and_answers_and_nothing_is_wrong_with_it():
    episodes = demonstrations()
    several = [replay.trajectory(each, str(number)) for number, each in enumerate(episodes)]
    assert faults.found(several) == []
    assert {len(each.replies) for each in several} == {2, 3}
    for each in episodes:
        looks = [turn.said.parsed for turn in each.turns[:-1]]
        assert all(isinstance(look, Select) for look in looks)
        assert looks[-1] == Select(each.task.truth.interval, looks[-1].keyframe)  # pyright: ignore


def test_its_thoughts_are_true_and_cost_few_tokens():
    voice = speech.tokenizer(32, ("[SEG]", *PHRASES))
    for episode in demonstrations(4):
        there = [frame for frame, is_there in enumerate(episode.task.truth.present) if is_there]
        for turn in episode.turns:
            thought = turn.said.text.partition("</think>")[0]
            assert f"from frame {there[0]} to frame {there[-1]}." in thought
            assert len(voice.encode(thought)) <= 16


def test_what_is_written_is_what_is_read(tmp_path: Path):
    several = [replay.trajectory(each, str(number), RULES.system) for number, each in enumerate(demonstrations(3))]
    write(tmp_path / "own.json", several)
    assert read(tmp_path / "own.json") == several
    assert isinstance(json.loads((tmp_path / "own.json").read_text())[0]["anno_id"][0], int)


def test_the_lab_makes_a_set_that_a_cold_start_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    draws = "env.grammar={vtg: true, draws: '[SEG]', intervals: true}"
    asked = ["data", "cot", "quickstart", draws, "--out", str(tmp_path), "--count", "6"]
    assert main(asked) == 0
    assert "6 demonstrations in" in capsys.readouterr().out
    talks = conversations.read(tmp_path / "conversations.jsonl")
    assert len(talks) == 6
    assert all(said.draws for talk in talks for _, said in talk.exchanges)
    assert main(["data", "check", str(tmp_path / "vts_cot.json")]) == 0
    masks = json.loads((tmp_path / "mask_dict.json").read_text())
    of_six = {len(frames) for frames in masks.values()}
    assert (sorted(masks), of_six) == ([str(number) for number in range(6)], {6})


def test_a_way_that_lacks_something_says_what(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    asked = ["data", "cot", "quickstart", "--out", str(tmp_path)]
    for way, lacks in ((["--from", "x.json"], "frames"), (["--run", "x"], "least"), (["--url", "http://x"], "model")):
        assert main([*asked, *way, "--count", "1"]) == 2
        assert f"{way[0]} needs --{lacks}" in capsys.readouterr().err


def test_a_mistaken_address_is_told_before_anything_is_played(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    asked = ["data", "cot", "quickstart", "--out", str(tmp_path), "--count", "6", "--player", "ghost"]
    assert main([*asked, "--url", "127.0.0.1:8000/v1", "--model", "m"]) == 2
    assert "url: '127.0.0.1:8000/v1' will not do; it should begin with http://" in capsys.readouterr().err


def test_only_what_earned_enough_is_kept_and_of_a_task_the_best():
    one, two, *_ = demonstrations(3)

    def entry(episode: Episode, total: float | None) -> Entry:
        return Entry(episode=episode, earned=RewardBreakdown(parts={}, total=total))

    worse = replace(one, turns=one.turns[1:])
    cut = replace(two, stop=Stop.LENGTH)
    entries = [entry(worse, 4.0), entry(one, 5.0), entry(two, 3.9), entry(cut, 9.0), entry(two, None)]
    assert making.kept(entries, least=4.0).episodes == (one,)
    assert making.kept(entries, least=4.0, most=2).episodes == (one, worse)
    assert making.kept(entries, least=3.0).episodes == (one, two)
    assert making.kept([entry(one, 5.0)], least=4.0).left_out == ()


# ---- by a served model -----------------------------------------------------------------------------------------------


STEPS = "Step 1: I see it in frame 3.\nStep 2: Left.\nStep 3: A dog.\nAction: I look there."


def test_a_served_model_words_the_thoughts_and_the_truth_says_what_is_done(serve, tmp_path: Path):
    before = [asyncio.run(play(task, RULES, RULES.expert(task))) for task in (WORLD.task(0), WORLD.task(1))]
    with serve(lambda request, _: request.say(STEPS)) as served:
        endpoint = Endpoint(url=served.url, model="m", cache=str(tmp_path))
        after = Teacher(endpoint, RULES).taught(before)
    for old, new in zip(before, after, strict=True):
        assert isinstance(new, Episode)
        assert [turn.said.parsed for turn in new.turns] == [turn.said.parsed for turn in old.turns]
        assert all(turn.said.text.startswith(f"<think>{' '.join(STEPS.split())}</think>") for turn in new.turns)
        assert faults.found([replay.trajectory(new, "0")]) == []
    asked = served.asked[0]["messages"][0]["content"]
    shown = [part for part in asked if part["type"] == "image_url"]
    assert len(served.asked) == sum(len(each.turns) for each in before)
    assert len(shown) in {len(turn.seen.pictures) for each in before for turn in each.turns}
    assert before[0].task.question in asked[-1]["text"] or before[1].task.question in asked[-1]["text"]


def test_a_model_that_says_no_steps_makes_no_demonstration(serve, tmp_path: Path):
    task = WORLD.task(0)
    episode = asyncio.run(play(task, RULES, RULES.expert(task)))
    with serve(lambda request, _: request.say("It is on the left.")) as served:
        endpoint = Endpoint(url=served.url, model="m", cache=str(tmp_path), retries=0)
        [told] = Teacher(endpoint, RULES).taught([episode])
    assert isinstance(told, Broken)


@pytest.mark.parametrize("odd", ["<answer>", "[SEG]", "x" * 1300])
def test_a_thought_holds_no_tags_and_is_no_novel(odd: str):
    assert steps(f"Here: <think>{STEPS}</think>") == " ".join(STEPS.split())
    assert steps(f"{STEPS} {odd}") is None


def test_a_traces_element_is_what_was_selected():
    episode = demonstrations(1)[0]
    looks = [turn.said.parsed for turn in episode.turns if isinstance(turn.said.parsed, Select)]
    told: Trajectory = replay.trajectory(episode, "0")
    assert told.trace == tuple(
        Traced(int(each.interval.start), int(each.interval.end), each.keyframe) for each in looks
    )

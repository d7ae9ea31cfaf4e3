"""Rewards for form: what passes, and what must not."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.reward import Reward
from framework.testing import check_reward
from framework.types import Action, Answer, Episode, Malformed, Observation, Stop, Task, Truth, Turn, Video
from rewards.form import Answered, AnswerSchema, NonRepetition, StepKeywords, StrictFormat, TagsPerTurn, WellFormed

CLIP = Video("clip", 4, 100, 100)
TASK = Task(id="t", question="?", video=CLIP)
NOWHERE = Task(id="n", question="?", video=CLIP, truth=Truth(present=(False,) * 4))


def said(*replies: str, task: Task = TASK) -> Episode:
    turns = tuple(Turn(Observation(("?",)), Action(reply, Answer(text="?"))) for reply in replies)
    return Episode(task=task, turns=turns, stop=Stop.ANSWERED)


GOOD = "<think>left, then right</think><answer>[1, 2]</answer>"
LOOK = '<think>where?</think> <select>{"keyframe": 1}</select>'
FORMS: list[Reward] = [
    WellFormed(),
    Answered(),
    StrictFormat(),
    StepKeywords(),
    TagsPerTurn(),
    AnswerSchema(),
    NonRepetition(),
    NonRepetition(by="share"),
]


@pytest.mark.parametrize(
    "reply", [GOOD, LOOK, f"\n{GOOD}\n", GOOD.replace("><", ">\n <"), "<think>1\n2</think><answer>\n3</answer>"]
)
def test_a_thought_and_an_action_are_strict_format(reply: str):
    assert StrictFormat()([said(reply), said(LOOK, reply)]) == [1.0, 1.0]


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "<answer>2</answer>",
        "<think>left</think>",
        "<think></think><answer>2</answer>",
        "<think>left</think><answer> </answer>",
        f"Sure! {GOOD}",
        f"{GOOD} That was it.",
        "<think>left</think> so <answer>2</answer>",
        "<think>left<answer>2</answer></think>",
        "<think>left</think><answer>2</select>",
        "<think>left</think><answer>2</answer></answer>",
        "<think>left</think><answer>2<answer></answer>",
        "<answer>2</answer><think>left</think>",
        "<think><think>left</think><answer>2</answer>",
        f"{LOOK}{GOOD}",
        f"{LOOK}\n<|im_end|>\nuser: frame 1\nassistant: {GOOD}",
        "<think>left</think><select>1</select><answer>2</answer>",
        "<THINK>left</THINK><answer>2</answer>",
        "<think >left</think><answer>2</answer>",
    ],
)
def test_nothing_else_is_strict_format(reply: str):
    assert StrictFormat()([said(reply), said(reply, GOOD), said(GOOD, reply)]) == [0.0, 0.0, 0.0]


DRAWN = '<think>left</think><answer><VTG>{"keyframe": 1}</VTG>, <RefSeg>[SEG]</RefSeg></answer>'


@pytest.mark.parametrize(
    ("reply", "passes"),
    [
        (DRAWN, 1.0),
        (GOOD, 0.0),
        (DRAWN.replace("RefSeg", "RefVOS"), 0.0),
        (DRAWN.replace("[SEG]", "[SEG][SEG]"), 0.0),
        (DRAWN.replace("left", "<RefSeg>[SEG]</RefSeg>"), 0.0),
        (DRAWN.removeprefix("<think>left</think>"), 0.0),
    ],
)
def test_strict_format_may_ask_for_pieces_in_every_reply(reply: str, passes: float):
    strict = StrictFormat(holds=("<VTG>", "</VTG>", "<RefSeg>[SEG]</RefSeg>"))
    assert strict([said(reply), said(DRAWN, reply), said(reply, DRAWN)]) == [passes] * 3


def test_an_episode_without_a_turn_has_no_form():
    silent = Episode(task=TASK, turns=(), stop=Stop.TURNS)
    assert [reward([silent])[0] for reward in FORMS[:3]] == [0.0, 0.0, 0.0]
    assert isinstance(AnswerSchema()([silent])[0], Malformed)
    assert isinstance(NonRepetition()([silent])[0], Malformed)


@pytest.mark.parametrize(
    ("thinks", "share"),
    [
        ("Step 1: a. Step 2: b. Step 3: c. Action: d", 1.0),
        ("step 12 step 3 interaction", 0.25),
        ("STEP\n1 and step  2", 0.5),
        ("step 1.5, substep 2, step 3x, actions", 0.0),
        ("(step 1) step 2. action!", 0.75),
    ],
)
def test_a_step_is_a_whole_word(thinks: str, share: float):
    assert StepKeywords()([said(f"<think>{thinks}</think><answer>x</answer>")]) == [share]


def test_steps_are_read_in_the_thought_of_each_turn():
    one, none = "<think>step 1</think><answer>step 2</answer>", "step 1 step 2 step 3 action <answer>x</answer>"
    assert StepKeywords().of_turns([said(one, none), said()]) == [[0.25, 0.0], []]
    assert StepKeywords()([said(one, none)]) == [0.125]


@pytest.mark.parametrize(
    ("reply", "worth"), [("[SEG]", 1.0), ("", 0.0), ("[SEG] and [SEG]", 0.0), ("[seg]", 0.0), ("a [SEG] b", 1.0)]
)
def test_one_seg_a_turn(reply: str, worth: float):
    assert TagsPerTurn()([said(reply)]) == [worth]


def test_tags_stand_in_their_order_and_as_often_as_listed():
    tags = TagsPerTurn(tags=("<VTG>", "</VTG>", "<RefSeg>[SEG]</RefSeg>"))
    assert tags.of_turns(
        [said("<VTG>{}</VTG>, <RefSeg>[SEG]</RefSeg>", "</VTG><VTG><RefSeg>[SEG]</RefSeg>", "<VTG></VTG>[SEG]")]
    ) == [[1.0, 0.0, 0.0]]
    assert TagsPerTurn(tags=("[SEG]", "[SEG]"))([said("[SEG]"), said("[SEG] [SEG]")]) == [0.0, 1.0]


ITEM = '{"bbox_2d": [1, 2, 30, 40], "point_2d": [5, 6]}'


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        (f"[{ITEM}, {ITEM}]", 1.0),
        (f"[{ITEM}, {{}}]", 0.5),
        (ITEM, 1.0),
        (f'{{"keyframe": 3, "objects": [{ITEM}]}}', 1.0),
        ('[{"bbox_2d": [1, 2, 30, 40]}]', 0.5),
        ('[{"bbox_2d": [1, 2, 3], "point_2d": [5, 6], "more": 1}]', 0.5),
        ('[{"bbox_2d": [30, 40, 1, 2], "point_2d": ["5", true]}]', 0.0),
        ('[{"bbox_2d": [1, 2, 30, 1e999], "point_2d": [5, 6]}]', 0.5),
        ("[1, [2], null]", 0.0),
        ("[]", 0.0),
    ],
)
def test_each_item_is_credited_for_its_keys(answer: str, share: float):
    assert AnswerSchema()([said(f"<answer>{answer}</answer>")]) == [share]


@pytest.mark.parametrize(
    "answer", ["left", "3", "[1, 2", "```json\n[]\n```", '{"a": NaN}', "[" * 90_000, '{"objects": 3}']
)
def test_an_answer_that_is_no_json_of_items_is_malformed(answer: str):
    [worth] = AnswerSchema()([said(f"<answer>{answer}</answer>")])
    assert isinstance(worth, Malformed)


def test_two_answers_are_none():
    [worth] = AnswerSchema()([said(f"<answer>[{ITEM}]</answer><answer>[]</answer>")])
    assert worth == Malformed("2 <answer> in the reply; one is needed")


def test_an_empty_list_is_right_where_nothing_is_to_be_found():
    assert AnswerSchema()([said("<answer>[]</answer>", task=NOWHERE)]) == [1.0]


def test_keys_have_types():
    keys = {"a": "points", "b": "number", "c": "whole", "d": "text"}
    schema = AnswerSchema.model_validate({"keys": keys})
    good = ['{"a": [1, 2], "b": 0.5, "c": 3, "d": "x"}', '{"a": [[1, 2], [3, 4]], "b": 1, "c": 3.0, "d": "x"}']
    bad = '{"a": [[1, 2], [3]], "b": true, "c": 0.5, "d": " "}'
    assert schema([said(f"<answer>{each}</answer>") for each in (*good, bad)]) == [1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("reply", "counted", "share"),
    [
        ("It is left. It is red.", 1.0, 1.0),
        ("It is left. It is left.", 1.0, 0.5),
        ("It is left. it  is LEFT! It is left\nIt is red.", 0.0, 0.5),
        ("same.same.same.", 0.0, 1 / 3),
        ("At 3.5 and 3.5 and 3.5", 1.0, 1.0),
        ("no " * 9, 1.0, 1.0),
        ("… . .. !", 0.0, 0.0),
        ("", 0.0, 0.0),
    ],
)
def test_what_is_said_again(reply: str, counted: float, share: float):
    assert NonRepetition()([said(reply)]) == [counted]
    assert NonRepetition(by="share")([said(reply)]) == [pytest.approx(share)]


@pytest.mark.parametrize("indent", [None, 0, 1, 4, "\t"])
def test_objects_that_have_the_same_keys_are_not_said_again(indent: int | str | None):
    objects = [{"bbox_2d": [at, 7, at + 9, 16], "point_2d": [at + 4, 11]} for at in (10, 30, 50)]
    assert NonRepetition()([said(f"<answer>{json.dumps(objects, indent=indent)}</answer>")]) == [1.0]


def test_each_turn_may_say_what_an_earlier_one_said():
    assert NonRepetition()([said("Left. Red.", "Left. Red."), said("Left.", "Left. Left. Left.")]) == [1.0, 0.5]


pieces = st.lists(
    st.sampled_from(
        ["<think>", "</think>", "<answer>", "</answer>", "<select>", "step 1", "[SEG]", ITEM, "[", "]", ". ", "a"]
    )
).map("".join)


@given(st.lists(st.lists(pieces | st.text(), max_size=3), max_size=4))
def test_form_is_worth_between_nothing_and_one(episodes: list[list[str]]):
    for reward in FORMS:
        check_reward(reward, [said("", *replies) for replies in episodes], low=0.0, high=1.0)


@pytest.mark.parametrize(
    "piece", ["<think>", "<answer>", "</answer><answer>", "step ", "a.", "[SEG]", "<answer>[", " "]
)
def test_a_megabyte_takes_no_longer_than_reading_it(piece: str):
    episode = said(piece * (2**20 // len(piece)))
    for reward in FORMS:
        began = time.process_time()
        reward([episode])
        assert time.process_time() - began < 2.0, type(reward).__name__

"""Rewards for short answers: many spellings of the right one, and no trick."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.testing import check_reward
from framework.types import (
    Action,
    Answer,
    Episode,
    Malformed,
    NotApplicable,
    Observation,
    Stop,
    Task,
    Truth,
    Turn,
    Video,
)
from rewards.answer import ExactAnswer, MultipleChoice, NumericAnswer, TextReward, plain

CLIP = Video("clip", 1, 8, 8)
KINDS: list[TextReward] = [ExactAnswer(), NumericAnswer(), NumericAnswer(tolerance=0.05), MultipleChoice()]


def said(text: str, true: str) -> Episode:
    task = Task(id=true, question="?", video=CLIP, truth=Truth(answer=true))
    turn = Turn(Observation(("?",)), Action(f"<answer>{text}</answer>", Answer(text=text)))
    return Episode(task=task, turns=(turn,), stop=Stop.ANSWERED)


@pytest.mark.parametrize("text", ["Paris", " paris. ", "**Paris**", "“Paris”", "PARIS!", "ｐａｒｉｓ", "the Paris"])
def test_spaces_size_and_marks_make_no_difference(text: str):
    assert ExactAnswer()([said(text, "Paris")]) == [1.0]


@pytest.mark.parametrize(
    "text", ["", "…", "Par", "Paris or Rome", "Paris Paris", "not Paris", "I think Paris", "a" * 2**20]
)
def test_an_answer_is_right_as_a_whole_or_not_at_all(text: str):
    assert ExactAnswer()([said(text, "Paris")]) == [0.0]


@pytest.mark.parametrize(
    ("text", "true"),
    [
        ("42", "42"),
        ("42.0", "42"),
        ("about 42 cars.", "42"),
        ("1,234.5", "1234.5"),
        ("+1.2e3", "1200"),
        ("−7", "-7"),
        ("3/4", "0.75"),
        ("½", "0.5"),
        ("50 %", "0.5"),
        ("5km", "5 km"),
        ("42, yes 42", "42"),
        (".5", "0.5"),
    ],
)
def test_numbers_in_many_spellings(text: str, true: str):
    assert NumericAnswer()([said(text, true)]) == [1.0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "many",
        "41",
        "4.2",
        "-42",
        "142",
        "42 or 43",
        "40 41 42 43",
        "40–44",
        "1,2,42",
        "v42",
        "42/0",
        "9" * 399,
        "1e999",
    ],
)
def test_what_is_not_the_one_number_is_wrong(text: str):
    assert NumericAnswer()([said(text, "42")]) == [0.0]


def test_a_tolerance_is_relative():
    near = [said(text, "-200") for text in ("-190", "-210.0", "-189.9", "200")]
    assert NumericAnswer(tolerance=0.05)(near) == [1.0, 1.0, 0.0, 0.0]
    assert NumericAnswer(tolerance=0.05)([said("0", "0"), said("1e-12", "0")]) == [1.0, 0.0]


@pytest.mark.parametrize(
    "text",
    [
        "B",
        "b",
        " (b) ",
        "B.",
        "[B]:",
        "B) a cat",
        "(b) a cat",
        "b. I think",
        "B: the cat",
        "B the cat",
        "option b",
        "Option B, a cat",
        "The answer is B",
        "The correct answer is: **B**.",
        "Answer: (B)",
        r"\boxed{B}",
        r"$\boxed{\text{B}}$",
        "I think B",
        "I choose B because it is red",
        "choice b because it is red",
        "It is B. B it is.",
        "Ｂ",
    ],
)
def test_a_choice_in_many_spellings(text: str):
    assert MultipleChoice()([said(text, "B"), said(text, "(B) a cat"), said(text, "A")]) == [1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A or B",
        "A, B",
        "A/B",
        "A B",
        "B A",
        "A B C D",
        "ABCD",
        "a) or b)",
        "option a or b because",
        "A) a dog B) a cat",
        "The answer is A. No, B.",
        "Bob",
        "a cat",
        "I see a cat",
        "both",
        "Z",
    ],
)
def test_several_choices_or_none_are_no_choice(text: str):
    assert MultipleChoice(letters="ABCD")([said(text, "A"), said(text, "B")]) == [0.0, 0.0]


def test_a_task_without_such_an_answer_is_left_out():
    for reward in KINDS:
        assert reward([said("42", " ")]) == [NotApplicable("the task has no true answer")]
    assert isinstance(NumericAnswer()([said("42", "many")])[0], NotApplicable)
    assert isinstance(MultipleChoice()([said("B", "a cat")])[0], NotApplicable)


def test_an_episode_without_an_answer_is_malformed():
    task = Task(id="t", question="?", video=CLIP, truth=Truth(answer="B"))
    silent = Episode(task=task, turns=(), stop=Stop.TURNS)
    assert [reward([silent])[0] for reward in (ExactAnswer(), MultipleChoice())] == [
        Malformed("nothing was answered")
    ] * 2


texts = st.text() | st.lists(
    st.sampled_from(["A", "b", "(", ")", ".", " ", "1", "/", "0", "%", "e9", "or", "-", ","])
).map("".join)


@given(st.lists(st.tuples(texts, texts), max_size=4))
def test_answers_are_right_or_wrong(pairs: list[tuple[str, str]]):
    for reward in KINDS:
        values = check_reward(reward, [said(text, true) for text, true in pairs], low=0.0, high=1.0)
        assert all(value in (0.0, 1.0) or isinstance(value, NotApplicable) for value in values)


@given(texts)
def test_the_true_answer_itself_is_right(true: str):
    for reward in KINDS:
        [worth] = reward([said(true, true)])
        assert worth == 1.0 or isinstance(worth, NotApplicable) or not plain(true)

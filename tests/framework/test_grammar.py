import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.chat.grammar import Grammar
from framework.errors import DataError
from framework.types import Answer, Item, Malformed, Parsed, Select, Video, Zoom
from framework.vision.boxes import Box, Interval, Point, Space

CLIP = Video("clip", length=10, width=200, height=100)
LOOK = Grammar(actions=("select", "zoom", "answer"))


def place(frame: int | None) -> Space | None:
    return CLIP.space(5 if frame is None else frame).counted_in(1000, 1000)


def read(text: str, grammar: Grammar = LOOK) -> Parsed:
    return grammar.parse(text, CLIP.length, place)


def reason(text: str, grammar: Grammar = LOOK) -> str:
    parsed = read(text, grammar)
    assert isinstance(parsed, Malformed), parsed
    return parsed.reason


SELECT = '<select>{"start": 2, "end": 5, "keyframe": 3}</select>'
ANSWER = '<answer>{"start": 2, "end": 5, "keyframe": 3, "bbox_2d": [0, 0, 500, 1000]}</answer>'


def test_a_select_names_frames_and_a_keyframe() -> None:
    assert read(f"<think>there</think>\n{SELECT}") == Select(Interval(2, 5), 3)


def test_the_published_wrapping_means_the_same() -> None:
    wrapped = '<select><VTG>{"start": 2, "end": 5, "keyframe": 3}</VTG>, <RefSeg>[SEG]</RefSeg></select>'
    assert read(wrapped) == read(SELECT)


DRAWING = LOOK.model_copy(update={"vtg": True, "draws": "[SEG]"})


def test_one_who_draws_says_so_in_every_action_and_needs_no_box() -> None:
    said = DRAWING.write(Select(Interval(2, 5), 3), place)
    assert said == '<select><VTG>{"start": 2, "end": 5, "keyframe": 3}</VTG>, <RefSeg>[SEG]</RefSeg></select>'
    whole = Answer(interval=Interval(2, 5), keyframe=3)
    assert DRAWING.write(whole, place) == said.replace("select>", "answer>")
    zoomed = Zoom(3, Box(0, 0, 500, 1000, CLIP.space(3).counted_in(1000, 1000)))
    assert DRAWING.write(zoomed, place).endswith("}, <RefSeg>[SEG]</RefSeg></zoom>")
    assert DRAWING.write(Answer(), place) == "<answer><RefSeg>[SEG]</RefSeg></answer>"
    for action in (Select(Interval(2, 5), 3), whole, zoomed, Answer(), Answer(text="Paris")):
        assert read(DRAWING.write(action, place), DRAWING) == action


@pytest.mark.parametrize(
    "drawn",
    [
        "</VTG>, <RefSeg>[SEG]</RefSeg>",
        "</VTG><RefSeg>[SEG]</RefSeg>",
        "</VTG>,\n<RefVOS>[SEG]</RefVOS>",
        "</VTG>",
        "</VTG>, [SEG]",
    ],
)
def test_how_it_is_drawn_is_read_loosely(drawn: str) -> None:
    said = f'<VTG>{{"start": 2, "end": 5, "keyframe": 3}}{drawn}'
    assert read(f"<select>{said}</select>", DRAWING) == read(SELECT)


def test_without_vtg_all_that_stands_before_what_is_drawn_is_said() -> None:
    for drawn in (", <RefSeg>[SEG]</RefSeg>", "<RefVOS>[SEG]</RefVOS>"):
        assert read(SELECT.replace("}<", f"}}{drawn}<")) == read(SELECT)


def test_the_ends_of_an_interval_may_have_other_names() -> None:
    named = Grammar(actions=("answer",), ends=("start_frame", "end_frame"))
    said = named.write(Answer(interval=Interval(2, 5)), place)
    assert said == '<answer>{"start_frame": 2, "end_frame": 5}</answer>'
    assert read(said, named) == Answer(interval=Interval(2, 5))
    assert "end_frame" in reason('<answer>{"start_frame": 2}</answer>', named)


def test_a_box_is_placed_on_the_frame_it_is_said_of() -> None:
    answer = read(ANSWER)
    assert isinstance(answer, Answer)
    box = answer.items[0].box
    assert box is not None
    assert box.to(CLIP.space(3)).corners == (0, 0, 100, 100)


def test_a_list_answers_with_several_objects() -> None:
    text = '<answer>[{"bbox_2d": [1, 2, 3, 4], "point_2d": [2, 3], "neg_point_2d": [[9, 9], [8, 8]]}, {}]</answer>'
    answer = read(text)
    assert isinstance(answer, Answer)
    assert [len(item.negatives) for item in answer.items] == [2, 0]
    assert answer.items[0].point == Point(2, 3, CLIP.space(5).counted_in(1000, 1000))


def test_an_object_may_stand_without_a_list() -> None:
    for said in ('{"neg_point_2d": [9, 9]}', '{"point_2d": [2, 3], "bbox_2d": [1, 2, 3, 4]}'):
        assert read(f"<answer>{said}</answer>") == read(f"<answer>[{said}]</answer>")


def test_a_point_outside_the_picture_stays_there() -> None:
    answer = read('<answer>{"point_2d": [-5, 2000]}</answer>')
    assert isinstance(answer, Answer)
    assert answer.items[0].point == Point(-5, 2000, CLIP.space(5).counted_in(1000, 1000))
    assert "lies outside the picture" in reason('<answer>{"point_2d": [-5, 2000]}</answer>', Grammar(clamp=False))


def test_a_reason_quotes_no_number_of_thousands_of_digits() -> None:
    assert len(reason(f'<select>{{"start": {"9" * 4000}, "end": 1, "keyframe": 1}}</select>')) < 550


def test_words_answer_a_question() -> None:
    assert read("<answer> Paris </answer>") == Answer(text="Paris")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no action"),
        ("<select>{}", "never closed"),
        (SELECT + ANSWER, "2 actions in one reply"),
        ('<select>{"start": 5, "end": 2, "keyframe": 3}</select>', "empty or reversed"),
        ('<select>{"start": 2, "end": 5}</select>', "needs keyframe"),
        ('<select>{"start": true, "end": 5, "keyframe": 3}</select>', "start is no frame number"),
        ('<select>{"start": 2.5, "end": 5, "keyframe": 3}</select>', "start is no whole number"),
        ('<select>{"start": NaN, "end": 5, "keyframe": 3}</select>', "NaN is no number"),
        ("<select>[1, 2]</select>", "needs a JSON object"),
        ('<answer>{"bbox_2d": [1, 2, 3]}</answer>', "bbox_2d needs 4 numbers"),
        ('<answer>{"bbox_2d": [1, 2, 3, 1e999]}</answer>', "bbox_2d needs 4 numbers"),
        ('<answer>{"bbox_2d": [9, 2, 3, 4]}</answer>', "is reversed"),
        ('<answer>{"objects": 3}</answer>', "objects needs a list"),
        ('<answer>{"bbox": [1, 2, 3, 4]}</answer>', "needs one of answer, keyframe, objects, bbox_2d"),
        ('<answer>[{"neg_point_2d": 3}]</answer>', "point needs 2 numbers"),
        ('<answer>[{"neg_point_2d": {"x": 3}}]</answer>', "point needs 2 numbers"),
        ('<answer>[{"neg_point_2d": [[1, 2], 3]}]</answer>', "point needs 2 numbers"),
        ("<answer>{bbox: 1}</answer>", "not JSON"),
        ("<answer>" + "[" * 50_000 + "</answer>", "nested too deep"),
        ("<answer>" + "9" * 200_000 + "</answer>", "too many"),
        ('<zoom>{"frame": 1, "bbox_2d": [5, 5, 5, 9]}</zoom>', "no area"),
        ('<zoom>{"frame": 1, "bbox_2d": [1500, 0, 1600, 9]}</zoom>', "no area"),
    ],
)
def test_what_is_no_action_says_why(text: str, why: str) -> None:
    assert why in reason(text)


def test_a_frame_number_of_hundreds_of_digits_is_outside() -> None:
    far = f'<select>{{"start": 2, "end": {"9" * 400}, "keyframe": -{"9" * 400}}}</select>'
    assert read(far) == Select(Interval(2, 9), 0)
    assert "is outside 0–9" in reason(far, Grammar(clamp=False))


def test_an_action_of_another_game_is_refused_by_name() -> None:
    assert reason(SELECT, Grammar(actions=("answer",))) == "<select> is no action here; there are: answer"


def test_what_lies_outside_is_clamped_or_refused_as_the_recipe_says() -> None:
    far = '<select>{"start": -3, "end": 99, "keyframe": 42}</select>'
    assert read(far) == Select(Interval(0, 9), 9)
    assert "outside 0–9" in reason(far, Grammar(clamp=False))
    wide = '<answer>{"keyframe": 1, "bbox_2d": [-5, 0, 2000, 500]}</answer>'
    answer = read(wide)
    assert isinstance(answer, Answer)
    assert answer.items[0].box == Box(0, 0, 1000, 500, CLIP.space(1).counted_in(1000, 1000))
    assert "lies outside the picture" in reason(wide, Grammar(clamp=False))


def test_two_actions_can_be_read_as_the_first_or_the_last() -> None:
    assert isinstance(read(SELECT + ANSWER, Grammar(several="first")), Select)
    assert isinstance(read(SELECT + ANSWER, Grammar(several="last")), Answer)


def test_without_intervals_a_keyframe_alone_is_said_and_selected() -> None:
    brief = LOOK.model_copy(update={"intervals": False})
    said = brief.write(Select(Interval(2, 5), 3), place)
    assert said == '<select>{"keyframe": 3}</select>'
    assert read(said, brief) == Select(Interval(3, 3), 3)
    assert "start and end" in reason(said)


def test_a_half_open_interval_ends_a_frame_earlier() -> None:
    half = Grammar(half_open=True)
    assert read(SELECT, half) == Select(Interval(2, 4), 3)
    assert "empty" in reason('<select>{"start": 4, "end": 4, "keyframe": 4}</select>', half)


def test_ten_megabytes_of_junk_are_read_in_no_time() -> None:
    junk = ("<answer>" * 40 + "x" * 1000 + "</select>") * 7500
    start = time.perf_counter()
    assert isinstance(read(junk), Malformed)
    assert isinstance(read("<think>" * 1_500_000), Malformed)
    assert time.perf_counter() - start < 1.0


corner = st.integers(0, 1000)
frame = st.integers(0, 9)
space = st.builds(lambda f: CLIP.space(f).counted_in(1000, 1000), frame)


@st.composite
def actions(draw: st.DrawFn) -> Select | Zoom | Answer:
    a, b, key = draw(frame), draw(frame), draw(frame)
    here = CLIP.space(key).counted_in(1000, 1000)

    def box() -> Box:
        x, y = draw(st.integers(0, 999)), draw(st.integers(0, 999))
        return Box(x, y, draw(st.integers(x + 1, 1000)), draw(st.integers(y + 1, 1000)), here)

    items = tuple(
        Item(box=box(), point=draw(st.one_of(st.none(), st.builds(Point, corner, corner, st.just(here)))))
        for _ in range(draw(st.integers(1, 3)))
    )
    interval = Interval(min(a, b), max(a, b))
    return draw(
        st.sampled_from([Select(interval, key), Zoom(key, box()), Answer(items=items, interval=interval, keyframe=key)])
    )


@given(actions(), st.booleans(), st.booleans(), st.sampled_from(["", "[SEG]"]))
def test_what_is_written_is_read_back(action: Select | Zoom | Answer, vtg: bool, half_open: bool, draws: str) -> None:
    grammar = LOOK.model_copy(update={"vtg": vtg, "half_open": half_open, "draws": draws})
    assert grammar.parse(grammar.write(action, place), CLIP.length, place) == action


PIECES = [
    "<select>",
    "</select>",
    "<answer>",
    "</answer>",
    "<zoom>",
    "<VTG>",
    "{",
    "}",
    "[",
    "]",
    '"start": ',
    "2",
    "-1",
]


@given(
    st.lists(
        st.one_of(st.sampled_from([*PIECES, SELECT, ANSWER, '"bbox_2d": ', ", ", "NaN", "1e400"]), st.text()),
        max_size=20,
    )
)
def test_no_reply_raises(pieces: list[str]) -> None:
    parsed = read("".join(pieces))
    assert isinstance(parsed, Select | Zoom | Answer | Malformed)


def test_mutated_replies_never_raise() -> None:
    rng = random.Random(0)
    for _ in range(3000):
        text = list(rng.choice([SELECT, ANSWER]))
        for _ in range(rng.randint(1, 6)):
            text[rng.randrange(len(text))] = rng.choice('{}[]<>/",:-0123456789aeN \0é')
        assert isinstance(read("".join(text)), Select | Answer | Zoom | Malformed)


def test_an_opening_tag_in_a_thought_swallows_no_answer() -> None:
    said = "<think>the <answer> must be short</think><answer>Paris</answer>"
    assert Grammar().parse(said, 8, lambda _: None) == Malformed("<answer> is opened twice before it is closed")
    assert Grammar(several="last").parse(said, 8, lambda _: None) == Answer(text="Paris")


def test_a_place_on_a_frame_that_was_never_shown_cannot_be_written_and_that_is_a_persons_to_mend() -> None:
    box = Box(0, 0, 1, 1, Space("clip#3", (0.0, 0.0, 8.0, 8.0), (8.0, 8.0)))
    with pytest.raises(DataError, match="frame 3 was never shown"):
        Grammar().write(Answer(items=(Item(box=box),), keyframe=3), lambda _: None)

from framework.lab.queries import Question, Track, ask


def square(first: int, last: int, colour: str = "red", drift: float = 0.0) -> Track:
    return Track(colour, "square", first, last, drift)


def circle(first: int, last: int, colour: str = "blue", drift: float = 0.0) -> Track:
    return Track(colour, "circle", first, last, drift)


def test_a_name_that_two_things_bear_asks_for_neither():
    assert ask("attribute", [square(0, 1), square(2, 3), circle(0, 3)], 4) == [Question("the blue circle", 2)]


def test_a_colour_asks_for_the_one_thing_that_has_it():
    assert ask("colour", [square(0, 1), circle(0, 1, "red"), circle(0, 1)], 4) == [Question("the blue shape", 2)]


def test_first_and_last_need_a_rival_of_the_same_shape_and_no_tie():
    assert ask("first", [square(0, 1), circle(2, 3)], 4) == []
    assert ask("first", [square(0, 1), square(0, 3)], 4) == []
    assert ask("first", [square(2, 3), square(0, 1)], 4) == [Question("the square that appears first", 1)]
    assert ask("last", [square(2, 3), square(0, 1)], 4) == [Question("the square that appears last", 0)]


def test_leaving_is_only_seen_before_the_clip_ends():
    assert ask("leaves_first", [square(0, 3), square(1, 3)], 4) == []
    assert ask("leaves_first", [square(0, 3), square(1, 2)], 4) == [Question("the square that leaves first", 1)]


def test_the_second_of_three_needs_an_order_without_ties():
    assert ask("second", [square(0, 1), square(2, 3), square(1, 2)], 4) == [Question("the second square to appear", 2)]
    assert ask("second", [square(0, 1), square(1, 3), square(1, 2)], 4) == []


def test_a_direction_must_be_clear_and_no_rival_may_drift_that_way():
    assert ask("direction", [square(0, 3, drift=0.2), square(0, 3, drift=-0.01)], 4) == [
        Question("the square moving right", 0)
    ]
    assert ask("direction", [square(0, 3, drift=0.2), square(0, 3, drift=0.01)], 4) == []


def test_after_and_before_stand_against_a_thing_that_its_name_picks_out():
    tracks = [circle(1, 2), square(0, 0), square(3, 4)]
    assert ask("after", tracks, 5) == [Question("the square that appears after the blue circle leaves", 2)]
    assert ask("before", tracks, 5) == [Question("the square that leaves before the blue circle appears", 1)]
    assert ask("after", [circle(0, 0), *tracks], 5) == []

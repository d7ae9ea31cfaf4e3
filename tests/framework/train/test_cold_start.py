from framework.recipe import find_recipe
from framework.train.cold_start import demonstrations


def said(*changes: str) -> list[tuple[str, str]]:
    """How each demonstration begins, and its answer."""
    recipe = find_recipe("videoseg_r1/mini", ["data.train.of.count=40", *changes])
    replies = (str(each.messages[-1].content[0]).partition("<answer>") for each in demonstrations(recipe))
    return [(thought[:7], answer[0]) for thought, _, answer in replies]


def test_a_policy_that_will_be_asked_where_to_look_is_shown_how_to_answer_that_too_and_without_a_thought():
    there = said()
    assert there.count(("<think>", "[")) == len(there) // 2
    assert there.count(("", "{")) == len(there) // 4
    assert sum(not thought and answer.isdigit() for thought, answer in there) == len(there) // 4


def test_a_sampler_that_asks_someone_else_needs_no_lessons():
    assert set(said("sampler.reasoner=lab")) == {("<think>", "[")}

from framework.recipe import find_recipe
from framework.train.cold_start import demonstrations


def openings(*changes: str) -> list[str]:
    recipe = find_recipe("videoseg_r1/mini", ["data.train.of.count=30", *changes])
    return [str(each.messages[-1].content[0]).partition("> ")[2][:9] for each in demonstrations(recipe)]


def test_a_policy_that_will_be_asked_where_to_look_is_shown_how_to_answer_that_too():
    said = openings()
    assert said.count("<answer>[") == said.count("<answer>{") == len(said) // 3


def test_a_sampler_that_asks_someone_else_needs_no_lessons():
    assert set(openings("sampler.reasoner=lab")) == {"<answer>["}

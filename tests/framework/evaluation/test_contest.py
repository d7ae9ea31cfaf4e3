"""Models play the same side by side and alone; who must answer without looking is told how, and never what."""

import asyncio
import gc
from dataclasses import replace
from pathlib import Path
from weakref import ref

import pytest
from PIL import Image

from envs.by_dataset import ByDataset
from envs.keyframes import Keyframes
from envs.locate import Locate
from envs.single_turn import SingleTurn
from envs.zoom import Zooming
from framework.chat.grammar import Grammar
from framework.env import Env, Rules
from framework.errors import DataError, PixelError, UnknownName
from framework.evaluation.arena import Played
from framework.evaluation.contest import Match, contest, together
from framework.evaluation.model import answer_form, opened
from framework.lab.world import World
from framework.reasoners.sampling import Request
from framework.recipe import find_recipe
from framework.types import Task, Truth, Video

TASKS = [World(level="glance").task(number) for number in range(8)]


@pytest.mark.parametrize(
    ("rules", "pieces"),
    [
        (Keyframes(), ('<answer>{"start": ', ', "end": ', ', "keyframe": ', ', "bbox_2d": [')),
        (Keyframes(grammar=Grammar(intervals=False)), ('<answer>{"keyframe": ', ', "bbox_2d": [')),
        (
            ByDataset(others=Locate(), of={"glance": Keyframes(grammar=Grammar(ends=("from", "to")))}),
            ('<answer>{"from": ', ', "to": ', ', "keyframe": ', ', "bbox_2d": ['),
        ),
        (Zooming(inner=Keyframes()), ('<answer>{"start": ', ', "end": ', ', "keyframe": ', ', "bbox_2d": [')),
    ],
)
def test_the_form_of_an_answer_is_the_same_for_all_tasks_of_a_game(rules: Rules, pieces: tuple[str, ...]) -> None:
    [form] = {answer_form(rules, task) for task in TASKS}
    assert form.pieces == (*pieces, ", ", ", ", ", ", "]}</answer>")
    assert not form.words


def test_the_words_of_an_answer_are_not_told() -> None:
    task = replace(TASKS[0], truth=Truth(answer="2 of 3, in Paris?"))
    form = answer_form(SingleTurn(), task)
    assert (form.pieces, form.words) == (("<answer>",), True)


def test_a_game_without_an_expert_tells_how_an_answer_begins() -> None:
    class Silent(Rules):
        def make(self, task: Task) -> Env:
            raise NotImplementedError

    form = answer_form(Silent(), TASKS[0])
    assert (form.pieces, form.words) == (("<answer>",), True)


def test_a_task_that_cannot_be_played_is_left_out_and_told_if_the_recipe_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = find_recipe("quickstart", ["data.eval.count=4", "data.faulty=skip", "stages.eval.players=[expert]"])
    whole = type(recipe.data.eval).task

    def task(self: World, index: int) -> Task:
        if index == 1:
            raise DataError("no such clip")
        return whole(self, index)

    monkeypatch.setattr(World, "task", task)
    found = asyncio.run(contest(recipe, {}))
    assert len(found.tasks) == 3
    assert found.left_out.startswith("left out: 1 of 4 rows; the first: row 1 of World: no such clip")


def test_a_mistyped_player_is_refused_before_anybody_plays() -> None:
    recipe = find_recipe("quickstart", ["stages.eval.players=[expert, randon]"])
    with pytest.raises(UnknownName, match="no player 'randon'; did you mean 'random'"):
        asyncio.run(contest(recipe, {}))


def test_two_models_side_by_side_play_as_one_does_alone():
    recipe = find_recipe("quickstart", ["reasoner.grounding=0", "data.eval.count=4", "stages.eval.rounds=1"])
    same = Path(recipe.reasoner.folder())
    found = asyncio.run(contest(recipe, {"cold_start": same, "rl": same}))
    for played in (found.greedy, found.sampled):
        assert _said(played["rl"]) == _said(played["cold_start"]) != []
    assert _said(found.greedy["blanked"]) == _said(found.greedy["cold_start_blanked"])


def test_what_stops_both_models_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """The other's failure was reported by asyncio when it was forgotten, as a page of traceback."""
    Image.new("RGB", (8, 8)).save(tmp_path / "0.png")
    (tmp_path / "1.png").write_bytes(b"torn")
    clip = Video(str(tmp_path), 2, 8, 8)
    task = Task(id="torn", question="Where?", video=clip, truth=Truth(present=(True, True)))
    recipe = find_recipe("quickstart", ["reasoner.grounding=0"])
    match = Match(recipe, "rl", recipe.reasoner, [task], [task], last=True)
    with pytest.raises(PixelError, match="no whole image"):
        asyncio.run(together([match, match]))
    gc.collect()
    assert not caplog.messages


@pytest.mark.parametrize(("recipe", "shows_more"), [("timelens/mini", False), ("videoseg_r1/mini", True)])
def test_a_game_that_shows_an_overview_and_nothing_else_is_not_played_on_grey(recipe: str, shows_more: bool) -> None:
    changes = ["reasoner.grounding=0", "data.eval.count=2", "stages.eval.rounds=0"]
    found = find_recipe(recipe, changes)
    told = asyncio.run(contest(found, {"cold_start": Path(found.reasoner.folder())}))
    assert ("blanked" in told.greedy) == shows_more
    assert "shuffled" in told.greedy


def test_who_leads_the_models_is_not_one_that_learned_by_reinforcement():
    """Without a cold start it is the recipe's own reasoner; with one, what that left."""

    def asked(checkpoint: str, *changes: str) -> list[str]:
        lean = ["reasoner.grounding=0", "data.eval.count=2", "stages.eval.rounds=0", "stages.eval.tampered=false"]
        found = find_recipe("videoseg_r1/mini", [*lean, "stages.eval.players=[]", *changes])
        told = asyncio.run(contest(found, {"rl": Path(checkpoint)})).greedy["rl"]
        traces = [episode.task.focus.trace for episode in told.rounds[0] if episode.task.focus]
        return [turn.said.text for trace in traces for turn in trace]

    one, other = (find_recipe("videoseg_r1/mini", ["reasoner.grounding=0", f"reasoner.seed={n}"]) for n in (0, 1))
    alone = "stages.cold_start.steps=0"
    assert asked(one.reasoner.folder(), alone) == asked(other.reasoner.folder(), alone) != []
    assert asked(one.reasoner.folder()) != asked(other.reasoner.folder())


def _said(played: Played) -> list[str]:
    return [turn.said.text for each in played.rounds for episode in each for turn in episode.turns]


def test_a_model_that_has_played_is_gone_before_the_next_is_loaded(monkeypatch: pytest.MonkeyPatch):
    recipe = find_recipe("quickstart", ["reasoner.grounding=0"])

    async def played() -> ref[object]:
        async with opened(recipe, recipe.reasoner) as model:
            await model.generate(Request(ids=model.voice.write("red"), max_tokens=1))
            return ref(model.generate)

    gc.disable()
    try:
        before = asyncio.run(played())
        monkeypatch.setattr("framework.reasoners.generator.Generator.load", lambda *_, **__: there.append(before()))
        there = list[object]()
        with pytest.raises(AttributeError):
            asyncio.run(played())
        assert there == [None]
    finally:
        gc.enable()

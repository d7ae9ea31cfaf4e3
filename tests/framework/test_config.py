"""Recipes say only what differs, and are read back as they are shown."""

import pickle
import sys
from pathlib import Path

import pytest
import yaml

from envs import ENVS
from envs.keyframes import Keyframes
from envs.zoom import Zooming
from framework.config import load
from framework.cookbook import names
from framework.errors import ConfigError
from framework.fault import PATH, Fault
from framework.recipe import Recipe, find_recipe
from framework.registry import base, name_of, resolve, table
from framework.testing import filled

BOTTOM = """\
reasoner: lab
data: {train: lab, eval: {use: lab, split: eval}}
env: {use: keyframes, max_turns: 4, overview: {frames: 6}}
rewards:
  form: {use: well_formed, weight: 0.1}
"""


def test_a_variant_says_only_what_differs(tmp_path: Path):
    (tmp_path / "bottom.yaml").write_text(BOTTOM)
    (tmp_path / "deep").mkdir()
    top = tmp_path / "deep" / "top.yaml"
    top.write_text("extends: ../bottom.yaml\nenv: {overview: {frames: 3}}\nrewards: {place: box_iou}\n")
    recipe = find_recipe(str(top), ["env.max_turns=2"])
    assert isinstance(recipe.env, Keyframes)
    assert (recipe.env.overview.frames, recipe.env.max_turns) == (3, 2)
    assert recipe.rubric.formula() == "0.1·form + 1·place"
    assert recipe.name == "top"


def test_a_recipe_of_ours_is_extended_by_its_name_from_anywhere(tmp_path: Path):
    (tmp_path / "longer.yaml").write_text("extends: quickstart\nstages: {rl: {steps: 7}}\n")
    ours, longer = find_recipe("quickstart"), find_recipe(str(tmp_path / "longer.yaml"))
    assert (longer.stages.rl.steps, longer.rewards) == (7, ours.rewards)


def test_a_part_of_another_kind_starts_afresh(tmp_path: Path):
    (tmp_path / "bottom.yaml").write_text(BOTTOM)
    top = tmp_path / "top.yaml"
    top.write_text("extends: bottom.yaml\nenv: {use: zoom, smallest: 9}\n")
    env = find_recipe(str(top)).env
    assert isinstance(env, Zooming)
    assert (env.smallest, env.max_turns) == (9, ENVS["zoom"]().max_turns)


def test_a_part_keeps_its_settings_under_its_own_name(tmp_path: Path):
    (tmp_path / "bottom.yaml").write_text(BOTTOM)
    assert find_recipe(str(tmp_path / "bottom.yaml"), ["env.use=keyframes"]).env.max_turns == 4


def test_a_part_may_be_given_by_its_name_alone_and_changed_afterwards(tmp_path: Path):
    (tmp_path / "bottom.yaml").write_text(BOTTOM)
    recipe = find_recipe(str(tmp_path / "bottom.yaml"), ["reasoner.unit=16", "env=zoom", "env.smallest=5"])
    assert (recipe.reasoner.unit, recipe.env.sight.unit) == (16, 16)
    assert isinstance(recipe.env, Zooming)
    assert recipe.env.smallest == 5


def test_interpolations_are_resolved(tmp_path: Path):
    (tmp_path / "bottom.yaml").write_text(BOTTOM + "seed: 7\nabout: seed ${seed}\n")
    assert load(tmp_path / "bottom.yaml")["about"] == "seed 7"


@pytest.mark.parametrize("name", names())
def test_a_recipe_is_read_back_as_it_is_shown(name: str, tmp_path: Path):
    from framework.commands.show import as_yaml

    recipe = find_recipe(name, filled(name))
    shown = tmp_path / "shown.yaml"
    shown.write_text(as_yaml(recipe))
    assert find_recipe(str(shown)) == recipe


def test_a_default_part_is_shown_with_its_name(tmp_path: Path):
    from framework.commands.show import as_yaml

    recipe = find_recipe("quickstart", ["env=zoom"])
    tree = yaml.safe_load(as_yaml(recipe))
    assert tree["env"]["inner"]["use"] == "single_turn"
    assert Recipe.model_validate(tree) == recipe


def test_what_looks_like_an_interpolation_is_shown_so_that_it_stays_text(tmp_path: Path):
    from framework.commands.show import as_yaml

    shown = tmp_path / "shown.yaml"
    recipe = find_recipe("quickstart")
    for said in ("say ${x}", "\t${x}"):
        shown.write_text(as_yaml(recipe.model_copy(update={"env": recipe.env.model_copy(update={"system": said})})))
        assert find_recipe(str(shown)).env.system == said


def test_a_fault_is_the_same_in_another_process():
    told = Fault(("env", "max_turns"), "must be given; add {PATH}=…".replace("{PATH}", PATH))
    again = pickle.loads(pickle.dumps(told))
    assert (str(again), again.steps) == (str(told), told.steps)


@pytest.mark.parametrize("kind", ["env", "reward", "reasoner", "data"])
def test_every_listed_name_is_found_and_said_again(kind: str):
    for name, cls in table(kind).items():
        assert resolve(kind, name) is cls
        assert issubclass(cls, base(kind))
        assert name_of(cls) == name


def test_settings_that_no_one_chooses_have_no_name():
    assert name_of(type(Keyframes().overview)) == ""


def test_a_recipe_finds_the_code_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "beside_it.py").write_text("from rewards.box import BoxIoU\nclass Mine(BoxIoU):\n    pass\n")
    (tmp_path / "own.yaml").write_text(BOTTOM + "  mine: beside_it:Mine\n")
    reward = find_recipe(str(tmp_path / "own.yaml")).rewards["mine"]
    assert name_of(type(reward)) == "beside_it:Mine"
    del sys.modules["beside_it"]


def test_what_is_not_given_is_named_though_others_are_made_of_it(tmp_path: Path):
    (tmp_path / "bottom.yaml").write_text(BOTTOM + "about: '???'\nname: of ${about}\n")
    with pytest.raises(ConfigError, match=r"^about: must be given .*; add about=… to the command$"):
        load(tmp_path / "bottom.yaml")
    assert load(tmp_path / "bottom.yaml", ["about=this"])["name"] == "of this"


# ---- words in files of their own -------------------------------------------------------------------------------------

TARGET = BOTTOM.replace("use: keyframes, max_turns: 4, overview: {frames: 6}", "use: target, prompt: file:words/ask.md")


def test_words_come_from_a_file_beside_the_yaml_that_names_it(tmp_path: Path):
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "ask.md").write_text("Where is {question}?\n${HOME} and ??? are words.\n")
    (tmp_path / "bottom.yaml").write_text(TARGET)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "top.yaml").write_text("extends: ../bottom.yaml\n")
    tree = load(tmp_path / "deep" / "top.yaml")
    assert tree["env"]["prompt"] == "Where is {question}?\n${HOME} and ??? are words.\n"


def test_words_given_on_the_command_line_lie_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "bottom.yaml").write_text(BOTTOM)
    (tmp_path / "mine.md").write_text("Look closely.")
    monkeypatch.chdir(tmp_path)
    assert load(tmp_path / "bottom.yaml", ["env.system=file:mine.md"])["env"]["system"] == "Look closely."


def test_a_file_of_words_that_is_not_there_is_named_with_its_yaml(tmp_path: Path):
    (tmp_path / "bottom.yaml").write_text(TARGET)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "bottom.yaml")
    assert str(caught.value) == (
        f"env.prompt: words/ask.md: No such file or directory (in {tmp_path / 'bottom.yaml'}); "
        "name a text file, from that yaml's folder"
    )
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "ask.md").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="is no text"):
        load(tmp_path / "bottom.yaml")


def test_the_address_of_a_file_is_no_file_of_words(tmp_path: Path):
    (tmp_path / "bottom.yaml").write_text(BOTTOM + "about: file://elsewhere\n")
    assert load(tmp_path / "bottom.yaml")["about"] == "file://elsewhere"

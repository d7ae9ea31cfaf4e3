"""Whatever is set wrongly is answered with its path, its value and a remedy, at once and without torch."""

import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from framework.cli import main

CHANGES = [
    # unknown keys, at every depth
    ("algoritm.group=4", "algoritm: unknown key (value {'group': 4}); did you mean 'algorithm'?"),
    ("env.max_turn=3", "env.max_turn: unknown key (value 3); did you mean 'max_turns'?"),
    ("env.overview.frame=3", "env.overview.frame: unknown key (value 3); did you mean 'frames'?"),
    ("env.grammar.clam=true", "env.grammar.clam: unknown key (value True); did you mean 'clamp'?"),
    ("rewards.place.wieght=1", "rewards.place.wieght: unknown key (value 1); did you mean 'weight'?"),
    ("data.train.splitt=eval", "data.train.splitt: unknown key (value 'eval'); did you mean 'split'?"),
    ("zzz=1", "zzz: unknown key (value 1); there are: about, algorithm,"),
    # unknown names
    ("env.use=keyframe", "env.use: no env 'keyframe'; did you mean 'keyframes'?"),
    ("env=zooom", "env.use: no env 'zooom'; did you mean 'zoom'?"),
    ("rewards.place.use=box_iuo", "rewards.place.use: no reward 'box_iuo'; did you mean 'box_iou'?"),
    ("reasoner.use=qwen4", "reasoner.use: no reasoner 'qwen4'; did you mean 'qwen3_5'?"),
    ("data.train.use=laab", "data.train.use: no data 'laab'; did you mean 'lab'?"),
    ("data.train.level=glanse", "data.train.level: no level 'glanse'; did you mean 'glance'?"),
    ("rewards.plac.weight=1", "rewards.plac: is no part of this recipe; did you mean 'place'?"),
    ("rewards.place.use=my_lab.Mine", "rewards.place.use: no reward 'my_lab.Mine'; did you mean 'my_lab:Mine'?"),
    ("rewards.mine={weight: 1}", "rewards.mine.use: None names no reward; write `use: NAME`"),
    ("rewards.score={use: well_formed}", "rewards.score: is what eval.json calls a column of its own"),
    ("stages.eval.measures={by_kind: box_iou}", "stages.eval.measures.by_kind: is what eval.json calls a column"),
    ("reasoner.family=qwen4", "reasoner.family: no reasoner 'qwen4'; did you mean 'qwen3_5'?"),
    ("rewards.mine.use=3", "rewards.mine.use: 3 names no reward; write `use: NAME`"),
    # a part that is no part
    ("env=3", "env: 3 is no env; write the name of one, or `use: NAME` in it (there are: by_dataset,"),
    ("env=null", "env: None is no env; write the name of one"),
    ("rewards.place=0.5", "rewards.place: 0.5 is no reward; write the name of one"),
    ("rewards.place=[box_iou]", "rewards.place: ['box_iou'] is no reward; write the name of one"),
    ("rewards=[box_iou]", "rewards: ['box_iou'] will not do; it should be a mapping of keys to values"),
    ("env.overview=8", "env.overview: 8 will not do; it should be a mapping of keys to values"),
    # wrong types
    ("env.max_turns=two", "env.max_turns: 'two' will not do; it should be a whole number"),
    ("env.max_turns=2.5", "env.max_turns: 2.5 will not do; it should be a whole number"),
    ("env.max_turns=", "env.max_turns: None will not do; it should be a whole number"),
    ("env.max_turns=true", "env.max_turns: True will not do; it should be a number"),
    ("env.overview.grain=yes", "env.overview.grain: True will not do; it should be a number"),
    ("env.force_answer=perhaps", "env.force_answer: 'perhaps' will not do; it should be true or false"),
    ("rewards.place.weight=heavy", "rewards.place.weight: 'heavy' will not do; it should be a number"),
    (
        "reasoner.coordinates=metres",
        "reasoner.coordinates: 'metres' will not do; it should be a whole number or 'pixels'",
    ),
    ("env.on_malformed=shout", "env.on_malformed: 'shout' will not do; it should be 'stop' or 'ask_again'"),
    (
        "env.grammar.actions=[selct]",
        "env.grammar.actions.0: 'selct' will not do; it should be 'select', 'zoom' or 'answer'",
    ),
    (
        "rewards.place.over_steps={weight: {0: 1}}",
        "rewards.place.over_steps.weight: unknown key 0; there are: at, between",
    ),
    ("rewards.x={use: multiple_choice, letters: ab}", "rewards.x.letters: 'ab' will not do; it should be text like ^["),
    ("env.grammar.actions=[]", "env.grammar.actions: [] will not do; it should be a longer list"),
    ("algorithm.betas=[0.9]", "algorithm.betas: [0.9] will not do; it should be a longer list"),
    ("algorithm.advantage=grop", "algorithm.advantage: no advantage 'grop'; did you mean 'grpo'?"),
    ("seed=-1", "seed: -1 will not do; it should be at least 0"),
    ("seed.x=3", "seed: {'x': 3} will not do; it should be a whole number"),
    ("cluster.platform=tpu", "cluster.platform: 'tpu' will not do; it should be 'cpu' or 'cuda'"),
    # numbers that make no sense
    ("env.max_turns=0", "env.max_turns: 0 will not do; it should be at least 1"),
    ("env.deadline_s=0", "env.deadline_s: 0 will not do; it should be more than 0"),
    ("env.overview.frames=-1", "env.overview.frames: -1 will not do; it should be at least 0"),
    ("env.keyframe.max_pixels=0", "env.keyframe.max_pixels: 0 will not do; it should be at least 1"),
    ("env.overview.grain=0", "env.overview.grain: 0 will not do; it should be at least 1"),
    ("algorithm.prompts=0", "algorithm.prompts: 0 will not do; it should be at least 1"),
    ("algorithm.lr=-1", "algorithm.lr: -1 will not do; it should be at least 0"),
    ("algorithm.lr=.inf", "algorithm.lr: inf will not do; it should be a finite number"),
    ("rollout.temperature=-0.1", "rollout.temperature: -0.1 will not do; it should be at least 0"),
    ("rollout.reply_tokens=0", "rollout.reply_tokens: 0 will not do; it should be at least 1"),
    ("cluster.nodes=0", "cluster.nodes: 0 will not do; it should be at least 1"),
    ("data.train.count=0", "data.train.count: 0 will not do; it should be at least 1"),
    ("reasoner.coordinates=0", "reasoner.coordinates: 0 will not do; it should be at least 2"),
    # limits that contradict
    ("env.overview.min_pixels=999", "env.overview: min_pixels 999 is more than max_pixels 64; lower it"),
    # what must be given
    ("env.max_turns=???", "env.max_turns: must be given (it is ??? in"),
    (
        "reasoner=qwen3_vl",
        "reasoner.path: must be given; write it in the recipe, or add reasoner.path=… to the command",
    ),
    # settings that are none
    ("env.max_turns", "env.max_turns: no setting; write key=value, as in env.max_turns=2"),
    ("=3", "=3: no setting; write key=value"),
    ("env..max_turns=3", "env..max_turns=3: no setting; write key=value"),
    (
        "env.grammar.actions=[select",
        "env.grammar.actions: '[select' is not readable as yaml; close its brackets and quotes",
    ),
    ("seed=${nothing}", "seed: Interpolation key 'nothing' not found"),
]


@pytest.mark.parametrize(("change", "lesson"), CHANGES, ids=[change for change, _ in CHANGES])
def test_a_wrong_setting_is_answered_with_path_value_and_remedy(change: str, lesson: str, capsys):
    assert lesson in refused(["show", "quickstart", change], capsys)


WHOLE = """\
reasoner: lab
data: {train: lab, eval: lab}
env: keyframes
rewards: {form: well_formed}
"""

FILES = [
    ("no yaml", "a: [1\nb: 2", "recipe.yaml: not readable as yaml (", "); mend that line"),
    ("a list", "- a\n- b", "recipe.yaml: ['a', 'b'] will not do; it should be a mapping of keys to values"),
    ("a key twice", "seed: 1\nseed: 2", "recipe.yaml: not readable as yaml (", "duplicate key seed"),
    ("nothing", "", "must be given; write it in the recipe, or add"),
    (
        "extends nothing",
        "extends: ghost.yaml",
        "recipe.yaml: extends: ghost.yaml: no such file; there are: recipe.yaml",
    ),
    ("extends nobody", "extends: quikstart", "recipe.yaml: extends: no recipe 'quikstart'; did you mean 'quickstart'?"),
    ("extends itself", "extends: recipe.yaml", "extends itself (recipe.yaml → recipe.yaml); take one `extends:` out"),
    (
        "extends two",
        "extends: [a.yaml, b.yaml]",
        "extends: ['a.yaml', 'b.yaml'] will not do; it should be one recipe, its name or",
    ),
    ("extends a folder", "extends: .", "recipe.yaml: extends: no recipe '.'; there are: "),
    ("no rewards", WHOLE.replace("{form: well_formed}", "{}"), "rewards: {} has no reward; name one"),
    (
        "a typing slip",
        WHOLE.replace("reasoner:", "reasonr:"),
        "reasonr: unknown key (value 'lab'); did you mean 'reasoner'?",
    ),
    ("no env", WHOLE.replace("env: keyframes\n", ""), "env: must be given; write it in the recipe, or add env=…"),
    (
        "no module",
        WHOLE.replace("well_formed", "ghosts:Boo"),
        "no module 'ghosts' for reward 'ghosts:Boo'; put ghosts.py beside",
    ),
    (
        "no such class",
        WHOLE.replace("well_formed", "slips:Smothness"),
        "module 'slips' has no 'Smothness'; did you mean 'Smoothness'?",
    ),
    (
        "no reward",
        WHOLE.replace("well_formed", "slips:Plain"),
        "rewards.form.use: 'slips:Plain' is no reward; make it a subclass",
    ),
    (
        "a function",
        WHOLE.replace("well_formed", "slips:score"),
        "rewards.form.use: 'slips:score' is no reward; make it a subclass",
    ),
    (
        "half a reward",
        WHOLE.replace("well_formed", "slips:Half"),
        "reward 'slips:Half' lacks __call__; write that method",
    ),
    (
        "made by hand",
        WHOLE.replace("well_formed", "slips:Made"),
        "reward 'slips:Made' has an __init__ of its own; write its settings as fields, as reach: float",
    ),
    (
        "a setting called as one of ours",
        WHOLE.replace("well_formed", "slips:Round"),
        "reward 'slips:Round': its field 'shape' means another thing in every reward; rename it",
    ),
    (
        "a setting called as a method of ours",
        WHOLE.replace("well_formed", "late:Late"),
        "reward 'late:Late': its field 'at' means another thing in every reward; rename it",
    ),
    (
        "a file called as a room of ours",
        WHOLE.replace("well_formed", "rewards:Smoothness"),
        "module 'rewards' has no 'Smoothness'; that module is not yours: give your file a name of its own",
    ),
    (
        "a setting without its type",
        WHOLE.replace("well_formed", "untyped:Mine"),
        "untyped.py:3: pydantic.errors.PydanticUserError: A non-annotated attribute was detected: `reach = 0.5`",
    ),
    (
        "no rules",
        WHOLE.replace("keyframes", "slips:Smoothness"),
        "'slips:Smoothness' is no env; make it a subclass of framework.env.Rules",
    ),
    (
        "a syntax error",
        WHOLE.replace("well_formed", "broken:Mine"),
        "'broken:Mine' cannot be imported:",
        "broken.py:2: SyntaxError:",
    ),
    ("raises", WHOLE.replace("well_formed", "raising:Mine"), "raising.py:1: ZeroDivisionError: division by zero"),
    (
        "imports a ghost",
        WHOLE.replace("well_formed", "haunted:Mine"),
        "haunted.py:1: ModuleNotFoundError: No module named 'gohst'",
    ),
]

MODULES = {
    "slips.py": """\
        from framework.reward import Reward

        class Smoothness(Reward):
            def __call__(self, episodes):
                return [1.0 for _ in episodes]

        class Half(Reward):
            pass

        class Made(Smoothness):
            def __init__(self, reach):
                self.reach = reach

        class Round(Smoothness):
            shape: str = "circle"

        class Plain:
            pass

        def score(episodes):
            return []
        """,
    "broken.py": "class Mine:\n    weight = = 1\n",
    "raising.py": "1 / 0\n",
    "haunted.py": "import gohst\n",
    "late.py": "from slips import Smoothness\n\nclass Late(Smoothness):\n    at: int = 3\n",
    "untyped.py": "from framework.reward import Reward\n\nclass Mine(Reward):\n    reach = 0.5\n",
}


@pytest.mark.parametrize(
    ("text", "lessons"), [(text, lessons) for _, text, *lessons in FILES], ids=[each[0] for each in FILES]
)
def test_a_wrong_recipe_file_is_answered_with_path_and_remedy(
    text: str, lessons: list[str], tmp_path, capsys, own_imports
):
    recipe = written(tmp_path, text)
    said = refused(["show", str(recipe)], capsys)
    assert all(lesson in said for lesson in lessons), said


@pytest.mark.parametrize(
    ("argv", "lesson"),
    [
        (["show", "quickstrat"], "no recipe 'quickstrat'; did you mean 'quickstart'?; a path must end in .yaml"),
        (["show", "./my_lab/ghost.yaml"], "./my_lab/ghost.yaml: no such file; there are: none"),
        (["shwo", "quickstart"], "no command 'shwo'; did you mean 'show'?"),
        (["play", "quickstart", "--polcy", "expert"], "play has no option '--polcy'; did you mean '--policy'?"),
        (["play", "quickstart", "--policy", "exprt"], "no policy 'exprt'; did you mean 'expert'?"),
        (["play", "quickstart", "-n", "0"], "'0' will not do; it should be a whole number of at least 1"),
        (["play"], "play: the following arguments are required: RECIPE; see limner play --help"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_a_wrong_command_line_is_answered_with_the_nearest_right_one(argv, lesson, capsys):
    assert lesson in refused(argv, capsys)


def test_a_path_with_a_slip_is_answered_with_the_nearest_file(tmp_path, capsys):
    written(tmp_path, WHOLE)
    assert "did you mean" in refused(["show", str(tmp_path / "recpe.yaml")], capsys)


@pytest.mark.parametrize("name", [".", "recipe"])
def test_a_folder_or_a_file_without_its_ending_is_answered_with_the_recipes_there(
    name: str, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(written(tmp_path, WHOLE).parent)
    assert "recipe.yaml" in refused(["show", name], capsys)


@pytest.mark.parametrize("change", ["env.max_turn=3", "rewards.place.use=box_iuo", "data.train.level=glanse"])
def test_a_fault_comes_at_once_and_without_torch(change: str, spent: Callable[[str], float]):
    code = f"import sys; from framework.cli import main; main(['check', 'quickstart', {change!r}])"
    told = "; assert 'torch' not in sys.modules"
    assert spent(code + told) <= 8  # a second on a quiet machine; others may work beside it


def refused(argv: list[str], capsys) -> str:
    began = time.process_time()
    assert main(argv) == 2
    assert time.process_time() - began < 1
    said = capsys.readouterr()
    assert said.err.startswith("limner: ")
    assert "Traceback" not in said.err
    return said.err


def written(folder: Path, text: str) -> Path:
    """A recipe with some modules that are wrong in their own ways beside it."""
    for name, code in MODULES.items():
        (folder / name).write_text(textwrap.dedent(code))
    (folder / "recipe.yaml").write_text(text)
    return folder / "recipe.yaml"


@pytest.fixture
def own_imports(monkeypatch: pytest.MonkeyPatch):
    """Modules beside a recipe are forgotten again."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in MODULES:
        sys.modules.pop(name.removesuffix(".py"), None)

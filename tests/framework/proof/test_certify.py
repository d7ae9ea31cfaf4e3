"""What certification finds: the published defects, and nothing in rewards that have none."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from envs.by_dataset import ByDataset
from envs.keyframes import Keyframes
from framework.chat.grammar import Grammar
from framework.cli import main
from framework.config import typed
from framework.env import Env, Rules
from framework.errors import ConfigError, UserError
from framework.lab.world import World
from framework.player import Doing
from framework.proof import laws
from framework.proof.allowance import Allowance, Certify
from framework.proof.case import Case
from framework.proof.certify import Certificate, certify, documented
from framework.proof.tricks import TRICKS
from framework.recipe import Recipe, find_recipe
from framework.reward import Reward
from framework.types import Answer, Broken, Episode, Failure, Malformed, Select, Task, Truth
from framework.vision.boxes import Interval
from rewards import REWARDS

THOUGHT = "<think>Step 1: it moves. Step 2: it is red. Step 3: the red one. Action: look.</think>\n"
PLAIN = f"{THOUGHT}{{action}}"
O3 = f"{THOUGHT}<{{tag}}><VTG>{{body}}</VTG>, <RefSeg>[SEG]</RefSeg></{{tag}}>"


def made(
    rewards: dict[str, Any], *, gold: str = PLAIN, env: Any = "keyframes", level: str = "moments", **allowed: Any
) -> Recipe:
    world = {"use": "lab", "level": level}
    tree = {"name": "x", "reasoner": "lab", "data": {"train": world, "eval": world}, "env": env, "rewards": rewards}
    return typed(Recipe, {**tree, "certify": {"gold": gold, **allowed}})


GRAMMAR = Grammar(half_open=True)


def published(term: str, env: Keyframes | None = None) -> Recipe:
    """One of VideoSEG-O3's terms, said in its words."""
    return made({term: {"use": "videoseg_o3", "term": term}}, gold=O3, env=env or Keyframes(grammar=GRAMMAR))


def tasks(level: str) -> list[Task]:
    """A few; images are quickly played."""
    world = World(level=level)
    return [world.task(number) for number in range(4 if level == "still" else 2)]


def tried(recipe: Recipe, given: Sequence[Task] = ()) -> Certificate:
    assert isinstance(recipe.data.train, World)
    return certify(recipe, given or tasks(recipe.data.train.level))


def failures(recipe: Recipe, given: Sequence[Task] = ()) -> set[str]:
    return {each.name for each in tried(recipe, given).failures}


def in_words(answer: str) -> list[Task]:
    """Tasks with this answer."""
    return [replace(each, truth=replace(each.truth, answer=answer)) for each in tasks("still")]


# ---- published defects -----------------------------------------------------------------------------------------------

LAUNCH = {
    "strict_format_cot": {"never_answers", "repeated_answer"},
    "step_format_cot": {"longer_words", "tag_soup"},
    "lr_vtg_iou_dense": {"one_frame"},
    "lr_keyframe_vs_mask_dense": {"spoiled_frames"},
    "lr_progressive_keyframe_dense": {"bad_first", "barely_better"},
}
"""What VideoSEG-O3's terms are fooled by."""


def test_a_case_says_its_actions_as_the_game_of_its_task_reads_them() -> None:
    own = Keyframes(grammar=Grammar(ends=("from", "to")))
    case = Case.of(World(count=1).task(0), ByDataset(of={"glance": own}), "{action}")
    again = case.done(case.actions)
    assert [turn.said for turn in again.turns] == [turn.said for turn in case.gold.turns]
    assert case.times


def test_where_nothing_is_there_nobody_can_cheat_about_where() -> None:
    some = tasks("still")
    blank = [replace(each, truth=Truth(present=(False,))) for each in some]
    found = tried(made({"place": "matched"}, env="single_turn", level="still"), [*some, *blank])
    assert (found.cases, found.failures) == (len(some), [])


@pytest.mark.parametrize("term", LAUNCH)
def test_the_terms_of_videoseg_o3_are_fooled_as_published(term: str) -> None:
    assert failures(published(term)) >= LAUNCH[term]


def test_what_is_paid_where_nothing_is_to_be_found_is_noticed() -> None:
    """VideoSEG-O3 pays any interval and no keyframe where the target is never seen."""
    nowhere = [replace(each, truth=Truth(present=(False,) * each.video.length)) for each in tasks("moments")]
    assert "repeated_answer" in failures(published("lr_vtg_iou_dense", Undaunted(grammar=GRAMMAR)), nowhere)
    assert "best" in failures(published("lr_vtg_keyframe", Undaunted(grammar=GRAMMAR)), nowhere)


class Undaunted(Keyframes):
    """Its expert answers though there is no target."""

    def expert(self, task: Task) -> Doing:
        every = Interval(0, task.video.length - 1)
        return Doing(self, task, Select(every, 0), Answer(interval=every, keyframe=0))


def test_the_form_of_visionreasoner_takes_a_whole_transcript() -> None:
    recipe = made({"form": {"use": "vision_reasoner", "term": "thinking_format"}}, env="single_turn", level="still")
    assert "repeated_answer" in failures(recipe)


class Transcript(Reward):
    """1 if it matches, lazily and over all lines, else 0."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float]:
        pattern = re.compile(r"<think>.*?</think>\s*<answer>.*?</answer>", re.DOTALL)
        return [float(bool(pattern.fullmatch(each.turns[-1].said.text))) for each in episodes]


class OneLine(Reward):
    """1 if it answers, as long as that is on one line, else 0."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float]:
        return [float(bool(re.search(r"<answer>(.*)</answer>", each.turns[-1].said.text))) for each in episodes]


class Substring(Reward):
    """1 if the answer stands in the true one, else 0."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float]:
        return [float(bool(each.answer and each.answer.text in each.task.truth.answer)) for each in episodes]


class Shifted(Reward):
    """1 for an answer, else 0; whatever cannot be read is forgotten, and all later numbers move up."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float]:
        read = [each for each in episodes if not isinstance(each.turns[-1].said.parsed, Malformed)]
        return [float(each.answer is not None) for each in read] + [0.0] * (len(episodes) - len(read))


class Judged(Reward):
    """1 if a judge says so, else 0; and 0 whenever there is none."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float]:
        return [0.0 for _ in episodes]


class Honest(Reward):
    """1 if a judge says so, else 0."""

    def __call__(self, episodes: Sequence[Episode]) -> list[Failure]:
        return [Broken("nobody answers") for _ in episodes]


@pytest.mark.parametrize(
    ("reward", "found"),
    [
        (Transcript(), "repeated_answer"),
        (OneLine(), "layout"),
        (Shifted(), "order"),
        (Judged(), "best"),
        (Honest(), "best"),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Reward) else each,
)
def test_what_peers_got_wrong_is_found(reward: Reward, found: str) -> None:
    assert found in failures(made({"it": reward}, env="single_turn", level="still"))


class Unpaid(Reward):
    """Of which nobody says what it gives."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float]:
        return [0.0 for _ in episodes]


def test_of_a_reward_that_gives_nothing_no_most_is_made_up() -> None:
    found = tried(made({"it": Unpaid()}, env="single_turn", level="still")).failures
    assert {each.said for each in found if each.name == "best"} == {"gives the gold answer 0.000"}


def test_an_empty_answer_that_stands_in_the_true_one_is_found() -> None:
    words = {"env": "single_turn", "level": "still"}
    assert failures(made({"it": Substring()}, **words), in_words("red")) == {"empty_answer"}
    assert failures(made({"it": "exact_answer"}, **words), in_words("red")) == set()


# ---- the library -----------------------------------------------------------------------------------------------------

IMAGE = {"env": "single_turn", "level": "still"}
READ = "it asks what can be read of a reply, whatever stands before"
ACTS = "it asks for actions; another part asks for the right ones"
FAR = "it measures how far, and all of a short clip is not far"


def taken(*tricks: str, because: str) -> dict[str, Any]:
    """These may take it in, and with it the total."""
    return {trick: {"parts": ["it", "total"], "because": because} for trick in tricks}


LIBRARY: dict[str, dict[str, Any]] = {
    "answer_schema": {**IMAGE, **taken("junk_before", because=READ)},
    "answered": taken("junk_before", because=READ),
    "best_of": {},
    "box_giou": {},
    "box_hit": {},
    "box_iou": {},
    "box_l1": {},
    "box_near": {},
    "contour_accuracy": {},
    "coverage": taken("all_frames", "one_frame", because="interval_iou stands beside it"),
    "interval_iou": taken("all_frames", "one_frame", because=FAR),
    "interval_precision": taken("all_frames", "one_frame", because="interval_iou stands beside it"),
    "j_and_f": {},
    "keyframe_hit": {},
    "keyframe_margin": {
        **taken("best", because="it compares turns"),
        **taken("spoiled_frames", because="mask_iou stands beside it"),
    },
    "keyframe_quality": {},
    "looked_again": taken("junk_before", "never_answers", because="it counts beside a right answer"),
    "mask_iou": {},
    "matched": IMAGE,
    "negative_point": IMAGE,
    "non_repetition": taken(
        "copied_prompt", "junk_before", "tag_soup", "longer_words", "never_answers", because="strict_format gates it"
    ),
    "point_distance": IMAGE,
    "point_in_box": {**IMAGE, **taken("whole_image", because="box_iou stands beside it")},
    "point_in_mask": {**IMAGE, **taken("whole_image", because="box_iou stands beside it")},
    "point_in_own_box": {**IMAGE, **taken("junk_before", because=READ)},
    "point_near": IMAGE,
    "progress": {
        **taken("best", because="it compares turns"),
        **taken("bad_first", because="the mean of mask_iou stands beside it"),
    },
    "rank": {},
    "segmented_iou": taken("best", because="its segmenter fills boxes"),
    "step_keywords": taken(
        "repeated_answer", "junk_before", "tag_soup", "never_answers", because="strict_format gates it"
    ),
    "strict_format": taken("never_answers", because=ACTS),
    "tags_per_turn": {"gold": O3, **taken("junk_before", "never_answers", because=ACTS)},
    "turn_economy": taken("junk_before", because=READ),
    "well_formed": taken("junk_before", "never_answers", because=READ),
}
"""What each reward of the library must be allowed where it stands alone."""

BESIDE: dict[str, dict[str, Any]] = {
    "group_difficulty": {"multiplies": ["place"]},
    "overlong": {},
    "soft_length": {},
}
"""Rewards that mean nothing alone, and how they stand beside another."""

WORDS = {"cosine_length": "red", "exact_answer": "red", "multiple_choice": "B", "numeric_answer": "42"}
"""Rewards of answers in words, and such an answer."""


def test_every_reward_of_the_library_is_proved_here() -> None:
    elsewhere = {"env_return", "judge", "videoseg_o3", "vision_reasoner"}  # they need an env, a model, or a rubric
    assert REWARDS.keys() - elsewhere == LIBRARY.keys() | BESIDE.keys() | WORDS.keys()


@pytest.mark.parametrize("name", LIBRARY)
def test_rewards_of_the_library_are_fooled_by_no_more_than_is_said_here(name: str) -> None:
    found = tried(made({"it": name}, **LIBRARY[name]))
    assert [(each.name, each.part, each.said) for each in found.failures] == []
    allowed = {each.name for each in found.findings if each.because}
    assert allowed == LIBRARY[name].keys() - {*IMAGE, "gold"}


@pytest.mark.parametrize("name", BESIDE)
def test_rewards_that_weigh_others_pass_beside_them(name: str) -> None:
    best = {"parts": ["it"], "because": "it is the same for the whole group"}
    recipe = made({"place": "box_iou", "it": {"use": name, **BESIDE[name]}}, best=best)
    assert failures(recipe) == set()


@pytest.mark.parametrize("name", WORDS)
def test_answers_in_words_pass(name: str) -> None:
    assert failures(made({"it": name}, **IMAGE), in_words(WORDS[name])) == set()


def test_beginning_badly_pays_for_progress_where_the_last_mask_counts_and_not_where_their_mean_does() -> None:
    def parts(over_turns: str) -> dict[str, Any]:
        margin = {"use": "keyframe_margin", "weight": 0.3}
        progress = {"use": "progress", "weight": 0.3}
        return {"mask": {"use": "mask_iou", "over_turns": over_turns}, "progress": progress, "margin": margin}

    best = {"parts": ["margin"], "because": "it is nothing where all frames are right"}
    assert failures(made(parts("last"), best=best)) == {"bad_first"}
    assert failures(made(parts("mean"), best=best)) == set()


# ---- laws ------------------------------------------------------------------------------------------------------------


class Leftmost(Reward):
    """How far left the answer lies; in [0, 1]."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float]:
        boxes = [each.answer.items[0].box if each.answer and each.answer.items else None for each in episodes]
        return [1 - box.x0 / box.space.units[0] if box else 0.0 for box in boxes]


def test_a_reward_that_minds_where_things_are_breaks_translation() -> None:
    assert "translation" in failures(made({"it": Leftmost()}, **IMAGE))
    allowed = {"parts": ["it"], "because": "left is what is asked for"}
    assert "translation" not in failures(made({"it": Leftmost()}, **IMAGE, laws=allowed))


def test_a_reward_that_counts_an_empty_keyframe_as_right_pays_for_looking_away() -> None:
    keyframe = {"use": "mask_iou", "where": "keyframe"}
    best = {"parts": ["it"], "because": "it is nothing where all was right from the first"}
    assert "look" in failures(made({"it": {"use": "progress", "of": keyframe | {"both_empty": 1}}}, best=best))
    assert "look" not in failures(made({"it": {"use": "progress", "of": keyframe}}, best=best))


def test_a_reward_that_takes_long_to_read_a_megabyte_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(laws, "SLOW_S", -1.0)
    assert failures(made({"it": "box_iou"}, **IMAGE)) == {"speed"}


# ---- what is said ----------------------------------------------------------------------------------------------------


def test_a_range_is_read_where_a_docstring_states_it() -> None:
    assert documented(Leftmost()) == (0.0, 1.0)
    assert documented(REWARDS["box_giou"]()) == (-1.0, 1.0)
    assert documented(REWARDS["overlong"]()) == (-1.0, 0.0)
    assert documented(REWARDS["keyframe_hit"]()) == (0.0, 1.0)
    assert documented(REWARDS["videoseg_o3"]()) is None


def test_every_trick_may_be_allowed_by_its_name() -> None:
    assert {name for name, field in Certify.model_fields.items() if field.annotation == Allowance | None} == set(TRICKS)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("whole_imag={bound: 0.4, because: so}", "did you mean 'whole_image'?"),
        (
            "whole_image={bound: 0.4, because: so, parts: [plaec]}",
            "no reward 'plaec' in this recipe; did you mean 'place'",
        ),
        ("one_frame={bound: 0.4}", "certify.one_frame.because: must be given"),
        ("one_frame={because: so}", "certify.one_frame: allows nothing"),
        ("one_frame={bound: -1, because: so}", "certify.one_frame.bound: -1 will not do; it should be more than 0"),
    ],
)
def test_what_cannot_be_allowed_is_said(change: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        find_recipe("quickstart", [f"certify.{change}"])


def test_what_the_expert_says_must_be_an_answer() -> None:
    with pytest.raises(UserError, match=r"certify.gold: task .* the expert's reply is not accepted: no action"):
        tried(made({"it": "box_iou"}, gold="I know!"))


def test_tasks_that_no_expert_can_answer_are_told() -> None:
    with pytest.raises(UserError, match="no task has a gold answer"):
        tried(made({"it": "box_iou"}), [replace(each, truth=Truth()) for each in tasks("moments")])


class Expertless(Rules):
    """Nobody knows how to play it."""

    def make(self, task: Task) -> Env:
        return Keyframes().make(task)


def test_an_env_without_an_expert_has_no_gold() -> None:
    with pytest.raises(UserError, match="Expertless has no expert"):
        tried(made({"it": "box_iou"}, env=Expertless()))


# ---- the command -----------------------------------------------------------------------------------------------------


def test_the_quickstart_is_certified(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reward", "certify", "quickstart", "-n", "8"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("total = 0.1·form + 0.3·moment + 0.6·place\non 8 tasks\n")
    assert "things fill about a fifth of these pictures" in said
    assert "\ncertified: " in said


def test_a_trick_that_pays_is_printed_with_its_episode(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reward", "certify", "quickstart", "-n", "4", "certify.whole_image.bound=0.2"]) == 1
    said = capsys.readouterr().out
    assert re.search(r"✗ total, whole_image: earns \d\d% of what the gold answer earns; 20% is allowed\n", said)
    assert '"bbox_2d": [0, 0, 32, 32]}</answer>' in said
    assert said.endswith(
        "not certified: whole_image; mend the rewards, or say why it may be: certify.whole_image={…}\n"
    )


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["quikstart"], "no recipe 'quikstart'; did you mean 'quickstart'?"),
        (["quickstart", "rewards.place.use=box_iuo"], "no reward 'box_iuo'; did you mean 'box_iou'?"),
        (["quickstart", "certify.best={parts: [plac], because: so}"], "no reward 'plac' in this recipe"),
        (["quickstart", "-n", "0"], "'0' will not do"),
    ],
)
def test_a_mistake_ends_in_one_line(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reward", "certify", *argv]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert printed.err.count("\n") == 1

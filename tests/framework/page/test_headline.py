from dataclasses import replace
from pathlib import Path

from framework.evaluation.arena import Gain
from framework.evaluation.standings import Row, Standings
from framework.page.evaluation import evaluation, headline
from framework.page.images import Images
from framework.page.pairs import pairs
from framework.page.stored import Stored
from framework.record import Entry
from framework.types import Broken, Episode, RewardBreakdown, Stop, Task, Video

ROWS = {
    "random": Row(score=0.1, well_formed=1.0),
    "cold_start": Row(score=0.35, sampled_score=0.34, well_formed=1.0),
    "rl": Row(score=0.4, sampled_score=0.42, well_formed=1.0),
}
FOUND = Standings("place", 300, ROWS, {"greedy": Gain(0.05, 0.02, 0.08)})


def sentence(found: Standings) -> str:
    told = headline(Stored([], {}, found, Images([], Path())))
    assert told
    return told["sentence"]


def gained(*gain: float) -> str:
    return sentence(replace(FOUND, gains={"greedy": Gain(*gain)}))


def test_a_gain_is_told_with_its_interval() -> None:
    assert sentence(FOUND) == (
        "Reinforcement taught it something: the mean of “place” over 300 held-out tasks went from 0.350 to 0.400, "
        "a change of +0.050 with a 95 % interval of +0.020 to +0.080."
    )


def test_an_interval_that_holds_0_is_no_gain() -> None:
    told = gained(0.01, -0.02, 0.04)
    assert told.startswith("Nothing was learned that chance could not explain")
    assert told.endswith("interval of −0.020 to +0.040, which holds 0.")


def test_a_gain_by_lot_alone_is_told_as_such() -> None:
    told = sentence(replace(FOUND, gains={"greedy": Gain(0.01, -0.02, 0.04), "sampled": Gain(0.08, 0.05, 0.11)}))
    assert told.startswith(
        "Reinforcement made replies by lot better, a change of +0.080 with a 95 % interval of +0.050 to +0.110; "
        "of the likeliest ones, the mean of “place”"
    )
    assert told.endswith("interval of −0.020 to +0.040, which holds 0.")


def test_an_interval_that_begins_at_0_holds_it() -> None:
    assert gained(0.01, 0.0, 0.04).endswith("which holds 0.")


def test_a_loss_is_told_as_one() -> None:
    told = gained(-0.05, -0.08, -0.02)
    assert told.startswith("Reinforcement made it worse")
    assert "a change of −0.050 with a 95 % interval of −0.080 to −0.020" in told


def test_where_no_task_has_a_score_nothing_is_said_of_learning() -> None:
    unknown = {name: replace(each, score=float("nan")) for name, each in ROWS.items()}
    told = sentence(replace(FOUND, rows=unknown, gains={}))
    assert told == "“place” says nothing of these 300 held-out tasks: their truth is not known here."


def test_how_everyone_played_has_columns_where_it_is_not_the_usual() -> None:
    rows = ROWS | {"rl": replace(ROWS["rl"], turns_used=2.5, unread_replies=0.0, empty_keyframes=0.125)}
    told = evaluation(Stored([], {}, replace(FOUND, rows=rows), Images([], Path())))
    assert told
    [players] = told["tables"]
    assert players["columns"][-2:] == ["turns", "target not on keyframe"]
    assert [each[-2:] for each in players["rows"]] == [["–", "–"], ["–", "–"], ["2.50", "12.5%"]]


def test_what_our_machinery_lost_is_neither_a_gain_nor_a_loss() -> None:
    lost = Row(score=float("nan"), well_formed=float("nan"), lost=1.0)
    nothing = replace(FOUND, rows=ROWS | {"rl": lost}, gains={"greedy": Gain(*[float("nan")] * 3)})
    told = headline(Stored([], {}, nothing, Images([], Path())))
    assert told
    assert told["sentence"] == (
        "What was learned is not known: no held-out task has a score from both cold_start and rl."
    )
    assert told["gains"] == []
    task = Task(id="t", question="?", video=Video("x", 1, 8, 8))
    fine = Entry(
        episode=Episode(task=task, turns=(), stop=Stop.ANSWERED),
        earned=RewardBreakdown(parts={"place": 0.8}, total=0.8),
        policy="cold_start",
        stage="eval",
    )
    broken = RewardBreakdown(parts={}, failures={"episode": Broken("the server is gone")}, total=None)
    gone = replace(fine, episode=replace(fine.episode, stop=Stop.ERROR), earned=broken, policy="rl")
    assert pairs(Stored([fine, gone], {}, FOUND, Images([], Path()))) is None
    assert pairs(Stored([fine, replace(fine, policy="rl")], {}, FOUND, Images([], Path()))) is not None


def test_one_model_alone_has_gained_on_nobody() -> None:
    told = sentence(replace(FOUND, rows={"random": ROWS["random"], "rl": ROWS["rl"]}, gains={}))
    assert told == (
        "The mean of “place” over 300 held-out tasks is 0.400 for rl; there is no earlier policy to hold that against."
    )


def test_questions_that_were_never_asked_in_training_have_their_own_column() -> None:
    kinds = {"attribute": 0.5, "attribute, unseen pair": 0.25}
    rows = ROWS | {"rl": replace(ROWS["rl"], by_kind=kinds, sampled_well_formed=0.875)}
    told = evaluation(Stored([], {}, replace(FOUND, rows=rows), Images([], Path())))
    assert told
    players, by_kind = told["tables"]
    assert by_kind["columns"] == ["player", *kinds]
    assert [cell["text"] for cell in by_kind["rows"][-1][1:]] == ["0.500", "0.250"]
    assert players["columns"] == ["player", "place", "by lot", "well-formed", "by lot"]
    assert players["rows"][-1][2:] == ["0.420", "100.0%", "87.5%"]

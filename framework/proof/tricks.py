"""The tricks by which a reward may be earned without doing what it is meant for, and the plays they are held against.

    gold ─▶ Case ─┬▶ right, wrong or guessed, and said as the rules want it      controls
                  └▶ the same, but cheating in one aspect                        tricks

A trick about the form of replies is played with everything else wrong. Any other is played twice. Held against single
parts of the reward, everything else is right, so that only the trick can cost anything. Held against the total, the
player has learned the trick and nothing else: it guesses when to look, and is wrong about where.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from framework.policy import Scripted
from framework.proof.case import Belief, Case, Rest
from framework.proof.hand import Hand
from framework.proof.wording import Changed, Parrot
from framework.types import Answer, Episode, Select
from framework.vision.boxes import Interval

Aspect = Literal["form", "words", "box", "time", "mask", "progress", "any"]
"""What a trick cheats about, and what a part of the reward may be about."""

MEGABYTE = 2**20
USUAL = 0.2
"""The share of the gold answer's reward that a trick may earn."""
PROSE = "I have looked at it and I do not know.\n"
JUNK = "Sure! Here is what I think.\n1. </p> I looked at it.\n"
SOUP = (
    "<think>step 1 step 2 step 3 step 12 interaction action</think></answer><answer></answer><select></think>"
    '<VTG>{"start": 0, "end": 1, "keyframe": 0}</VTG><RefSeg>[SEG]</RefSeg><think><answer>[{"bbox_2d": [0, 0, 1, 1], '
    '"point_2d": [0, 0]}]</answer></select>[SEG]<zoom></zoom><answer>'
)

LONGER = "<think>step 12 step 23 step 34 interaction</think><answered>rethinking</answered> unselected"
"""No word of it is meant; a pattern that looks for parts of words finds some."""

Make = Callable[[Case, Rest], Episode | None]
"""Plays a case; None where there is nothing to cheat about."""


@dataclass(frozen=True, slots=True)
class Trick:
    aspect: Aspect
    make: Make
    bound: float | None = USUAL
    """The share of the gold answer's total that it may earn; None if it is tried on single parts only."""

    @property
    def rest_by_part(self) -> Rest:
        """What the player does apart from the trick, where that is tried on single parts."""
        return "wrong" if self.aspect in ("form", "any") else "right"

    @property
    def rest_in_total(self) -> Rest:
        """What the player does apart from the trick, where that is tried on the total."""
        return "right" if self.bound == 1 else "wrong" if self.aspect in ("form", "any") else "guess"


# ---- form ------------------------------------------------------------------------------------------------------------


def empty(case: Case, rest: Rest) -> Episode:
    return case.played(Scripted(""))


def copied_prompt(case: Case, rest: Rest) -> Episode:
    return case.played(Parrot(case.rules.system))


def repeated_answer(case: Case, rest: Rest) -> Episode:
    five_times = Changed(case.said(*case.known(rest)), lambda said: "\n".join([said] * 5))
    return case.played(five_times, [rest])


def junk_before(case: Case, rest: Rest) -> Episode:
    return case.played(Changed(case.said(*case.known(rest)), lambda said: JUNK + said), [rest])


def tag_soup(case: Case, rest: Rest) -> Episode:
    return case.played(Scripted(SOUP), [rest])


def longer_words(case: Case, rest: Rest) -> Episode:
    return case.played(Scripted(LONGER), [rest])


def megabyte(case: Case, rest: Rest) -> Episode:
    words = f"{case.task.question} "
    return case.played(Scripted(words * (MEGABYTE // len(words))))


def never_answers(case: Case, rest: Rest) -> Episode | None:
    looks = [act for act in case.known(rest) if not isinstance(act, Answer)]
    return case.done(looks, rest) if looks else None


# ---- what is said ----------------------------------------------------------------------------------------------------


def empty_answer(case: Case, rest: Rest) -> Episode | None:
    return case.done(case.known(rest, Belief(words="")), rest) if case.speaks else None


def whole_image(case: Case, rest: Rest) -> Episode | None:
    return case.done(case.known(rest, Belief(place=case.whole)), rest) if case.points else None


def looks_away(case: Case, rest: Rest) -> Episode | None:
    nowhere = Belief(keyframe=case.elsewhen, place=case.nothing)
    return case.done(case.known(rest, nowhere), rest) if case.points else None


def all_frames(case: Case, rest: Rest) -> Episode | None:
    every = Interval(0, case.task.video.length - 1)
    return case.done(case.known(rest, Belief(interval=every)), rest) if case.times else None


def one_frame(case: Case, rest: Rest) -> Episode | None:
    sure = case.keyframe
    acts = case.known(rest, Belief(interval=Interval(sure, sure)))
    return case.done(acts, rest) if case.times else None


def breaks_off(case: Case, rest: Rest) -> Episode | None:
    """Looks, and then says nothing that can be read."""
    looks = any(isinstance(act, Select) for act in case.actions)
    unread = Changed(case.said(*case.known(rest)), lambda said: PROSE if "<answer>" in said else said)
    return case.played(unread, [rest]) if looks else None


# ---- what is drawn ---------------------------------------------------------------------------------------------------


def union_of_masks(case: Case, rest: Rest) -> Episode | None:
    return case.done(case.known(rest), "all") if case.draws else None


def spoiled_frames(case: Case, rest: Rest) -> Episode | None:
    return case.done(case.actions, "spoiled") if case.draws else None


def bad_first(case: Case, rest: Rest) -> Episode | None:
    return _improving(case, "wrong", "right")


def barely_better(case: Case, rest: Rest) -> Episode | None:
    return _improving(case, "half", "most")


def _improving(case: Case, first: Hand, last: Hand) -> Episode | None:
    """As the expert, but the last turn alone draws with the last hand."""
    hands: list[Hand] = [first for _ in case.actions[1:]]
    return case.done(case.actions, *hands, last) if case.draws and hands else None


TRICKS: Mapping[str, Trick] = {
    "empty": Trick("any", empty),
    "empty_answer": Trick("words", empty_answer),
    "copied_prompt": Trick("any", copied_prompt),
    "repeated_answer": Trick("form", repeated_answer),
    "junk_before": Trick("form", junk_before),
    "tag_soup": Trick("any", tag_soup),
    "longer_words": Trick("any", longer_words),
    "megabyte": Trick("any", megabyte),
    "never_answers": Trick("form", never_answers),
    "whole_image": Trick("box", whole_image),
    "looks_away": Trick("box", looks_away, bound=None),
    "all_frames": Trick("time", all_frames),
    "one_frame": Trick("time", one_frame),
    "breaks_off": Trick("time", breaks_off, bound=None),
    "union_of_masks": Trick("mask", union_of_masks),
    "spoiled_frames": Trick("mask", spoiled_frames, bound=1.0),
    "bad_first": Trick("progress", bad_first, bound=1.0),
    "barely_better": Trick("progress", barely_better, bound=None),
}
"""By the names under which a recipe may allow for them."""


# ---- what they are held against --------------------------------------------------------------------------------------


def right(case: Case) -> Episode:
    """As the expert, drawing rightly from the first turn."""
    return case.done(case.actions, "right")


def better(case: Case) -> Episode | None:
    """As the expert, drawing rightly in the last turn only: what rewards progress may ask for."""
    return bad_first(case, "right")


def beside(case: Case) -> Episode | None:
    """As the expert, naming a point beside each object too."""
    return case.done(case.with_negatives(), "right") if case.points and case.draws else None


GOLDS: tuple[Callable[[Case], Episode | None], ...] = (right, better, beside)
"""Ways to play as well as one can: each part is held against the one that pays it most (Trial.gold)."""

CONTROLS: Mapping[Aspect, Callable[[Case], Episode | None]] = {
    "form": lambda case: case.played(Scripted(PROSE), ["right"]),
    "words": lambda case: case.done(case.known("right", Belief(words="nothing of the kind")), "right"),
    "box": lambda case: case.done(case.known("right", Belief(place=case.other_place)), "right"),
    "time": lambda case: case.done(case.known("right", Belief(interval=case.other_time())), "right"),
    "mask": lambda case: case.done(case.actions, "wrong") if case.draws else None,
    "progress": lambda case: right(case) if case.draws else None,
}
"""All is right but one aspect: a part that then earns next to nothing is about that aspect."""


def plain(case: Case, rest: Rest) -> Episode:
    """No trick at all. With everything wrong, what a part still gives is for the form of the replies."""
    return case.done(case.known(rest), rest)

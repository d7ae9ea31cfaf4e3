"""Does a family's voice say what its model hears? Held against the family's own template, processor and positions.

    check_reasoner("glm4_1v")                        on a tiny random model of that family, built here
    check_reasoner(Qwen3VL(path="…/my-checkpoint"))  on a real one

Each makes small episodes by lot: three turns, thoughts, pictures of many sizes, texts that would be special tokens.
"""

from collections.abc import Callable

from framework.reasoners.exam import hearing, sights, words
from framework.reasoners.exam.candidate import Candidate, stand_in
from framework.reasoners.exam.hearing import log_probs
from framework.reasoners.reasoner import Reasoner

__all__ = ["Candidate", "check_reasoner", "examine", "log_probs", "stand_in"]

CHECKS: tuple[Callable[[Candidate], None], ...] = (
    words.pieces_make_the_template,
    words.text_stays_text,
    words.replies_end_once,
    words.pictures_are_never_said,
    sights.sizes_say_how_many_tokens,
    sights.models_take_what_the_processor_makes,
    sights.positions_are_the_models_own,
    sights.frames_keep_their_times,
    sights.coordinates_come_back,
    sights.blind_folders_are_refused,
    hearing.replies_stop_and_hold_no_pictures,
    hearing.rollout_and_trainer_agree,
)


def check_reasoner(reasoner: str | Reasoner) -> None:
    """Raise AssertionError with what does not fit; say nothing if all does."""
    examine(Candidate.of(reasoner))


def examine(candidate: Candidate) -> None:
    """All checks, the cheap ones first."""
    for check in CHECKS:
        check(candidate)

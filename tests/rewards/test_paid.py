from dataclasses import replace

from framework.rubric import Rubric
from framework.testing import check_reward
from framework.types import Action, Answer, Episode, Malformed, NotApplicable, Observation, Stop, Task, Turn, Video
from rewards.paid import EnvReturn

TASK = Task(id="t", question="?", video=Video("clip", 1, 8, 8))


def episode(*paid: float | None) -> Episode:
    """What each turn was paid; None stands for a reply that could not be read."""
    turns = tuple(
        Turn(Observation(("?",)), Action("…", Malformed("junk") if each is None else Answer(text="left")), paid=each)
        for each in paid
    )
    return Episode(task=TASK, turns=turns, stop=Stop.ANSWERED)


def test_the_return_is_the_sum_of_what_was_paid() -> None:
    assert check_reward(EnvReturn(), [episode(-0.5, -0.25, 1.0), episode(-1.0)]) == [0.25, -1.0]


def test_a_reply_that_could_not_be_read_is_paid_nothing() -> None:
    assert EnvReturn()([episode(-0.5, None)]) == [-0.5]
    assert EnvReturn()([episode(None)]) == [Malformed("junk")]
    assert Rubric({"return": EnvReturn()}).score([episode(None)])[0].total == 0


def test_an_env_that_pays_nothing_has_nothing_to_be_measured() -> None:
    unpaid = replace(episode(1.0), turns=(replace(episode(1.0).turns[0], paid=None),))
    assert EnvReturn()([unpaid]) == [NotApplicable("this env pays nothing")]


def test_each_turn_may_be_paid_on_its_own_tokens() -> None:
    [earned] = Rubric({"return": EnvReturn(weight=2, paid="turn")}).score([episode(-0.5, 1.0)])
    assert earned.turns == {"return": (-1.0, 2.0)}

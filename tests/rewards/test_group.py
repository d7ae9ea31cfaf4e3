from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.config import ConfigError, typed
from framework.reward import Reward
from framework.rubric import Rubric
from framework.types import Broken, Episode, Failure, Malformed, NotApplicable, Stop, Task, Video
from rewards.form import Answered
from rewards.group import ALONE, BestOf, GroupDifficulty, GroupReward, Rank

CLIP = Video("clip", 1, 8, 8)
MALFORMED, NOT, BROKEN = Malformed("m"), NotApplicable("n"), Broken("b")


class Gives(Reward):
    """The number that an episode carries in its error text."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        failures: dict[str, Failure] = {"malformed": MALFORMED, "not": NOT, "broken": BROKEN}
        return [failures.get(episode.error) or float(episode.error) for episode in episodes]


def group(*values: float | str, of: str = "t") -> list[Episode]:
    task = Task(id=of, question="?", video=CLIP)
    return [Episode(task=task, turns=(), stop=Stop.ANSWERED, error=str(value)) for value in values]


def measured(*values: float | str) -> list[Sequence[float | Failure]]:
    return [reward(of=Gives())(group(*values)) for reward in (Rank, BestOf, GroupDifficulty)]


@pytest.mark.parametrize(
    ("values", "rank", "best", "difficulty"),
    [
        ((0.1, 0.7, 0.4), [0.0, 1.0, 0.5], [0, 1, 0], 2 / 3),
        ((0.6, 0.6, 0.2), [0.75, 0.75, 0.0], [1, 1, 0], 1 / 3),
        ((0.5, 0.5), [0.5, 0.5], [0, 0], 0.0),
    ],
)
def test_an_episode_among_its_group(
    values: Sequence[float], rank: list[float], best: list[float], difficulty: float
) -> None:
    assert measured(*values) == [rank, best, [pytest.approx(difficulty)] * len(values)]


def test_groups_do_not_meet() -> None:
    mixed = [each for pair in zip(group(0.1, 0.9), group(5, 3, of="u"), strict=True) for each in pair]
    assert Rank(of=Gives())(mixed) == [0, 1, 1, 0]


def test_a_malformed_reply_stands_below_all_and_stays_one() -> None:
    assert measured("malformed", 0.2, "malformed") == [
        [MALFORMED, 1.0, MALFORMED],
        [MALFORMED, 1.0, MALFORMED],
        [1.0, 1.0, 1.0],
    ]
    assert measured("malformed", "malformed", 0.5, 0.6)[2] == [0.5] * 4


def test_what_does_not_apply_takes_no_part() -> None:
    assert measured("not", 0.2, 0.8) == [[NOT, 0.0, 1.0], [NOT, 0.0, 1.0], [NOT, 0.5, 0.5]]
    assert measured("not", "not") == [[NOT, NOT]] * 3


def test_one_alone_has_nothing_to_compare_with() -> None:
    assert measured(0.7) == [[ALONE], [ALONE], [0.0]]


def test_where_one_is_broken_nothing_is_known_of_the_group() -> None:
    assert measured("broken", 0.5) == [[BROKEN, BROKEN]] * 3
    rubric = Rubric({"rank": Rank(of=Gives())})
    rows = rubric.score(group("broken", 0.5) + group(0.5, 0.6, of="u"))
    assert [row.total for row in rows] == [None, None, 0.0, 1.0]


def test_difficulty_asks_how_many_reach_a_number() -> None:
    episodes = group(0.1, 0.5, 0.8, 0.9)
    assert GroupDifficulty(of=Gives(), reaches=0.8)(episodes) == [0.5] * 4
    assert GroupDifficulty(of=Gives(), over_steps={}).reaches == 0.5


def test_any_reward_may_be_compared_but_has_no_say_in_the_formula() -> None:
    assert typed(Rank, {"of": "answered"}).of == Answered()
    assert typed(Rank, {"of": {"use": "mask_iou", "over_turns": "mean"}}).of.model_dump()["over_turns"] == "mean"
    with pytest.raises(ConfigError, match=r"of\.multiplies: has no meaning for a reward within another"):
        typed(Rank, {"of": {"use": "answered", "multiplies": ["total"]}})


values = st.sampled_from([0.0, 0.25, 0.5, 1.0, "malformed", "not"])


@given(st.lists(st.tuples(st.sampled_from("tuv"), values), max_size=12), st.randoms())
def test_the_order_of_a_group_does_not_matter(rows: list[tuple[str, float | str]], lots: Random) -> None:
    episodes = [group(value, of=task)[0] for task, value in rows]
    order = list(range(len(episodes)))
    lots.shuffle(order)
    for kind in (Rank, BestOf, GroupDifficulty):
        reward: GroupReward = kind(of=Gives())
        found = reward(episodes)
        assert reward([episodes[place] for place in order]) == [found[place] for place in order]
        assert all(0 <= each <= 1 for each in found if isinstance(each, float))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=9))
def test_ranks_add_up_to_half_the_group(numbers: list[float]) -> None:
    ranks = Rank(of=Gives())(group(*numbers))
    assert sum(each for each in ranks if isinstance(each, float)) == pytest.approx(len(numbers) / 2)

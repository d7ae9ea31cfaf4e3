"""Asks a reward about episodes, and holds it to its word: a number for each, or why there is none.

It may be a user's own code. Whatever it raises ends the run, told with its place; it never becomes a number.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from framework.errors import PixelError, RewardError, UserError
from framework.fault import short
from framework.registry import raised
from framework.reward import FAILURES, Reward, TurnReward
from framework.types import Broken, Episode, Failure


def values(name: str, reward: Reward, episodes: Sequence[Episode]) -> list[Any]:
    """What it gave for each episode; of a reward by turns, for the turns of each. Raises RewardError if it raises."""
    ask = reward.of_turns if isinstance(reward, TurnReward) else reward
    try:
        return _each(name, ask(episodes), len(episodes), "episodes")
    except (UserError, PixelError, RewardError):
        raise
    except Exception as error:
        raise RewardError(f"rewards.{name}: {raised(error)}; mend the reward") from error


def by_turns(name: str, said: Sequence[Any], episodes: Sequence[Episode]) -> list[list[float | Failure]]:
    """The same, held to a number or a failure for each turn."""
    each = [_each(name, given, len(episode.turns), "turns") for given, episode in zip(said, episodes, strict=True)]
    return [[checked(name, value) for value in turns] for turns in each]


def checked(name: str, value: Any) -> float | Failure:
    """One value, if it is a number or a failure."""
    if isinstance(value, FAILURES):
        return value
    try:
        return value if math.isfinite(value) else Broken(f"the reward gave {float(value)}")
    except TypeError:
        wanted = "a number, or why there is none: Malformed, NotApplicable or Broken"
        raise UserError(f"reward {name!r} gave {short(value)} where a number belongs; give {wanted}") from None


def _each(name: str, said: Any, count: int, of: str) -> list[Any]:
    if not isinstance(said, Iterable) or isinstance(said, str | Mapping):
        raise UserError(f"reward {name!r} gave {short(said)} for {count} {of}; give a list, with a number for each")
    found = list(cast(Iterable[Any], said))
    if len(found) != count:
        raise UserError(f"reward {name!r} gave {len(found)} values for {count} {of}; give one each")
    return found

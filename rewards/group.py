"""How does an episode stand among those of its group, and how hard is the task for them all?

A group is the episodes of one task, which must be scored together. A malformed reply stands below every number; what
a task has nothing of takes no part.
"""

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import SerializeAsAny

from framework.line import Values
from framework.reward import FAILURES, Reward, part
from framework.types import Broken, Episode, Failure, Malformed, NotApplicable
from rewards.box import BoxIoU


class GroupReward(Reward):
    """A number that another reward's numbers about a whole group lead to. Where that one is broken, so is this."""

    of: Annotated[SerializeAsAny[Reward], part()] = BoxIoU()
    """The reward by which the episodes of a group are compared."""

    @abstractmethod
    def among(self, numbers: Values) -> Sequence[float | Failure]:
        """Of one group's numbers, -∞ for malformed replies: a number for each."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        found = list(self.of(episodes))
        groups: defaultdict[str, list[int]] = defaultdict(list)
        for place, episode in enumerate(episodes):
            groups[episode.task.id].append(place)
        for places in groups.values():
            for place, value in zip(places, self._group([found[place] for place in places]), strict=True):
                found[place] = value
        return found

    def _group(self, found: Sequence[float | Failure]) -> Sequence[float | Failure]:
        if broken := next((each for each in found if isinstance(each, Broken)), None):
            return [broken] * len(found)
        numbers = [-np.inf if isinstance(each, Malformed) else each for each in found if not _apart(each)]
        values = iter(self.among(np.array(numbers, np.float64)))
        return [each if _apart(each) else self.own(each, next(values)) for each in found]

    def own(self, found: float | Failure, value: float | Failure) -> float | Failure:
        """An episode's value, given what the compared reward found: a malformed reply stays one."""
        return found if isinstance(found, FAILURES) else value


def _apart(found: float | Failure) -> bool:
    return isinstance(found, NotApplicable)


ALONE = NotApplicable("it has no other episode to compare with")


class Rank(GroupReward):
    """The share of the rest of the group that `of` puts below this episode, those beside it by half; in [0, 1]."""

    def among(self, numbers: Values) -> Sequence[float | Failure]:
        rest = len(numbers) - 1
        below, beside = (numbers[:, None] > numbers).sum(1), (numbers[:, None] == numbers).sum(1) - 1
        return ((below + beside / 2) / rest).tolist() if rest > 0 else [ALONE] * len(numbers)


class BestOf(GroupReward):
    """1 for the best of the group by `of`, and for those beside it, if any other is worse; else 0."""

    def among(self, numbers: Values) -> Sequence[float | Failure]:
        if len(numbers) < 2:
            return [ALONE] * len(numbers)
        return ((numbers == numbers.max()) & (numbers > numbers.min())).astype(np.float64).tolist()


class GroupDifficulty(GroupReward):
    """1 - the share of the group that reaches so much by `of`; in [0, 1], and the same for the whole group.

    It says how hard a task is for the policy as it is now, so it is of use as a factor or a condition of other rewards.
    """

    reaches: float = 0.5

    def among(self, numbers: Values) -> Sequence[float | Failure]:
        return [1.0 - float((numbers >= self.reaches).mean())] * len(numbers) if len(numbers) else []

    def own(self, found: float | Failure, value: float | Failure) -> float | Failure:
        return value

"""A source of tasks: a dataset on disk, or the synthetic world."""

from abc import abstractmethod

from framework.config import Settings
from framework.types import Task


class Source(Settings):
    """Settings that describe a dataset; tasks are made one by one, when they are asked for."""

    @abstractmethod
    def size(self) -> int:
        """How many tasks there are."""

    @abstractmethod
    def task(self, index: int) -> Task:
        """Task number `index`; the same index gives the same task."""

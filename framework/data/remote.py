"""Tasks of a server (`limner serve`, or any that speaks as framework/remote/server.py does). Their truth comes along;
their pixels are fetched when they are looked at.

    {use: remote, url: http://127.0.0.1:8100} ─▶ GET /tasks/train/17 ─▶ Task(video: http://…/clips/NAME)
"""

from typing import Any, Literal

from pydantic import Field

from framework.errors import DataError
from framework.remote.client import Client
from framework.remote.request import Address, Refused
from framework.source import Source
from framework.types import Task


class Remote(Source):
    """One split of what is served."""

    url: Address
    """Where it is served."""
    split: Literal["train", "eval"] = "train"
    count: int | None = Field(default=None, ge=1)
    """At most this many of its tasks; all if not said."""
    patience_s: float = Field(default=30.0, gt=0)
    """Seconds in which a task must be there."""

    def size(self) -> int:
        about = self._asked(Client(self.url).about, self.patience_s)
        there = int(about["tasks"][self.split])
        return min(there, self.count or there)

    def task(self, index: int) -> Task:
        return self._asked(Client(self.url).task, f"/tasks/{self.split}/{index}", self.patience_s)

    def _asked(self, ask: Any, *about: Any) -> Any:
        try:
            return ask(*about)
        except Refused as refused:
            raise DataError(f"{refused}; start it with: limner serve RECIPE, or mend data.….url") from None

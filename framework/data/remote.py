"""Tasks that a server has (`limner serve`, or any that speaks as framework/serving.py): their truth comes along, their
pixels stay there until somebody looks.

    {use: remote, url: http://127.0.0.1:8100} ─▶ GET /tasks/train/17 ─▶ Task(video: http://…/clips/NAME)
"""

from typing import Any, Literal

from pydantic import Field, field_validator

from framework.config import Fault
from framework.errors import DataError
from framework.far import Far
from framework.source import Source
from framework.types import Task
from framework.wire import Refused


class Remote(Source):
    """One split of what is served."""

    url: str
    """Where it is served."""
    split: Literal["train", "eval"] = "train"
    count: int | None = Field(default=None, ge=1)
    """At most this many of its tasks; all if not said."""
    patience_s: float = Field(default=30.0, gt=0)
    """Seconds in which a task must be there."""

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise Fault((), f"{url!r} will not do; it should begin with http:// or https://")
        return url.rstrip("/")

    def size(self) -> int:
        about = self._asked(Far(self.url).about, self.patience_s)
        there = int(about["tasks"][self.split])
        return min(there, self.count or there)

    def task(self, index: int) -> Task:
        return self._asked(Far(self.url).task, f"/tasks/{self.split}/{index}", self.patience_s)

    def _asked(self, ask: Any, *about: Any) -> Any:
        try:
            return ask(*about)
        except Refused as refused:
            raise DataError(f"{refused}; start it with: limner serve RECIPE, or mend data.….url") from None

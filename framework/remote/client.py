"""The client of a server of games (framework/remote/server.py): sends a request, repeats it while there is time, and
reads the reply.

Client(url).asked("POST", "/games/7f…", {"turn": 2, "text": …}, until) ─▶ bytes, or Refused: why
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from framework import codec
from framework.env import Rules
from framework.errors import DataError, PixelError
from framework.remote.request import Refused, sent
from framework.types import Observation, Task

T = TypeVar("T", Task, Observation)
Got = TypeVar("Got")
TRY_S = 5.0
"""Seconds that one try may take."""
PAUSES_S = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Before the second try, the third …"""
LONGEST = 2**26
"""Bytes of a reply."""


AGREED = ("system", "max_turns", "grammar", "on_malformed", "force_answer")
"""Settings that must be the same for client and server: by these a reply is read and an episode ends."""


def agreed(rules: Rules) -> dict[str, Any]:
    """These settings of some rules, as JSON."""
    return {name: value for name, value in rules.model_dump(mode="json").items() if name in AGREED}


@dataclass(frozen=True, slots=True)
class Client:
    """Sends requests to the server at one address."""

    url: str
    try_s: float = TRY_S

    def asked(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        until: float,
        read: Callable[[bytes], Got] = bytes,
    ) -> Got:
        """What `read` makes of the reply. A request that got none, or one that `read` raises ValueError or PixelError
        at, is sent again until the time `until` of the monotonic clock; then the last reason is raised as Refused."""
        data = json.dumps(body).encode() if body is not None else None
        tries, left = 0, until - time.monotonic()
        told = Refused(f"{self.url}{path}: there was no time to ask")
        while left > 0:
            try:
                at_most = min(left, self.try_s)
                return read(sent(f"{self.url}{path}", data, method=method, timeout_s=at_most, longest=LONGEST))
            except Refused as refused:
                if not refused.may_pass:
                    raise
                told = refused
            except (ValueError, PixelError) as garbled:
                told = Refused(f"{self.url}{path}: {garbled}")
            pause = PAUSES_S[min(tries, len(PAUSES_S) - 1)]
            time.sleep(max(min(pause, until - time.monotonic()), 0))
            tries, left = tries + 1, until - time.monotonic()
        raise Refused(f"{told}; asked until no time was left")

    def about(self, patience_s: float) -> dict[str, Any]:
        return self._json("GET", "/", None, time.monotonic() + patience_s)

    def task(self, path: str, patience_s: float) -> Task:
        """The task served at this path. Its truth's `world` is its whole address, by which envs/remote.py finds it."""
        task = self.word(Task, "GET", path, None, time.monotonic() + patience_s)
        return replace(task, truth=replace(task.truth, world=f"{self.url}{path}"))

    def text(self, path: str, body: Mapping[str, Any], until: float) -> str:
        """The `text` of a reply."""
        return str(self._json("POST", path, body, until).get("text", ""))

    def word(self, kind: type[T], method: str, path: str, body: Mapping[str, Any] | None, until: float) -> T:
        """A Task or Observation from the server; the clips that its pictures and boxes name get their whole address."""
        data = self._json(method, path, body, until)
        try:
            for row in data["shared"]:
                row[0] = f"{self.url}{row[0]}" if row[0].startswith("/clips/") else row[0]
            return codec.read(kind, data)
        except (DataError, LookupError, TypeError, AttributeError) as error:
            raise Refused(f"{self.url}{path}: the reply {error}", may_pass=False) from None

    def _json(self, method: str, path: str, body: Mapping[str, Any] | None, until: float) -> dict[str, Any]:
        found = self.asked(method, path, body, until, _plain)
        if not isinstance(found, dict):
            raise Refused(f"{self.url}{path}: the reply is no object", may_pass=False)
        return cast(dict[str, Any], found)


def _plain(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        raise ValueError("the reply is no JSON") from None

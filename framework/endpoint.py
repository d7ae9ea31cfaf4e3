"""A model that others serve, asked over HTTP as OpenAI's chat is: to judge an answer, to rate a task.

    prompts ─▶ asked before? ─┬─ yes ─▶ the cache ───┬─▶ reply ─▶ read ─┬▶ what it says
                              └─ no ─▶ POST, some ───┘                  ├▶ again, after a pause
                                       at once                          └▶ Broken, and why

What it says is kept on disk by what was asked, so that the same is never asked twice. Whatever goes wrong is Broken:
it is our machinery, and says nothing about the policy.
"""

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, field_validator

from framework.cache import cache_folder
from framework.config import Fault, Settings
from framework.types import Broken

T = TypeVar("T")
Content = str | Sequence[Mapping[str, Any]]
"""What a message says: text, or parts of text and pictures as this protocol writes them."""

AGAIN = {408, 409, 425, 429}
"""Refusals that may pass, besides those from 500 on."""
LONGEST = 2**20
"""Bytes of a reply that are read."""
BLOCK = 2**16


class Endpoint(Settings):
    """Where a model is served, and how it is asked."""

    url: str
    """Up to the version: http://127.0.0.1:8000/v1."""
    model: str = Field(min_length=1)
    """By the name under which it is served."""
    key: str = ""
    """The environment variable that holds the key; empty sends none."""
    temperature: float = Field(default=0.0, ge=0)
    max_tokens: int = Field(default=512, ge=1)
    """Of a reply."""
    timeout_s: float = Field(default=60.0, gt=0)
    """For a connection, and for all of a reply."""
    retries: int = Field(default=3, ge=0)
    """How often it is asked again after a failure that may pass. Once one prompt is given up because there is no
    reply, the others are asked but once, so that a server that is down does not hold up a step for long."""
    pause_s: float = Field(default=1.0, ge=0)
    """Before the first retry, twice as long before each further one; if a server asks for more, up to `timeout_s`."""
    at_once: int = Field(default=8, ge=1)
    """Requests under way at any time."""
    cache: str = ""
    """The folder where replies are kept; limner's own cache if not said."""

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise Fault((), f"{url!r} will not do; it should begin with http:// or https://")
        return url.rstrip("/")

    def ask(self, prompts: Sequence[Content], read: Callable[[str], T | None]) -> list[T | Broken]:
        """What the model says to each prompt, as `read` understands it; what it cannot read (None) is asked again."""
        if not prompts:
            return []
        if self.key and not os.environ.get(self.key):
            return [Broken(f"the environment has no {self.key}; put the key of {self.url} there")] * len(prompts)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            return [Broken(f"{self._folder}: {error.strerror}; set endpoint.cache to another folder")] * len(prompts)
        names = [self._name(prompt) for prompt in prompts]
        different, silent = dict(zip(names, prompts, strict=True)), threading.Event()

        def one(name: str) -> T | Broken:
            return self._one(different[name], self._folder / f"{name}.txt", read, silent)

        with ThreadPoolExecutor(self.at_once, "ask") as threads:
            said = dict(zip(different, threads.map(one, different), strict=True))
        return [said[name] for name in names]

    @property
    def _folder(self) -> Path:
        return Path(self.cache) if self.cache else cache_folder() / "asked"

    def _body(self, prompt: Content) -> dict[str, Any]:
        return {
            "model": self.model,
            "messages": [{"role": "user", "content": prompt}],
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        }

    def _name(self, prompt: Content) -> str:
        """The name of a reply: all that it depends on."""
        told = json.dumps([self.url, self._body(prompt)], sort_keys=True)
        return hashlib.blake2b(told.encode(), digest_size=20).hexdigest()

    def _one(self, prompt: Content, kept: Path, read: Callable[[str], T | None], silent: threading.Event) -> T | Broken:
        """`silent` is set once a prompt has been given up for lack of a reply."""
        if (said := read(_kept(kept))) is not None:
            return said
        failed, none, pause = Broken(""), False, 0.0
        for attempt in range(self.retries + 1):
            if attempt and silent.wait(max(pause, self.pause_s * 2 ** (attempt - 1))):
                return failed
            pause = 0.0
            try:
                reply = self._reply(prompt)
            except _Refused as refused:
                failed, none, pause = Broken(str(refused)), True, min(refused.pause_s, self.timeout_s)
                if not refused.may_pass:
                    return failed
                continue
            if (said := read(reply)) is not None:
                return _keep(kept, reply) or said
            failed, none = Broken(f"{self.model} said {reply[:80]!r}"), False
        if none:
            silent.set()
        return failed

    def _reply(self, prompt: Content) -> str:
        """The text of one reply."""
        from http.client import HTTPException
        from urllib.error import HTTPError
        from urllib.request import Request, urlopen

        headers = {"Content-Type": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {os.environ[self.key]}"
        where = f"{self.url}/chat/completions"
        try:
            request = Request(where, json.dumps(self._body(prompt)).encode(), headers)
            with urlopen(request, timeout=self.timeout_s) as sent:
                data = _all(sent, time.monotonic() + self.timeout_s)
        except HTTPError as error:
            said = f"{where}: {error.code} {_detail(error)}".rstrip()
            after = str(error.headers.get("Retry-After", ""))
            may_pass = error.code in AGAIN or error.code >= 500
            raise _Refused(said, may_pass, float(after) if after.isdecimal() else 0.0) from None
        except (OSError, HTTPException) as error:  # refused, reset, timed out, cut
            raise _Refused(f"{where}: {getattr(error, 'reason', error) or type(error).__name__}") from None
        except ValueError as error:  # an address or a key that no request can hold
            raise _Refused(f"{where}: cannot be asked ({error})", may_pass=False) from None
        try:
            reply = json.loads(data)["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise _Refused(f"{where}: the reply is no chat completion ({type(error).__name__}: {error})") from None
        return reply if isinstance(reply, str) else ""


class _Refused(Exception):
    """There is no reply, and why."""

    def __init__(self, reason: str, may_pass: bool = True, pause_s: float = 0.0) -> None:
        super().__init__(reason)
        self.may_pass, self.pause_s = may_pass, pause_s


def _all(sent: Any, until: float) -> bytes:
    """A reply's bytes. A timeout is for each read, and some servers send drop by drop."""
    from http.client import HTTPException

    data = b""
    while block := sent.read1(BLOCK):
        data += block
        if time.monotonic() > until:
            raise TimeoutError("timed out while it was read")
        if len(data) > LONGEST:
            raise HTTPException(f"the reply is longer than {LONGEST:,} bytes")
    return data


def _detail(error: Any) -> str:
    """What a server says to its refusal, in a line."""
    from http.client import HTTPException

    try:
        return " ".join(error.read(200).decode(errors="replace").split())
    except (OSError, HTTPException):
        return ""


def _kept(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _keep(path: Path, reply: str) -> Broken | None:
    """A reply appears in the cache when all of it is there, whoever else writes it."""
    part = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.part")
    try:
        part.write_text(reply, encoding="utf-8", errors="replace")
        part.replace(path)
    except OSError as error:
        return Broken(f"{path}: {error.strerror}; make room there, or set endpoint.cache to another folder")
    return None

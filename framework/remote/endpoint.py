"""A model that others serve, asked over HTTP as OpenAI's chat is: to judge an answer, to rate a task, to play.

    messages ─▶ asked before? ─┬─ yes ─▶ the cache ───┬─▶ Said ─▶ read ─┬▶ what it says
                               └─ no ─▶ POST, some ───┘                 ├▶ again, after a pause
                                        at once                         └▶ Broken, and why

What it says is kept on disk by what was asked, so that the same is never asked twice. Whatever goes wrong is Broken:
it is our machinery, and says nothing about the policy.
"""

import hashlib
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import Field

from framework.cache import cache_folder
from framework.config import Settings
from framework.files import whole
from framework.remote.request import Address, Refused, sent
from framework.types import Broken

T = TypeVar("T")
Content = str | Sequence[Mapping[str, Any]]
"""What a message says: text, or parts of text and pictures as this protocol writes them."""
Messages = Sequence[Mapping[str, Any]]
"""A conversation: who says what, `{"role": "user", "content": …}`."""


@dataclass(frozen=True, slots=True)
class Said:
    """One reply."""

    text: str
    cut_off: bool = False
    """It ran into the limit of tokens."""
    tokens_read: int | None = None
    """As the server counts them; None if it does not say."""
    tokens_said: int | None = None
    remembered: bool = False
    """It was asked before, and cost nothing now."""


class Asking(Settings):
    """How a served model is asked, whichever it is."""

    key: str = ""
    """The environment variable that holds the key; empty sends none."""
    temperature: float = Field(default=0.0, ge=0)
    max_tokens: int = Field(default=512, ge=1)
    """Of a reply."""
    timeout_s: float = Field(default=60.0, gt=0)
    """For a connection, and for all of a reply."""
    retries: int = Field(default=3, ge=0)
    """How often it is asked again after a failure that may pass. Once one prompt is given up because there is no
    reply, the others are asked but once until there is one, so that a server that is down holds up nobody for long."""
    pause_s: float = Field(default=1.0, ge=0)
    """Before the first retry, twice as long before each further one; if a server asks for more, up to `timeout_s`."""
    at_once: int = Field(default=8, ge=1)
    """Requests under way at any time."""
    cache: str = ""
    """The folder where replies are kept; limner's own cache if not said."""


class Endpoint(Asking):
    """Where a model is served, and how it is asked."""

    url: Address
    """Up to the version: http://127.0.0.1:8000/v1."""
    model: str = Field(min_length=1)
    """By the name under which it is served."""

    def ask(self, prompts: Sequence[Content], read: Callable[[str], T | None]) -> list[T | Broken]:
        """What the model says to each prompt, as `read` understands it; what it cannot read (None) is asked again."""
        if not prompts:
            return []
        if lacking := self.lacking():
            return [lacking] * len(prompts)
        asked = [[{"role": "user", "content": prompt}] for prompt in prompts]
        names = [self._name(each) for each in asked]
        different, silent = dict(zip(names, asked, strict=True)), threading.Event()

        def one(messages: Messages) -> T | Broken:
            return self.said(messages, lambda said: read(said.text), silent)

        with ThreadPoolExecutor(self.at_once, "ask") as threads:
            found = dict(zip(different, threads.map(one, different.values()), strict=True))
        return [found[name] for name in names]

    def lacking(self) -> Broken | None:
        """What must be there before anything can be asked, and is not."""
        if self.key and not self._secret:
            return Broken(f"the environment has no {self.key}; put the key of {self.url} there")
        if not (self._secret.isascii() and self._secret.isprintable()):
            return Broken(f"{self.key} in the environment holds what no key does; put the key of {self.url} there")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            return Broken(f"{self._folder}: {error.strerror}; set endpoint.cache to another folder")
        return None

    def said(self, messages: Messages, read: Callable[[Said], T | None], silent: threading.Event) -> T | Broken:
        """What the model says next. `silent` is shared by many who ask, and set while there is no reply to be had."""
        kept = self._folder / f"{self._name(messages)}.json"
        if (before := _kept(kept)) and (found := read(replace(before, remembered=True))) is not None:
            return found
        failed, none, pause = Broken(""), False, 0.0
        for attempt in range(self.retries + 1):
            if attempt and silent.wait(max(pause, self.pause_s * 2 ** (attempt - 1))):
                return failed
            pause = 0.0
            try:
                said = self._reply(messages)
            except Refused as refused:
                failed, none, pause = Broken(str(refused)), True, min(refused.pause_s, self.timeout_s)
                if not refused.may_pass:
                    return failed
                continue
            silent.clear()
            if (found := read(said)) is not None:
                return _keep(kept, said) or found
            failed, none = Broken(f"{self.model} said {said.text[:80]!r}"), False
        if none:
            silent.set()
        return failed

    @property
    def _secret(self) -> str:
        """The key. It goes into a request's header and nowhere else."""
        return os.environ.get(self.key, "").strip() if self.key else ""

    @property
    def _folder(self) -> Path:
        return Path(self.cache) if self.cache else cache_folder() / "asked"

    def _body(self, messages: Messages) -> dict[str, Any]:
        return {
            "model": self.model,
            "messages": list(messages),
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        }

    def _name(self, messages: Messages) -> str:
        """The name of a reply: all that it depends on."""
        told = json.dumps([self.url, self._body(messages)], sort_keys=True)
        return hashlib.blake2b(told.encode(), digest_size=20).hexdigest()

    def _reply(self, messages: Messages) -> Said:
        """One reply."""
        headers = {"Content-Type": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self._secret}"
        where = f"{self.url}/chat/completions"
        data = sent(where, json.dumps(self._body(messages)).encode(), headers=headers, timeout_s=self.timeout_s)
        return _read(where, data)


def _read(where: str, data: bytes) -> Said:
    """What a completion says; a server's own word where there is none."""
    try:
        reply = json.loads(data)
        if told := _complaint(reply):
            raise Refused(f"{where}: {told}")
        choice, usage = reply["choices"][0], reply.get("usage")
        text, end = _words(choice["message"]["content"]), choice.get("finish_reason")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise Refused(f"{where}: the reply is no chat completion ({type(error).__name__}: {error})") from None
    if end == "content_filter":
        raise Refused(f"{where}: the server's filter withheld the reply", may_pass=False)
    return Said(text, end == "length", _count(usage, "prompt_tokens"), _count(usage, "completion_tokens"))


def _complaint(reply: Any) -> str:
    """Some refuse with 200 and {"error": {"message": …}}."""
    if not isinstance(reply, dict) or cast(dict[str, Any], reply).get("choices"):
        return ""
    told: Any = cast(dict[str, Any], reply).get("error")
    said: Any = cast(dict[str, Any], told).get("message") if isinstance(told, dict) else told
    return " ".join(str(said or "").split())[:200]


def _words(content: Any) -> str:
    """The text of a message, which some write in parts."""
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part["text"] for part in content if part["type"] == "text")


def _count(usage: Any, name: str) -> int | None:
    found: Any = cast(dict[str, Any], usage).get(name) if isinstance(usage, dict) else None
    return found if isinstance(found, int) and found >= 0 else None


def _kept(path: Path) -> Said | None:
    """What was said before; None if nothing was, or it cannot be read any more."""
    try:
        found = Said(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return found if isinstance(found.text, str) else None  # pyright: ignore[reportUnnecessaryIsInstance] from a file


def _keep(path: Path, said: Said) -> Broken | None:
    """A reply appears in the cache when all of it is there, whoever else writes it."""
    try:
        with whole(path) as part:
            part.write_text(json.dumps(asdict(said)), encoding="utf-8")
    except OSError as error:
        return Broken(f"{path}: {error.strerror}; make room there, or set endpoint.cache to another folder")
    return None

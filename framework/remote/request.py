"""One HTTP request: its reply, whole and in time, or why there is none.

address, body ─▶ sent ─┬─▶ bytes
                       └─▶ Refused: why, whether that may pass, how long the server asks one to wait
"""

import time
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator

from framework.fault import Fault

AGAIN = {408, 409, 425, 429}
"""Refusals that may pass, besides those from 500 on."""
LONGEST = 2**20
"""Bytes of a reply that are read."""
BLOCK = 2**16


def _http(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise Fault((), f"{url!r} will not do; it should begin with http:// or https://")
    return url.rstrip("/")


Address = Annotated[str, AfterValidator(_http)]
"""A setting: the address of a server, without a slash at its end."""


class Refused(Exception):
    """There is no reply, and why."""

    def __init__(self, reason: str, may_pass: bool = True, pause_s: float = 0.0) -> None:
        super().__init__(reason)
        self.may_pass, self.pause_s = may_pass, pause_s


def sent(
    where: str,
    body: bytes | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    method: str | None = None,
    timeout_s: float,
    longest: int = LONGEST,
) -> bytes:
    """What is replied: to a POST if there is a body, else to a GET. `timeout_s` is for all of it, though a read that
    began in time may take as long once more."""
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    until = time.monotonic() + timeout_s
    try:
        request = Request(where, body, dict(headers or {}), method=method)
        with urlopen(request, timeout=timeout_s) as reply:
            return _all(reply, until, longest)
    except HTTPError as error:
        said = f"{where}: {error.code} {_detail(error)}".rstrip()
        after = str(error.headers.get("Retry-After", ""))
        may_pass = error.code in AGAIN or error.code >= 500
        raise Refused(said, may_pass, float(after) if after.isdecimal() else 0.0) from None
    except (OSError, HTTPException) as error:  # refused, reset, timed out, cut
        raise Refused(f"{where}: {getattr(error, 'reason', error) or type(error).__name__}") from None
    except ValueError:  # its words may quote a header, and that may hold a key
        raise Refused(f"{where}: cannot be asked; no request can hold this address or its headers", False) from None


def _all(reply: Any, until: float, longest: int) -> bytes:
    """A reply's bytes. A timeout is for each read, and some servers send drop by drop."""
    from http.client import HTTPException, IncompleteRead

    data = bytearray()
    while block := reply.read1(BLOCK):
        data += block
        if time.monotonic() > until:
            raise TimeoutError("timed out while it was read")
        if len(data) > longest:
            raise HTTPException(f"the reply is longer than {longest:,} bytes")
    if reply.length:
        raise IncompleteRead(bytes(data), reply.length)
    return bytes(data)


def _detail(error: Any) -> str:
    """What a server says to its refusal, in a line."""
    from http.client import HTTPException

    try:
        return " ".join(error.read(200).decode(errors="replace").split())
    except (OSError, HTTPException):
        return ""

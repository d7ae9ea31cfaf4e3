"""A model served by a real server in a thread, that replies well, late, badly or not at all."""

import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from framework.remote.endpoint import Endpoint
from framework.remote.request import Refused, sent
from framework.types import Broken

Way = Callable[[Any, dict[str, Any]], Any]


def completion(text: str | None) -> bytes:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()


def says(text: str | None) -> Way:
    return lambda request, _: request.say(text)


def refuses(status: int, why: bytes = b"busy\n now") -> Way:
    return lambda request, _: request.send(why, status)


def sends(body: bytes, length: int | None = None) -> Way:
    return lambda request, _: request.send(body, length=length)


def drops(body: bytes) -> Way:
    """Hangs up in the middle, without having said how much there would be."""

    def way(request: Any, _: dict[str, Any]) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(body)

    return way


def in_turn(*ways: Way) -> Way:
    """One after another; the last one for good."""
    left, lock = list(ways), threading.Lock()

    def next_way(request: Any, asked: dict[str, Any]) -> None:
        with lock:
            way = left.pop(0) if len(left) > 1 else left[0]
        way(request, asked)

    return next_way


@pytest.fixture
def at(tmp_path: Path) -> Callable[..., Endpoint]:
    """An endpoint that is quick to try again, with a cache of its own."""

    def make(url: str, **settings: Any) -> Endpoint:
        usual = {"model": "m", "pause_s": 0.01, "timeout_s": 5.0, "retries": 2, "cache": str(tmp_path / "asked")}
        return Endpoint(url=url, **(usual | settings))

    return make


def whole(reply: str) -> str | None:
    return reply or None


At = Callable[..., Endpoint]
Serve = Callable[[Way], Any]


def test_it_is_asked_as_openais_chat_is(at: At, monkeypatch: pytest.MonkeyPatch, serve: Serve) -> None:
    monkeypatch.setenv("MY_KEY", "secret")
    with serve(says("fine")) as served:
        assert at(served.url + "/", key="MY_KEY", max_tokens=7).ask(["é?"], whole) == ["fine"]
    [asked] = served.asked
    assert asked == {
        "model": "m",
        "messages": [{"role": "user", "content": "é?"}],
        "temperature": 0.0,
        "max_tokens": 7,
    }
    assert served.keys == ["Bearer secret"]


def test_the_same_is_asked_once_and_never_again(at: At, serve: Serve) -> None:
    with serve(lambda request, asked: request.say(asked["messages"][0]["content"].upper())) as served:
        assert at(served.url).ask(["a", "b", "a"], whole) == ["A", "B", "A"]
        assert sorted(each["messages"][0]["content"] for each in served.asked) == ["a", "b"]
    assert at(served.url).ask(["b", "a"], whole) == ["B", "A"]  # though nobody serves any longer
    [other] = at(served.url, temperature=0.5, retries=0).ask(["a"], whole)
    assert isinstance(other, Broken)
    assert at(served.url).ask([], whole) == []


@pytest.mark.parametrize("trouble", [refuses(429), refuses(500), refuses(503), sends(b""), sends(b"{"), says("")])
def test_trouble_that_passes_is_waited_out(at: At, trouble: Way, serve: Serve) -> None:
    with serve(in_turn(trouble, trouble, says("at last"))) as served:
        assert at(served.url).ask(["?"], whole) == ["at last"]
        assert len(served.asked) == 3


def test_pauses_double(at: At, serve: Serve) -> None:
    with serve(in_turn(refuses(500), refuses(500), says("at last"))) as served:
        start = time.monotonic()
        assert at(served.url, pause_s=0.05).ask(["?"], whole) == ["at last"]
        assert time.monotonic() - start >= 0.15


def test_a_server_that_says_how_long_to_wait_is_believed_within_reason(at: At, serve: Serve) -> None:
    def later(request: Any, _: dict[str, Any]) -> None:
        request.send_response(429)
        request.send_header("Retry-After", "3600")
        request.send_header("Content-Length", "0")
        request.end_headers()

    with serve(in_turn(later, says("at last"))) as served:
        start = time.monotonic()
        assert at(served.url, timeout_s=0.3).ask(["?"], whole) == ["at last"]
        assert 0.3 <= time.monotonic() - start < 3


def test_replies_are_kept_where_limner_keeps_things(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMNER_CACHE", str(tmp_path))
    with serve(says("fine")) as served:
        assert Endpoint(url=served.url, model="m").ask(["?"], whole) == ["fine"]
    assert [json.loads(kept.read_text())["text"] for kept in (tmp_path / "asked").iterdir()] == ["fine"]


TROUBLE = {
    "a refusal": (refuses(500, b"out of\nmemory"), "500 out of memory", 3),
    "too many": (refuses(429), "429 busy now", 3),
    "a wrong key": (refuses(401, b"no such key"), "401 no such key", 1),
    "no such model": (refuses(404), "404", 1),
    "not json": (sends(b"<html>"), "is no chat completion", 3),
    "not a chat": (sends(b'{"what": "?"}'), "is no chat completion (KeyError: 'choices')", 3),
    "a refusal that calls itself fine": (sends(b'{"error": {"message": "no credit\\nleft"}}'), ": no credit left", 3),
    "a refusal in a word": (sends(b'{"error": "what?", "choices": null}'), "completions: what?", 3),
    "withheld": (sends(b'{"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]}'), "filter", 1),
    "a number for a text": (
        sends(b'{"choices": [{"message": {"content": 7}}]}'),
        "is no chat completion (TypeError",
        3,
    ),
    "no choice": (sends(b'{"choices": []}'), "is no chat completion (IndexError", 3),
    "a list": (sends(b"[]"), "is no chat completion (TypeError", 3),
    "not utf-8": (sends(b"\xff\xfe\xfa"), "is no chat completion", 3),
    "brackets without end": (sends(b"[" * 100_000), "is no chat completion (RecursionError", 3),
    "cut": (sends(completion("all of it")[:20], length=200), "180 more expected", 3),
    "cut, though nobody said how long it would be": (drops(completion("all of it")[:20]), "is no chat completion", 3),
    "nothing said": (says(None), "m said ''", 3),
    "no end": (sends(b" " * (2**20 + 1)), "longer than 1,048,576 bytes", 3),
    "hung up": (lambda request, _: request.connection.shutdown(socket.SHUT_RDWR), "closed connection", 3),
    "no http": (lambda request, _: request.wfile.write(b"what?\r\n\r\n"), "what?", 3),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_trouble_that_stays_is_broken_and_says_why(at: At, name: str, serve: Serve) -> None:
    way, why, times = TROUBLE[name]
    with serve(way) as served:
        [found] = at(served.url).ask(["?"], whole)
        assert isinstance(found, Broken)
        assert why in found.reason
        assert len(served.asked) == times
        assert not list(Path(at(served.url).cache).glob("*"))


def test_a_server_that_is_late_or_sends_drop_by_drop_is_not_waited_for(at: At, serve: Serve) -> None:
    free = threading.Event()

    def drips(request: Any, _: dict[str, Any]) -> None:
        request.send_response(200)
        request.end_headers()
        while not free.wait(0.02):
            request.wfile.write(b" ")
            request.wfile.flush()

    for way in (lambda *_: free.wait(5), drips):
        with serve(way) as served:
            start = time.monotonic()
            [found] = at(served.url, timeout_s=0.15, retries=1).ask(["?"], whole)
            assert time.monotonic() - start < 2
            assert isinstance(found, Broken)
            assert "timed out" in found.reason
            assert len(served.asked) == 2
            free.set()
        free.clear()


def test_nobody_there_is_broken(at: At) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found = at(f"http://127.0.0.1:{taken.getsockname()[1]}/v1").ask(["?"], whole)
    assert isinstance(found[0], Broken)
    assert "refused" in found[0].reason


def test_a_server_that_is_down_does_not_hold_up_everyone(at: At, serve: Serve) -> None:
    with serve(refuses(503)) as served:
        found = at(served.url, retries=3, pause_s=0.02, at_once=2).ask([str(each) for each in range(50)], whole)
        assert all(isinstance(each, Broken) for each in found)
        assert len(served.asked) <= 50 + 2 * 3


def test_once_a_server_is_up_again_it_is_asked_as_patiently_as_before(at: At, serve: Serve) -> None:
    endpoint, silent = at("http://127.0.0.1:1/v1", retries=1), threading.Event()
    assert endpoint.lacking() is None

    def said(where: str, words: str) -> Any:
        found = endpoint.model_copy(update={"url": where})
        return found.said([{"role": "user", "content": words}], lambda reply: reply.text, silent)

    assert isinstance(said("http://127.0.0.1:1/v1", "1"), Broken)
    assert silent.is_set()
    with serve(in_turn(says("up"), refuses(503), says("again"))) as served:
        assert said(served.url, "2") == "up"
        assert not silent.is_set()
        assert said(served.url, "3") == "again"


def test_one_prompt_that_cannot_be_answered_harms_no_other(at: At, serve: Serve) -> None:
    def picky(request: Any, asked: dict[str, Any]) -> None:
        bad = asked["messages"][0]["content"] == "7"
        (refuses(400, b"too long") if bad else says("fine"))(request, asked)

    with serve(picky) as served:
        found = at(served.url).ask([str(each) for each in range(20)], whole)
    assert [each for each in found if each != "fine"] == [found[7]]
    assert isinstance(found[7], Broken)


def test_only_so_many_are_asked_at_once(at: At, serve: Serve) -> None:
    def slowly(request: Any, asked: dict[str, Any]) -> None:
        time.sleep(0.03)
        request.say("fine")

    with serve(slowly) as served:
        assert at(served.url, at_once=3).ask([str(each) for each in range(12)], whole) == ["fine"] * 12
        assert 2 <= served.most <= 6  # one whose reply has just gone out may still be counted


def test_a_kept_reply_that_is_spoiled_is_asked_for_again(at: At, serve: Serve) -> None:
    with serve(says("7")) as served:
        endpoint = at(served.url)
        number = lambda reply: int(reply) if reply.isdecimal() else None  # noqa: E731
        assert endpoint.ask(["?"], number) == [7]
        [kept] = Path(endpoint.cache).glob("*.json")
        for number_of, spoiled in enumerate((b"\xff", b"{}", b'{"text": 7}', b"[]", b'{"text": "seven"}'), 2):
            kept.write_bytes(spoiled)
            assert endpoint.ask(["?"], number) == [7]
            assert json.loads(kept.read_text())["text"] == "7"
            assert len(served.asked) == number_of


def test_a_key_that_is_not_there_or_cannot_be_sent_is_broken(
    at: At, monkeypatch: pytest.MonkeyPatch, serve: Serve
) -> None:
    monkeypatch.delenv("NO_KEY", raising=False)
    assert at("http://127.0.0.1:1/v1", key="NO_KEY").ask(["?"], whole) == [
        Broken("the environment has no NO_KEY; put the key of http://127.0.0.1:1/v1 there")
    ]
    for secret in ("two\nlines", "sk-…"):
        monkeypatch.setenv("NO_KEY", secret)
        with serve(says("fine")) as served:
            [found] = at(served.url, key="NO_KEY").ask(["?"], whole)
        assert found == Broken(f"NO_KEY in the environment holds what no key does; put the key of {served.url} there")


def test_no_reason_quotes_a_key_and_the_end_of_its_line_is_no_part_of_it(
    at: At, monkeypatch: pytest.MonkeyPatch, serve: Serve
) -> None:
    monkeypatch.setenv("MY_KEY", "secret\n")
    with serve(says("fine")) as served:
        assert at(served.url, key="MY_KEY").ask(["?"], whole) == ["fine"]
    assert served.keys == ["Bearer secret"]
    with pytest.raises(Refused, match="cannot be asked") as refused:
        sent("http://127.0.0.1:9", headers={"Authorization": "Bearer secret\n"}, timeout_s=1)
    assert "secret" not in str(refused.value)


def test_a_reply_in_parts_is_their_text(at: At, serve: Serve) -> None:
    parts = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "fi"}, {"type": "text", "text": "ne"}]
    with serve(sends(json.dumps({"choices": [{"message": {"content": parts}}]}).encode())) as served:
        assert at(served.url).ask(["?"], whole) == ["fine"]


def test_what_an_answer_took_before_it_came_counts_as_well(serve: Serve) -> None:
    def late(request: Any, _: dict[str, Any]) -> None:
        time.sleep(0.6)
        request.send_response(200)
        request.end_headers()
        for _byte in range(20):
            request.wfile.write(b" ")
            request.wfile.flush()
            time.sleep(0.1)

    with serve(late) as served:
        start = time.monotonic()
        with pytest.raises(Refused, match="timed out"):
            sent(f"{served.url}/chat/completions", b"{}", timeout_s=1.0)
        assert time.monotonic() - start < 1.5


def test_a_cache_that_cannot_be_written_is_broken(at: At, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    [found] = at("http://127.0.0.1:1/v1", cache=str(tmp_path / "file" / "asked")).ask(["?"], whole)
    assert isinstance(found, Broken)
    assert "set endpoint.cache to another folder" in found.reason


def test_an_address_without_http_is_told_at_once() -> None:
    with pytest.raises(ValueError, match="'localhost:8000/v1' will not do; it should begin with http://"):
        Endpoint(url="localhost:8000/v1", model="m")

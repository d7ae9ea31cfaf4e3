"""What holds for every test."""

import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the tensors here are tiny, and waiting threads would take a core
os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test fetches anything, nor waits for what is not there
settings.register_profile("house", deadline=None)  # a busy machine is slow, not wrong
settings.load_profile("house")

LONGEST = ("test_training.py", "test_engine.py", "test_drawing_run.py")
"""They come first, so that no worker is left alone with one of them at the end."""

Way = Callable[[Any, dict[str, Any]], Any]
"""How a request is replied to, given what it asks."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


class Server(ThreadingHTTPServer):
    request_queue_size, daemon_threads = 64, True


class Served:
    """A model behind OpenAI's protocol, and what it was asked."""

    def __init__(self, way: Way, port: int = 0) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.most = self.now = 0
        lock, served = threading.Lock(), self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    served.asked.append(asked)
                    served.keys.append(self.headers["Authorization"])
                    served.now += 1
                    served.most = max(served.most, served.now)
                try:
                    assert self.path == "/v1/chat/completions"
                    way(self, asked)
                except (BrokenPipeError, ConnectionResetError):  # nobody waits any longer
                    pass
                finally:
                    with lock:
                        served.now -= 1

            def say(self, text: str | None) -> None:
                """A completion of this text."""
                self.send(json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode())

            def send(self, body: bytes, status: int = 200, length: int | None = None) -> None:
                """Any reply; `length` is what its header says, where that is not its length."""
                self.send_response(status)
                self.send_header("Content-Length", str(len(body) if length is None else length))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"


@contextmanager
def serving(way: Way, port: int = 0) -> Iterator[Served]:
    served = Served(way, port)
    thread = threading.Thread(target=served.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        served.server.shutdown()
        served.server.server_close()
        thread.join()


@pytest.fixture
def serve() -> Callable[..., Any]:
    """A real server in a thread: `with serve(way) as served`, where way(request, asked) replies."""
    return serving


@pytest.fixture
def spent() -> Callable[[str], float]:
    """What a new Python spends on some lines, in units of what it spends on importing numpy, pydantic and asyncio.

    On a quiet machine such a unit is a quarter of a second; on a busy one a second of a core is worth less, and it too:
    the two are measured in turns, and the least of five counts.
    """

    def least(lines: str) -> float:
        pairs = [(_seconds(lines), _seconds("import numpy, pydantic, asyncio")) for _ in range(5)]
        ours, unit = (min(side) for side in zip(*pairs, strict=True))
        return ours / unit

    return least


def _seconds(lines: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", lines], capture_output=True, check=True, cwd=Path(__file__).parents[1])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

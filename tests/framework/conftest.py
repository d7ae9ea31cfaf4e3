"""A browser, for tests of pages."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Drawn = Callable[..., str]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")


@pytest.fixture
def drawn(tmp_path: Path) -> Drawn:
    """What a browser makes of a page, after a reader has done something with it."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: the page was not loaded in a browser")

    def load(page: Path, reader: str = "") -> str:
        if reader:
            page.write_text(page.read_text().replace("</body>", f"<script>{{{reader}}}</script></body>"))
        place = [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=3000", "--window-size=1280,4000"]
        command = [CHROMIUM, *QUIET, *place, "--dump-dom", page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=90)
        assert "data-error=" not in done.stdout, re.findall('data-error="[^"]*"', done.stdout)
        assert "Refused to" not in done.stderr
        return done.stdout

    return load

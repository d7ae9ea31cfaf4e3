"""Where things that were made once are kept between runs."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """LIMNER_CACHE, else XDG_CACHE_HOME/limner, else ~/.cache/limner."""
    if chosen := os.environ.get("LIMNER_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "limner"

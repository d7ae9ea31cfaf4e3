"""Where things that were made once are kept between runs."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path


def cache_folder() -> Path:
    """LIMNER_CACHE, else XDG_CACHE_HOME/limner, else ~/.cache/limner."""
    if chosen := os.environ.get("LIMNER_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "limner"


def keep_bytecode() -> None:
    """Compile packages once, and not in each of a run's dozen processes.

    Containers often set PYTHONDONTWRITEBYTECODE, so that nothing is written beside packages: it goes to our cache then.
    """
    compiled = getattr(find_spec("pydantic"), "cached", None)
    if sys.dont_write_bytecode and not sys.pycache_prefix and not (compiled and Path(compiled).is_file()):
        sys.dont_write_bytecode, sys.pycache_prefix = False, str(cache_folder() / "bytecode")
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix

"""What this machine has to work with."""

import os


def cores() -> int:
    """Those that this process may use; not every system says which, and all count there."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

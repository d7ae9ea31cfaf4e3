"""What `limner check` finds, line by line."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    found: str
    limit: str = ""
    remedy: str = ""
    """Set if it does not fit: path, value, what to do."""
    doubtful: bool = False
    """It may not fit, or could not be tried. That stops nobody."""

"""limner data rate: the same as limner reward rate, for whoever looks for it among the data."""

from framework.commands.rate import arguments, run

__all__ = ["arguments", "run"]

"""Which episodes our machinery lost, by kind of task: a mean over the others says less about kinds that lost many.

kind        episodes  lost  of them  before  after
first             32    13      41%     50%    37%      what is hard to serve weighs less than it should
attribute         32     0       0%     50%    63%
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

REASONS = 3
"""So many reasons are shown."""


@dataclass(frozen=True, slots=True)
class Losses:
    """The episodes of one kind of task."""

    kind: str
    episodes: int
    lost: int
    before: float
    """The share of this kind among all episodes."""
    after: float
    """And among those that survived."""

    @property
    def share(self) -> float:
        return self.lost / self.episodes


def losses(kinds: Sequence[str], reasons: Sequence[str]) -> list[Losses]:
    """The losses of each kind; empty if there were none. There is one kind and one reason per episode, the reason empty
    if it was not lost."""
    every = Counter(kinds)
    lost = Counter(kind for kind, reason in zip(kinds, reasons, strict=True) if reason)
    left = every.total() - lost.total()
    if not lost:
        return []
    return [
        Losses(kind, count, lost[kind], count / every.total(), (count - lost[kind]) / left if left else 0.0)
        for kind, count in every.items()
    ]


def table(who: str, kinds: Sequence[str], reasons: Sequence[str]) -> Table | None:
    """As it is printed, with the commonest reasons; None if nothing was lost."""
    found = losses(kinds, reasons)
    if not found:
        return None
    lost = Counter(reason for reason in reasons if reason)
    title = f"{who}: {lost.total()} of {len(kinds)} episodes lost; its numbers speak of the others"
    shown = Table("kind", "episodes", "lost", "of them", "before", "after", box=None, header_style="dim", title=title)
    for each in found:
        shares = (f"{share:.0%}" for share in (each.share, each.before, each.after))
        shown.add_row(each.kind or "–", str(each.episodes), str(each.lost), *shares)
    shown.caption = "\n".join(f"{count} × {reason}" for reason, count in lost.most_common(REASONS))
    shown.title_justify = shown.caption_justify = "left"
    return shown

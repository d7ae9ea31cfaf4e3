"""What a family writes around what is shown and said, as data.

    begins · system · user ┆ content ┆ reply │ A0 │ again ┆ content ┆ reply │ A1 │ again …
    └───────────── opening ────────────────┘      └────── following ──────┘

`again` begins with the token that ends a reply, which the policy has usually said itself.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from framework.errors import ConfigError

MARK = re.compile(r"\[gMASK\]|<[^<>\s]+>")
"""A special token inside a template."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Names of special tokens in these texts stand for their ids."""

    begins: str = ""
    """Before everything."""
    system: tuple[str, str]
    """Before and after what the policy is told first; left out where it is told nothing."""
    user: str
    """Before the first observation."""
    reply: str
    """After an observation, where the policy speaks. What some families put into its mouth here, such as a thought that
    is opened or empty, is left for it to say: then it is read, scored and learned like the rest."""
    again: str
    """After a reply, before the next observation."""
    picture: tuple[str, str, str]
    """Before a picture, for each of its visual tokens, and after it."""
    pad: str
    """Fills a batch up."""
    stops: tuple[str, ...] = ()
    """What ends a reply besides the first token of `again`."""
    banned: tuple[str, ...] = ()
    """Never sampled, as pictures' tokens are not: they mean nothing without a film or a sound behind them."""
    trims: Literal["nothing", "ends", "texts"] = "nothing"
    """White space that is taken away: none; around an observation; around each of its texts."""
    forgets: bool = False
    """Later turns are read without earlier thoughts by the family's own template. Here thoughts stay, as all that was
    sampled stays: what is trained on is what was read."""

    def __post_init__(self) -> None:
        if not MARK.match(self.again):
            raise ConfigError(
                f"template: again is {self.again!r}; begin it with the token that ends a reply, as <|im_end|>"
            )

    def special(self) -> tuple[str, ...]:
        """The tokens that are written by id."""
        around = (self.begins, *self.system, self.user, self.reply, self.again, *self.picture)
        named = [name for text in around for name in MARK.findall(text)]
        return tuple(dict.fromkeys((*named, self.pad, *self.ends(), *self.never())))

    def ends(self) -> tuple[str, ...]:
        """What ends a reply, first what the template itself writes."""
        return MARK.findall(self.again)[0], *self.stops

    def never(self) -> tuple[str, ...]:
        """What is never sampled."""
        return self.picture[1], *self.banned


def marked(text: str) -> Iterator[str]:
    """A text of a template, cut at its special tokens."""
    yield from (part for part in re.split(f"({MARK.pattern})", text) if part)

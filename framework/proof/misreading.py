"""Why does a reward give nothing? The same episodes are read otherwise, and what brings it to life is the likely cause.

    said (0.2, 0.3, 0.5, 0.6), read as 0–1000     IoU 0.00
    read as fractions of the picture              IoU 0.83     ◀ that is it

Nothing is known about the reward: it is asked again.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from framework.env import Rules
from framework.proof.meaning import counted, from_one, in_pixels, in_seconds, places, sized, swapped, truly
from framework.reward import FAILURES, Reward
from framework.types import Episode, Reply, Turn

SAMPLE = 24
"""Episodes that are read again."""
GAIN = 0.1
"""A reading that brings this much more is the likely cause."""
TAGS = 2
"""So many unknown tags are tried in place of those that are read."""
KNOWN = {"think", "select", "zoom", "answer"}


@dataclass(frozen=True, slots=True)
class Reading:
    """One way in which episodes might have been meant."""

    words: str
    """What was different: "boxes read as fractions of the picture"."""
    remedy: str
    again: Callable[[Episode], Episode]


def likely(reward: Reward, episodes: Sequence[Episode], rules: Rules | None = None) -> str:
    """The reading under which this reward gives clearly more; else what is plainly wrong with the replies, or nothing.

    Replies are parsed again only with the `rules` by which they were played.
    """
    few = list(episodes)[:SAMPLE]
    if not few:
        return ""
    now = _mean(reward, few)
    gains: list[tuple[float, Reading]] = []
    for reading in (*READINGS, *(worded(few, rules) if rules else ())):
        again = [reading.again(episode) for episode in few]
        if again != few:
            gains.append((_mean(reward, again), reading))
    best, reading = max(gains, key=lambda each: round(each[0], 2), default=(now, None))
    if reading is None or best < now + GAIN:
        return ""
    return f"with {reading.words} it would be {best:.2f} on average; {reading.remedy}"


def _mean(reward: Reward, episodes: Sequence[Episode]) -> float:
    return float(np.mean([0.0 if isinstance(each, FAILURES) else each for each in reward(episodes)]))


SAID = "say so in reasoner.coordinates, or ask for what is read"
TOLD = "mend the data: true places are original pixels of their frame"

READINGS: tuple[Reading, ...] = (
    Reading("true places read as fractions of the frame", TOLD, truly(1, lambda most, side: most <= 1 < side)),
    Reading("true places read as 0–1000 over the frame", TOLD, truly(1000, lambda most, side: side < most <= 1000)),
    Reading("places read as fractions of the picture", SAID, places(counted(1, 1))),
    Reading("places read as 0–1000 over the picture", SAID, places(counted(1000, 1000))),
    Reading("places read as original pixels", SAID, places(in_pixels)),
    Reading("x and y exchanged", "ask for x before y", places(swapped)),
    Reading("boxes read as x, y, width, height", "ask for two corners", places(sized)),
    Reading("frames counted from 1", "the first frame is frame 0; say so in env.system", from_one),
    Reading("intervals read in seconds", "intervals are said in frames; say so in env.system", in_seconds),
)
"""Of two that are as good, the first is meant."""


# ---- words -----------------------------------------------------------------------------------------------------------


def worded(episodes: Sequence[Episode], rules: Rules) -> Iterator[Reading]:
    """Other ways to read the replies themselves."""

    def read(change: Callable[[str], str]) -> Callable[[Episode], Episode]:
        return lambda episode: _read_again(episode, rules, change)

    yield Reading("code fences left out", "ask for bare JSON", read(lambda text: re.sub(r"```\w*", "", text)))
    yield Reading(
        "tags in small letters",
        "ask for tags as they are read",
        read(lambda text: re.sub(r"</?[A-Za-z]+>", lambda tag: tag.group().lower(), text)),
    )
    yield Reading(
        "a line break after </think>",
        "the reward asks for one: ask for it in env.system, or mend the reward",
        read(lambda text: re.sub(r"</think>(?=<)", "</think>\n", text)),
    )
    yield Reading(
        "no white space after </think>",
        "the reward does not allow any: ask for none, or mend the reward",
        read(lambda text: re.sub(r"</think>\s+", "</think>", text)),
    )
    yield Reading(
        "what stands before <think> left out",
        "ask for nothing before it",
        read(lambda text: text[max(text.find("<think>"), 0) :]),
    )
    yield Reading(
        "an empty <think></think> before each reply",
        "ask for thoughts in env.system, or take out the reward that wants them",
        read(lambda text: text if "<think>" in text else f"<think> </think>\n{text}"),
    )
    for tag in _unknown_tags(episodes):
        for action in rules.grammar.actions:
            yield Reading(
                f"<{tag}> read as <{action}>", f"ask for <{action}> in env.system", read(_renamed(tag, action))
            )


def _renamed(tag: str, action: str) -> Callable[[str], str]:
    return lambda text: text.replace(f"<{tag}>", f"<{action}>").replace(f"</{tag}>", f"</{action}>")


def _unknown_tags(episodes: Sequence[Episode]) -> list[str]:
    """The commonest closed tags that no one reads."""
    texts = [turn.said.text for episode in episodes for turn in episode.turns]
    counted = Counter(tag for text in texts for tag in set(re.findall(r"</(\w{1,20})>", text)) - KNOWN)
    return [tag for tag, _ in counted.most_common(TAGS)]


def _read_again(episode: Episode, rules: Rules, change: Callable[[str], str]) -> Episode:
    """The episode, had each reply been this text."""
    turns: list[Turn] = []
    for turn in episode.turns:
        text = change(turn.said.text)
        if text == turn.said.text:
            turns.append(turn)
            continue
        reply = Reply(text, turn.said.cut_off, turn.said.tokens, turn.said.thought)
        said = rules.read(reply, episode.task, tuple(turns), turn.seen)
        turns.append(replace(turn, said=said))
    return replace(episode, turns=tuple(turns))

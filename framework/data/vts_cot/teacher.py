"""Thoughts for demonstrations whose looks are known, written by a model that others serve.

    Episode, its actions by an expert ─▶ per turn: what was shown, what is done ─▶ Endpoint ─▶ four steps
                                     └─▶ <think> those </think> its action ─▶ played again ─▶ Episode

The truth decides what is done; the model only says, from the frames, how one comes to it.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from framework.chat.thought import CLOSES, OPENS, thought
from framework.data.vts_cot.faults import HEADINGS
from framework.env import Rules
from framework.policy import Scripted
from framework.remote.endpoint import Content, Endpoint
from framework.rollout import play
from framework.types import Answer, Broken, Episode, Picture, Select, Stop, Turn, Zoom
from framework.vision.inline import url

PROMPT = """Someone looks for "{question}" in a video of {frames} frames, in order to outline it. The pictures above are
what they are shown in turn {turn}, each after the number of its frame. What they do next is right: they {action}.

Write what they think before they do it, in the first person, from the pictures alone and as if nobody had told them,
on one line, in these four parts and nothing else:
Step 1: when it is to be seen, by frame numbers. Step 2: where and how it looks. Step 3: what the words ask for, and why
this fits them and what is like it does not. Action: what is done next, and why."""
LONGEST = 1200
"""Characters of a thought that are taken."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """Whoever words the thoughts."""

    endpoint: Endpoint
    rules: Rules
    prompt: str = field(default=PROMPT)

    def taught(self, episodes: Sequence[Episode]) -> list[Episode | Broken]:
        """The same looks and answers, thought about. All turns of all episodes are asked at once."""
        asked = [self.asked(episode, number) for episode in episodes for number, _ in enumerate(episode.turns)]
        said = iter(self.endpoint.ask(asked, steps))
        return [self._told(episode, [next(said) for _ in episode.turns]) for episode in episodes]

    def asked(self, episode: Episode, number: int) -> Content:
        """What the model is shown and asked about one turn."""
        turn, video = episode.turns[number], episode.task.video
        shown = [part for picture in turn.seen.pictures for part in _shown(picture)]
        places = {"frames": video.length, "turn": number + 1, "action": doing(turn)}
        words = self.prompt
        for name, value in places.items():
            words = words.replace(f"{{{name}}}", str(value))
        return [*shown, {"type": "text", "text": words.replace("{question}", episode.task.question)}]

    def _told(self, episode: Episode, thoughts: Sequence[str | Broken]) -> Episode | Broken:
        if broken := next((each for each in thoughts if isinstance(each, Broken)), None):
            return broken
        lines = [
            f"{OPENS}{said}{CLOSES}\n{acted(turn.said.text)}"
            for turn, said in zip(episode.turns, thoughts, strict=True)
        ]
        again = asyncio.run(play(episode.task, self.rules, Scripted(*lines)))
        return again if again.stop is Stop.ANSWERED else Broken(f"task {episode.task.id}: {again.error or again.stop}")


def _shown(picture: Picture) -> list[Mapping[str, Any]]:
    return [
        {"type": "text", "text": f"Frame {picture.frame}:"},
        {"type": "image_url", "image_url": {"url": url(picture)}},
    ]


def doing(turn: Turn) -> str:
    """What a turn does, in words."""
    match turn.said.parsed:
        case Select(interval, keyframe):
            return f"look at frames {int(interval.start)} to {int(interval.end)} again, and at frame {keyframe} large"
        case Zoom(frame):
            return f"look at a part of frame {frame} larger"
        case Answer():
            return "have seen enough, and answer"
        case malformed:
            raise ValueError(f"nobody learns from what cannot be read: {malformed.reason}")


def acted(text: str) -> str:
    """A reply without its thought."""
    within = thought(text)
    return text[within.stop :].removeprefix(CLOSES).strip() if within.stop else text.strip()


def steps(reply: str) -> str | None:
    """A thought in its four steps, on one line; None if it is none, or says more than a thought may."""
    line = re.sub(r"\s+", " ", reply.replace(OPENS, "").replace(CLOSES, "")).strip()
    found = HEADINGS.search(line)
    if found is None or len(line) > LONGEST or re.search(r"</?\w+>|\[SEG\]", line):
        return None
    return line[found.start() :]

"""Episodes a second, by one random model: our rollout, and the shape of the loop that VideoSEG-O3 released.

    limner     all episodes together: each turn appends what is new to a prompt, and requests are answered in batches
    released   one episode after another: each turn renders the whole conversation, reads it anew, and calls `generate`

The model works as for a real reply and says the script's, so that both play as many turns and tokens. No two episodes
are of one task: what groups have in common, and we read once, is left out. Both hold the model in this process.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from rich.table import Table

from framework.policy import Policy
from framework.reasoners.generator import Generator
from framework.reasoners.player import ModelPolicy
from framework.reasoners.sampling import Batcher, Request, Sampled
from framework.rollout import play
from framework.train.bench import script
from framework.types import Episode, Observation, Past, Reply

EPISODES, TURNS, ROUNDS = 16, 3, 3


def measure(folder: Path, episodes: int = EPISODES, turns: int = TURNS, rounds: int = ROUNDS) -> dict[str, Any]:
    """Episodes per second: side → one number a round, after one that is not counted. They take turns."""
    course = Course(turns)
    sides = {"limner": course.together, "released": course.one_by_one}
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name in sorted(sides, reverse=bool(number % 2)):
            began = time.perf_counter()
            asyncio.run(sides[name](episodes))
            rates[name] += [episodes / (time.perf_counter() - began)] if number else []
    return {"turns": turns, "episodes_per_second": rates}


def shown(figures: Mapping[str, Any]) -> Iterator[Table]:
    """As a table."""
    rates: Mapping[str, Sequence[float]] = figures["episodes_per_second"]
    table = Table(f"of {figures['turns']} turns", "episodes/s", "against released", box=None, header_style="dim")
    for name, each in rates.items():
        ratio = median(ours / theirs for ours, theirs in zip(each, rates["released"], strict=True))
        table.add_row(name, f"{median(each):.2f}", f"{ratio:.2f}×")
    yield table


class Course:
    """One model and one reply, for both sides."""

    def __init__(self, turns: int) -> None:
        from transformers import AutoProcessor

        self.recipe = script.recipe(f"env.max_turns={turns}")
        self.generator = Generator.load(self.recipe.reasoner)
        self.generator.stops = self.generator.stops[:0]  # it would end by chance, and have worked less
        self.processor: Any = AutoProcessor.from_pretrained(self.recipe.reasoner.folder())
        voice = self.generator.voice
        self.text = script.reply(self.recipe, self.recipe.data.train.task(0))
        self.reply = (*voice.write(self.text), voice.stop_tokens[0])

    async def together(self, episodes: int) -> list[Episode]:
        ask = Batcher(self._recite)
        voice, rollout, system = self.generator.voice, self.recipe.rollout, self.recipe.env.system
        players = [ModelPolicy(voice, ask, rollout, system, seed=number) for number in range(episodes)]
        try:
            return await asyncio.gather(*(self._episode(number, each) for number, each in enumerate(players)))
        finally:
            await ask.close()

    async def one_by_one(self, episodes: int) -> list[Episode]:
        return [await self._episode(number, Anew(self)) for number in range(episodes)]

    async def _episode(self, number: int, policy: Policy) -> Episode:
        return await play(self.recipe.data.train.task(number), self.recipe.env, policy)

    def _recite(self, requests: Sequence[Request]) -> list[Sampled]:
        self.generator.generate([replace(request, max_tokens=len(self.reply)) for request in requests])
        return [Sampled(self.reply, (0.0,) * len(self.reply), finished=True) for _ in requests]


class Anew:
    """Reads all of an episode again before each reply."""

    def __init__(self, course: Course) -> None:
        self.course = course

    async def act(self, past: Past, seen: Observation) -> Reply:
        import torch

        course, model = self.course, self.course.generator.model
        first, *later = [*(turn.seen for turn in past), seen]
        said = script.asked(course.recipe.env.system, first)
        for each in later:
            said += [{"role": "assistant", "content": course.text}, {"role": "user", "content": script.content(each)}]
        inputs = course.processor(text=[self._text(said)], images=_images(said), return_tensors="pt")
        length = len(course.reply)
        with torch.inference_mode():
            model.generate(**inputs, do_sample=True, min_new_tokens=length, max_new_tokens=length)
        return Reply(course.text)

    def _text(self, said: Sequence[Any]) -> str:
        return self.course.processor.apply_chat_template(said, tokenize=False, add_generation_prompt=True)


def _images(said: Sequence[Any]) -> list[Any]:
    parts = [part for message in said if isinstance(message["content"], list) for part in message["content"]]
    return [part["image"] for part in parts if part["type"] == "image"]

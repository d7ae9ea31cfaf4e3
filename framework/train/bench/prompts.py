"""How long it takes to write the prompts of an episode, the longer it gets: ours, verl's, and re-tokenising.

    limner          each observation tokenised once, alone, and appended; room for pictures known from their sizes
    verl            each reply of a tool rendered within a short made-up conversation, and appended
    re-tokenising   the whole history through chat template and processor, every turn

Nobody generates; ours also makes the pixels, the others are given them.
"""

import asyncio
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from framework.reasoners.player import ModelPolicy
from framework.reasoners.sampling import Request, Sampled
from framework.rollout import play
from framework.train.bench import script
from framework.types import Action, Observation, Task

TURNS = (8, 32, 128)
REPEATS = 3


def measure(turns: tuple[int, ...] = TURNS, repeats: int = REPEATS) -> dict[str, dict[int, float]]:
    """Seconds per episode: way → turns → median. The ways take turns, so that a busy machine is fair."""
    setting = Setting(max(turns))
    ways: dict[str, Callable[[int], Any]] = {
        "limner": setting.limner,
        "verl": setting.verl,
        "re-tokenising": setting.retokenising,
    }
    spent: dict[str, dict[int, list[float]]] = {name: {count: [] for count in turns} for name in ways}
    for way in ways.values():
        way(2)  # what is loaded on first use
    for count in turns:
        for _ in range(repeats):
            for name, way in ways.items():
                began = time.perf_counter()
                way(count)
                spent[name][count].append(time.perf_counter() - began)
    return {name: {count: median(each) for count, each in by.items()} for name, by in spent.items()}


class Setting:
    """One task, its observations and one reply, in the words of all three."""

    def __init__(self, most: int) -> None:
        from transformers import AutoProcessor

        self.recipe = script.recipe(f"env.max_turns={most}", f"rollout.episode_tokens={160 * most}")
        self.task: Task = self.recipe.data.train.task(0)
        self.voice = self.recipe.reasoner.voice()
        self.text = script.reply(self.recipe, self.task)
        self.reply = (*self.voice.write(self.text), self.voice.stop_tokens[0])
        self.first, self.later = asyncio.run(self._observations())
        self.processor: Any = AutoProcessor.from_pretrained(self.recipe.reasoner.folder())
        self.asked = script.asked(self.recipe.env.system, self.first)
        self.shown = script.content(self.later)

    async def _observations(self) -> tuple[Observation, Observation]:
        game = self.recipe.env.make(self.task)
        return await game.start(), await game.step(Action(self.text, script.LOOK))

    def limner(self, turns: int) -> list[int]:
        rules = self.recipe.env.model_copy(update={"max_turns": turns})
        policy = ModelPolicy(self.voice, self._recite, self.recipe.rollout, rules.system)
        asyncio.run(play(self.task, rules, policy))
        return policy.ledger.ids

    async def _recite(self, request: Request) -> Sampled:
        return Sampled(self.reply, (0.0,) * len(self.reply), finished=True)

    def verl(self, turns: int) -> list[int]:
        from verl.utils.tokenizer.continuous_token_wiring import create_continuous_token_builder

        builder = create_continuous_token_builder(
            self.processor.tokenizer, hf_model_type="qwen3_vl", processor=self.processor
        )
        said = list(self.asked)
        ids: list[int] = builder.build_initial_tokens(said, images=_images(said))
        for turn in range(turns):
            ids = builder.merge_assistant_tokens(ids, list(self.reply)).token_ids
            if turn < turns - 1:
                before = [*said, {"role": "assistant", "content": self.text}]
                said = [*before, {"role": "tool", "content": self.shown}]
                ids = builder.merge_context_tokens(before, said, ids).token_ids
        return ids

    def retokenising(self, turns: int) -> list[int]:
        said = list(self.asked)
        ids: list[int] = []
        for turn in range(turns):
            text = self.processor.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
            ids = self.processor(text=[text], images=_images(said))["input_ids"][0]
            said.append({"role": "assistant", "content": self.text})
            if turn < turns - 1:
                said.append({"role": "user", "content": self.shown})
        return [*ids, *self.reply]


def _images(messages: list[dict[str, Any]]) -> list[Any]:
    parts = [part for message in messages if isinstance(message["content"], list) for part in message["content"]]
    return [part["image"] for part in parts if part["type"] == "image"]

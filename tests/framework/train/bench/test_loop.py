"""The loop bench compares like with like: both sides read, say and see the same."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest

from framework.reasoners.chatml import ChatML
from framework.registry import find
from framework.train.bench import loop, script
from framework.train.bench.prompts import Setting
from framework.train.run import VARIABLE, Run
from framework.types import Action
from framework.vision.frames import pixels


@pytest.fixture(scope="module")
def setting() -> Setting:
    return Setting(8)


def test_ours_are_the_very_ids_that_re_tokenising_gives(setting: Setting):
    assert setting.limner(3) == setting.retokenising(3)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # transformers on verl's tensors
def test_verls_differ_only_in_who_brings_the_pictures(setting: Setting):
    words = setting.processor.tokenizer
    ours, verls = (words.decode(ids) for ids in (setting.limner(3), setting.verl(3)))
    first, *later = verls.split("<|im_start|>tool\n")
    assert len(later) == 2
    assert ours.split("<|im_start|>user\n")[2:] == later
    assert ours.startswith(first)


def test_ours_writes_as_much_for_each_further_turn(setting: Setting, monkeypatch: pytest.MonkeyPatch):
    written: list[str] = []
    write = ChatML.write

    def noted(self: ChatML, text: str) -> list[int]:
        written.append(text)
        return write(self, text)

    monkeypatch.setattr(ChatML, "write", noted)

    def characters(turns: int) -> int:
        written.clear()
        setting.limner(turns)
        return sum(map(len, written))

    two, four, eight = characters(2), characters(4), characters(8)
    assert eight - four == 2 * (four - two)


def test_verls_tool_shows_what_our_env_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: Setting):
    from framework.train.bench.rival import SCHEMA, Look, Words

    run = Run(tmp_path)
    run.begin(script.recipe())
    monkeypatch.setenv(VARIABLE, str(run.recipe_file.parent))
    task = run.recipe.data.train.task(3)
    text = script.reply(run.recipe, task)

    async def both():
        from verl.tools.schemas import OpenAIFunctionToolSchema

        ids = setting.processor.tokenizer.encode(text)
        _, (call,) = await Words(setting.processor.tokenizer).extract_tool_calls(ids)
        tool = Look({}, OpenAIFunctionToolSchema.model_validate(SCHEMA))
        name, _ = await tool.create(create_kwargs={"index": 3})
        shown, _, _ = await tool.execute(name, json.loads(call.arguments))
        return shown, await run.recipe.env.make(task).step(Action(text, script.LOOK))

    shown, seen = asyncio.run(both())
    assert shown.text == seen.text.replace("<image>", "")
    assert [np.asarray(image).tolist() for image in shown.image or ()] == [pixels(p).tolist() for p in seen.pictures]


def test_figures_are_told_as_tables():
    rates = {"limner": {"median": 300.0, "rounds": [300.0, 300.0]}, "verl": {"median": 200.0, "rounds": [200.0, 200.0]}}
    seconds = {"limner": {8: 0.01, 32: 0.04}, "verl": {8: 0.02, 32: 0.08}}
    episodes, prompts = loop.shown({"reply_tokens_per_second": rates, "prompt_seconds": seconds})
    assert list(episodes.columns[-1].cells) == ["1.50×", "1.00×"]
    assert list(prompts.columns[-1].cells) == ["4.0×", "4.0×"]


def test_every_bench_is_there():
    from importlib import import_module

    from framework.commands.bench import BENCHES

    for name in BENCHES:
        module = import_module(find(BENCHES, name, "bench"))
        assert callable(module.measure)
        assert callable(module.shown)

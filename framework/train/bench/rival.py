"""Lets verl's ToolAgentLoop play our game: a tool that answers as our env does, and a parser that reads our words.

<select>{"start": 0, "end": 3, "keyframe": 1}</select> ─▶ Words ─▶ call of "look" ─▶ Look ─▶ text and pictures

verl's loop stays as it is: tools and parsers are what it has to be given.
"""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from verl.experimental.agent_loop.tool_parser import FunctionCall, ToolParser
from verl.tools.base_tool import BaseTool
from verl.tools.schemas import ToolResponse

from framework.recipe import Recipe
from framework.train.bench import script
from framework.train.run import Run
from framework.types import Observation, Reply

TOOL, WORDS = "look", "limner"
NUMBERS = {name: {"type": "integer"} for name in ("start", "end", "keyframe")}
SCHEMA: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": TOOL,
        "description": "Look again.",
        "parameters": {"type": "object", "properties": NUMBERS, "required": []},
    },
}
"""The tool, as OpenAI describes tools."""


@ToolParser.register(WORDS)
class Words(ToolParser):
    """Reads <select>…</select> where other parsers read <tool_call>…</tool_call>."""

    async def extract_tool_calls(self, responses_ids: list[int], tools: Any = None) -> tuple[str, list[FunctionCall]]:
        text: str = self.tokenizer.decode(responses_ids)
        _, _, after = text.partition("<select>")
        arguments, closed, _ = after.partition("</select>")
        return text, [FunctionCall(name=TOOL, arguments=arguments)] if closed else []


class Look(BaseTool):
    """Shows what our env shows after such a reply."""

    def __init__(self, config: Any, tool_schema: Any) -> None:
        super().__init__(config, tool_schema)
        self.recipe = Run.here().recipe
        self.row: dict[str, int] = {}

    async def create(self, instance_id: str | None = None, **kwargs: Any) -> tuple[str, ToolResponse]:
        instance = instance_id or uuid4().hex
        self.row[instance] = kwargs["create_kwargs"]["index"]
        return instance, ToolResponse()

    async def execute(self, instance_id: str, parameters: dict[str, Any], **_: Any) -> tuple[ToolResponse, float, Any]:
        rules, task = self.recipe.env, self.recipe.data.train.task(self.row[instance_id])
        said = Reply(f"<select>{json.dumps(parameters)}</select>")
        seen = await rules.make(task).step(rules.read(said, task, (), Observation(())))
        pictures = [script.image(picture) for picture in seen.pictures]
        text = "".join(part for part in seen.content if isinstance(part, str))
        return ToolResponse(text=text, image=pictures), 0.0, {}

    async def release(self, instance_id: str, **_: Any) -> None:
        del self.row[instance_id]


def settings(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """What verl's loop needs besides what ours needs. Its table of tools is a file."""
    told = folder / "tools.yaml"
    tool = {"class_name": f"{__name__}.Look", "config": {"type": "native"}, "tool_schema": SCHEMA}
    told.write_text(json.dumps({"tools": [tool]}))
    turns = "actor_rollout_ref.rollout.multi_turn"
    return {
        "data.custom_cls.path": None,
        f"{turns}.enable": True,
        f"{turns}.max_assistant_turns": recipe.env.max_turns,
        f"{turns}.format": WORDS,
        f"{turns}.tool_config_path": str(told),
    }

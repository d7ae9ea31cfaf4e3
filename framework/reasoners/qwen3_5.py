"""Qwen3.5: Qwen3-VL's eyes and words; most layers of its language model attend linearly, with a state for a past."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import Field

from framework.env import Coordinates
from framework.reasoners.chatml import ChatML
from framework.reasoners.reasoner import Reasoner
from framework.reasoners.voice import Voice

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from framework.lab.small import Small
    from framework.reasoners.lab import Lab


class Qwen3_5(Reasoner):
    """Says positions as 0–1000 over the picture."""

    model_types = ("qwen3_5", "qwen3_5_moe")
    unit: int = Field(default=32, ge=1)
    coordinates: Coordinates = 1000

    def voice(self) -> Voice:
        return ThinkingChatML(self.folder(), self.unit)

    @classmethod
    def small(cls) -> "Small":
        from framework.lab.small import Small
        from framework.lab.speech import SPECIAL
        from framework.reasoners.qwen import qwen3_processor

        return Small(
            template=ThinkingChatML.template, jinja=JINJA, special=SPECIAL, config=_config, processor=qwen3_processor
        )


class ThinkingChatML(ChatML):
    """Its template trims what is shown, opens a thought for the policy, and forgets the thoughts of earlier turns."""

    template = replace(ChatML.template, trims="ends", forgets=True)


JINJA = """\
{%- macro shown(content) -%}
    {%- if content is string -%}
        {{- content -}}
    {%- else -%}
        {%- for part in content -%}
            {{- '<|vision_start|><|image_pad|><|vision_end|>' if part.type == 'image' else part.text -}}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro -%}
{%- set last = namespace(asked=-1) -%}
{%- for message in messages -%}
    {%- if message.role == 'user' -%}{%- set last.asked = loop.index0 -%}{%- endif -%}
{%- endfor -%}
{%- for message in messages -%}
    {%- set content = shown(message.content) | trim -%}
    {%- if message.role == 'assistant' and '</think>' in content -%}
        {%- set thought = content.split('</think>')[0].split('<think>')[-1] | trim -%}
        {%- set content = content.split('</think>')[-1].lstrip('\\n') -%}
        {%- if loop.index0 > last.asked -%}
            {%- set content = '<think>\\n' + thought + '\\n</think>\\n\\n' + content -%}
        {%- endif -%}
    {%- endif -%}
    {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|im_start|>assistant\\n' + ('<think>\\n\\n</think>\\n\\n' if enable_thinking is false else '<think>\\n') -}}
{%- endif -%}
"""


def _config(lab: "Lab", tokenizer: "PreTrainedTokenizerFast") -> Any:
    """All layers but the last attend linearly."""
    from transformers import Qwen3_5Config

    from framework.lab.small import HEAD_WIDTH, HEADS, VISION_PLACES, language, tower, turning
    from framework.reasoners.qwen import marks

    text = language(lab, tokenizer) | {
        "head_dim": HEAD_WIDTH,
        "rope_parameters": turning(HEAD_WIDTH) | {"mrope_interleaved": True, "partial_rotary_factor": 1.0},
        "layer_types": ["linear_attention"] * (lab.layers - 1) + ["full_attention"],
        "linear_key_head_dim": HEAD_WIDTH // 2,
        "linear_value_head_dim": HEAD_WIDTH // 2,
        "linear_num_key_heads": HEADS // 2,
        "linear_num_value_heads": HEADS,
    }
    vision = tower(lab) | {"num_position_embeddings": VISION_PLACES}
    return Qwen3_5Config(text_config=text, vision_config=vision, **marks(tokenizer))

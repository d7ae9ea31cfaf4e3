"""The lab's language: few words, each one token, so that a whole episode is short enough for two cores.

    Find the red circle.  ─▶  Find the│ red│ circle│.
    <select>{"start": 2, "end": 5, "keyframe": 3}</select>
      ─▶  <select>{"start": │2│, "end": │5│, "keyframe": │3│}</select>

Whatever is no word of it is spelled in bytes, so any text comes back exactly as it went in.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

from framework.lab.scene import COLOURS, SHAPES

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)

NAMES = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}

TURNS = ("system\n", "user\n", "assistant\n")
"""What stands after a token that begins a turn."""

ACTIONS = (
    *(f"<{tag}>" for tag in ("think", "select", "zoom", "answer", "VTG")),
    *(f"</{tag}>" for tag in ("think", "select", "zoom", "answer", "VTG")),
    *(f"<{tag}>{{{first}" for tag, first in product(("select", "answer"), ('"start": ', '"keyframe": '))),
    '<zoom>{"frame": ',
    '<answer>[{"bbox_2d": [',
    *(f', "{key}": ' for key in ("end", "keyframe")),
    ', "bbox_2d": [',
    ', "point_2d": [',
    '], "point_2d": [',
    '], "neg_point_2d": [[',
    "], [",
    ", ",
    ']}, {"bbox_2d": [',
    ']]}, {"bbox_2d": [',
    "}</select>",
    "]}</zoom>",
    "}</answer>",
    "]}</answer>",
    "]}]</answer>",
    "]]}]</answer>",
)
"""The fixed pieces of `framework.chat.grammar`, as it writes them."""

WORDS = (
    "Find the",
    *(f" {name}" for name in (*COLOURS, *SHAPES)),
    *(
        f" {word}"
        for word in [
            "shape",
            "that",
            "appears",
            "leaves",
            "appear",
            "moving",
            "first",
            "last",
            "second",
            "left",
            "right",
            "after",
            "before",
            "the",
            "to",
        ]
    ),
    ".\nThe clip has ",
    " frames.\n",
    "Frame ",
    " (",
    ".0 s): ",
    " s): ",
    "Answer now.\n",
    "That could not be read: ",
)
"""Questions of the synthetic world, and what the games say around them."""

CHAT_TEMPLATE = """\
{%- for message in messages -%}
    {{- '<|im_start|>' + message.role + '\\n' -}}
    {%- if message.content is string -%}
        {{- message.content -}}
    {%- else -%}
        {%- for part in message.content -%}
            {%- if part.type == 'image' -%}
                {{- '<|vision_start|><|image_pad|><|vision_end|>' -}}
            {%- elif part.type == 'text' -%}
                {{- part.text -}}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{- '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
"""


def tokenizer(
    numbers: int,
    extra: Sequence[str] = (),
    special: Sequence[str] = SPECIAL,
    turns: Sequence[str] = TURNS,
    chat_template: str = CHAT_TEMPLATE,
    names: Mapping[str, str] = NAMES,
) -> "PreTrainedTokenizerFast":
    """Bytes, the numbers 0 … `numbers`, the words, and what else is wanted; a longer word wins over a shorter one."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    bytes_ = sorted(pre_tokenizers.ByteLevel.alphabet())
    spelled = Tokenizer(models.BPE(vocab={byte: number for number, byte in enumerate(bytes_)}, merges=[]))
    spelled.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    spelled.decoder = decoders.ByteLevel()
    spelled.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    words = (*(str(number) for number in range(numbers + 1)), *turns, *ACTIONS, *WORDS, *extra)
    spelled.add_tokens([AddedToken(word, special=False, normalized=False) for word in words])
    own = {name: token for name, token in names.items() if name not in NAMES}
    return PreTrainedTokenizerFast(
        tokenizer_object=spelled,
        **{name: names[name] for name in NAMES},
        **({"extra_special_tokens": own} if own else {}),
        clean_up_tokenization_spaces=False,
        chat_template=chat_template,
    )

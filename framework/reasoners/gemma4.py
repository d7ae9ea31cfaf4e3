"""Gemma 4: tokens stand one after another, pictures' too; nine patches of 16 pixels are pooled into a token.

patches in rows [patches, values], sizes [pictures, 3]  ─▶  [pictures, longest, values] and the place of each patch
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from framework.blocks import Grid, Ints
from framework.env import Coordinates
from framework.errors import UserError
from framework.reasoners.places import counted
from framework.reasoners.reasoner import Reasoner
from framework.reasoners.scribe import Scribe, writable
from framework.reasoners.template import Template
from framework.reasoners.voice import Voice

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast

    from framework.lab.small import Small
    from framework.reasoners.lab import Lab
    from framework.reasoners.sampling import Pixels


class Gemma4(Reasoner):
    """Says positions as 0–1000 over the picture, and y before x where nobody tells it otherwise."""

    model_types = ("gemma4",)
    packs = False
    on_vllm = False  # 0.24 counts a picture's tokens as if it were enlarged to max_soft_tokens, and writes its brackets
    unit: int = Field(default=48, ge=1)
    coordinates: Coordinates = 1000

    def voice(self) -> Voice:
        return Gemma(self.folder(), self.unit)

    @classmethod
    def small(cls) -> "Small":
        from framework.lab.small import Small
        from framework.lab.speech import TURNS

        return Small(
            template=Gemma.template,
            jinja=JINJA,
            turns=(*TURNS, "model\n"),
            named={
                "bos_token": "<bos>",
                "image_token": "<|image|>",
                "boi_token": "<|image>",
                "eoi_token": "<image|>",
                "audio_token": "<|audio|>",
                "boa_token": "<|audio>",
                "eoa_token": "<audio|>",
            },
            config=_config,
            processor=_processor,
        )


class Gemma(Scribe):
    """Its template trims every text. Tokens of one picture may attend to one another, so their kinds are told."""

    template = Template(
        begins="<bos>",
        system=("<|turn>system\n", "<turn|>\n"),
        user="<|turn>user\n",
        reply="<turn|>\n<|turn>model\n",
        again="<turn|>\n<|turn>user\n",
        picture=("<|image>", "<|image|>", "<image|>"),
        pad="<pad>",
        stops=("<eos>",),
        banned=("<|video|>", "<|audio|>", "<|audio>", "<audio|>", "<pad>", "<bos>"),
        trims="texts",
        forgets=True,
    )

    def _merge(self) -> int:
        return int(self.processor.image_processor.pooling_kernel_size)

    def grid(self, size: tuple[int, int]) -> Grid:
        grid, most = super().grid(size), int(self.processor.image_processor.max_soft_tokens)
        if grid.tokens > most:
            raise UserError(
                f"a picture of {size[0]}×{size[1]} pixels takes {grid.tokens} tokens, and {most} are the most its "
                "processor gives one (max_soft_tokens); show smaller pictures, in env"
            )
        return grid

    def positions(self, ids: Sequence[int] | Ints, grids: Sequence[Grid]) -> Ints:
        return counted(ids)

    def _patches(self, images: "Sequence[Pixels]") -> "tuple[torch.Tensor, torch.Tensor]":
        import torch

        patch = self.unit // self.merge
        sizes = [[1, image.shape[0] // patch, image.shape[1] // patch] for image in images]
        taken = self.processor.image_processor(images=writable(images), do_resize=False, return_tensors="pt")
        rows = [padded[: high * wide] for padded, (_, high, wide) in zip(taken["pixel_values"], sizes, strict=True)]
        return torch.cat(rows), torch.tensor(sizes)

    def arguments(
        self, ids: "torch.Tensor", places: "torch.Tensor", seen: "Mapping[str, torch.Tensor]"
    ) -> "dict[str, torch.Tensor]":
        import torch
        from torch.nn.utils.rnn import pad_sequence

        if not seen:
            return {"position_ids": places[0]}
        rows, sizes = seen["pixel_values"], seen["image_grid_thw"]
        at = [torch.cartesian_prod(*map(torch.arange, (high, wide))).flip(1) for _, high, wide in sizes.tolist()]
        return {
            "position_ids": places[0],
            "mm_token_type_ids": (ids == self.image_token).long(),
            "pixel_values": pad_sequence(list(rows.split(sizes.prod(1).tolist())), batch_first=True),
            "image_position_ids": pad_sequence(at, batch_first=True, padding_value=-1).to(rows.device),
        }


JINJA = """\
{%- macro kept(text) -%}
    {%- for part in text.split('<channel|>') -%}{{- part.split('<|channel>')[0] -}}{%- endfor -%}
{%- endmacro -%}
{{- '<bos>' -}}
{%- for message in messages -%}
    {{- '<|turn>' + ('model' if message.role == 'assistant' else message.role) + '\\n' -}}
    {%- if message.content is string -%}
        {{- kept(message.content) | trim -}}
    {%- else -%}
        {%- for part in message.content -%}
            {{- '<|image|>' if part.type == 'image' else kept(part.text) | trim -}}
        {%- endfor -%}
    {%- endif -%}
    {{- '<turn|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|turn>model\\n' + ('' if enable_thinking else '<|channel>thought\\n<channel|>') -}}
{%- endif -%}
"""


def _config(lab: "Lab", tokenizer: "PreTrainedTokenizerFast") -> Any:
    """As its larger models are: pictures attend within themselves, and no layer has embeddings of its own."""
    from transformers import Gemma4Config

    from framework.lab.small import HEAD_WIDTH, MERGE, SPREAD, VISION_HEADS, VISION_PLACES, language

    number: Any = tokenizer.convert_tokens_to_ids
    text = language(lab, tokenizer) | {
        "bos_token_id": number("<bos>"),
        "head_dim": HEAD_WIDTH // 2,  # it attends without scaling: the wider, the sharper
        "global_head_dim": HEAD_WIDTH // 2,
        "hidden_size_per_layer_input": 0,
        "vocab_size_per_layer_input": len(tokenizer),
        "use_bidirectional_attention": "vision",
        "layer_types": ["sliding_attention"] * (lab.layers - 1) + ["full_attention"],
    }
    vision = {
        "initializer_range": SPREAD * lab.hidden**-0.5,
        "hidden_size": lab.vision_hidden,
        "intermediate_size": 2 * lab.vision_hidden,
        "num_hidden_layers": lab.vision_layers,
        "num_attention_heads": VISION_HEADS,
        "num_key_value_heads": VISION_HEADS,
        "head_dim": lab.vision_hidden // VISION_HEADS,
        "patch_size": lab.unit // MERGE,
        "pooling_kernel_size": MERGE,
        "position_embedding_size": 4 * VISION_PLACES,
    }
    return Gemma4Config(
        text_config=text,
        vision_config=vision,
        image_token_id=number("<|image|>"),
        boi_token_id=number("<|image>"),
        eoi_token_id=number("<image|>"),
        video_token_id=number("<|video|>"),
        audio_token_id=number("<|audio|>"),
        boa_token_id=number("<|audio>"),
        eoa_token_index=number("<audio|>"),
    )


def _processor(lab: "Lab", tokenizer: "PreTrainedTokenizerFast") -> Any:
    from transformers import Gemma4ImageProcessor, Gemma4Processor, Gemma4VideoProcessor
    from transformers.models.gemma4.feature_extraction_gemma4 import Gemma4AudioFeatureExtractor

    from framework.lab.small import MERGE

    sees: dict[str, Any] = {"patch_size": lab.unit // MERGE, "pooling_kernel_size": MERGE}
    processor: Any = Gemma4Processor
    return processor(
        feature_extractor=Gemma4AudioFeatureExtractor(),
        image_processor=Gemma4ImageProcessor(**sees, max_soft_tokens=70),
        tokenizer=tokenizer,
        video_processor=Gemma4VideoProcessor(**sees, max_soft_tokens=70),
        chat_template=tokenizer.chat_template,
    )

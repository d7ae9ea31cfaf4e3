"""Qwen2.5-VL, Qwen3-VL and Qwen3.5: ChatML turns, three-dimensional positions, one token per merged patch."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import Field

from framework.env import Coordinates
from framework.reasoners.reasoner import Reasoner
from framework.reasoners.voice import Voice

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from framework.lab.small import Small
    from framework.reasoners.lab import Lab


class Qwen2_5VL(Reasoner):
    """Says positions as pixels of the picture as its processor resized it."""

    model_types = ("qwen2_5_vl",)
    unit: int = Field(default=28, ge=1)
    coordinates: Coordinates = "pixels"

    def voice(self) -> Voice:
        from framework.reasoners.chatml import ChatML

        return ChatML(self.folder(), self.unit, default_system="You are a helpful assistant.")

    @classmethod
    def small(cls) -> "Small":
        return _small(_qwen2_5_config, _qwen2_5_processor)


class Qwen3VL(Reasoner):
    """Says positions as 0–1000 over the picture."""

    model_types = ("qwen3_vl", "qwen3_vl_moe")
    unit: int = Field(default=32, ge=1)
    coordinates: Coordinates = 1000

    def voice(self) -> Voice:
        from framework.reasoners.chatml import ChatML

        return ChatML(self.folder(), self.unit)

    @classmethod
    def small(cls) -> "Small":
        return _small(_qwen3_config, qwen3_processor)


# ---- tiny copies -----------------------------------------------------------------------------------------------------


def _small(config: Callable[..., Any], processor: Callable[..., Any]) -> "Small":
    from framework.lab.small import Small
    from framework.lab.speech import CHAT_TEMPLATE, SPECIAL
    from framework.reasoners.chatml import ChatML

    return Small(template=ChatML.template, jinja=CHAT_TEMPLATE, special=SPECIAL, config=config, processor=processor)


def marks(tokenizer: "PreTrainedTokenizerFast") -> dict[str, Any]:
    """Where pictures stand, as a config says it."""
    number: Any = tokenizer.convert_tokens_to_ids
    return {
        "image_token_id": number("<|image_pad|>"),
        "video_token_id": number("<|video_pad|>"),
        "vision_start_token_id": number("<|vision_start|>"),
        "vision_end_token_id": number("<|vision_end|>"),
        "tie_word_embeddings": False,
    }


def _qwen3_config(lab: "Lab", tokenizer: "PreTrainedTokenizerFast") -> Any:
    from transformers import Qwen3VLConfig

    from framework.lab.small import HEAD_WIDTH, VISION_PLACES, language, tower, turning

    turns = turning(HEAD_WIDTH) | {"mrope_interleaved": True}
    text = language(lab, tokenizer) | {"head_dim": HEAD_WIDTH, "rope_parameters": turns}
    vision = tower(lab) | {"num_position_embeddings": VISION_PLACES, "deepstack_visual_indexes": [0]}
    return Qwen3VLConfig(text_config=text, vision_config=vision, **marks(tokenizer))


def qwen3_processor(lab: "Lab", tokenizer: "PreTrainedTokenizerFast") -> Any:
    from transformers import Qwen2VLImageProcessor, Qwen3VLProcessor, Qwen3VLVideoProcessor

    from framework.lab.small import seeing

    processor: Any = Qwen3VLProcessor
    return processor(
        image_processor=Qwen2VLImageProcessor(**seeing(lab)),
        tokenizer=tokenizer,
        video_processor=Qwen3VLVideoProcessor(**seeing(lab)),
        chat_template=tokenizer.chat_template,
    )


def _qwen2_5_config(lab: "Lab", tokenizer: "PreTrainedTokenizerFast") -> Any:
    from transformers import Qwen2_5_VLConfig

    from framework.lab.small import HEADS, language, tower, turning

    width = lab.hidden // HEADS // 2 * 2
    text = language(lab, tokenizer) | {"head_dim": width, "rope_parameters": turning(width)}
    windows = {"window_size": 4 * lab.unit, "fullatt_block_indexes": [lab.vision_layers - 1]}
    return Qwen2_5_VLConfig(text_config=text, vision_config=tower(lab) | windows, **marks(tokenizer))


def _qwen2_5_processor(lab: "Lab", tokenizer: "PreTrainedTokenizerFast") -> Any:
    from transformers import Qwen2_5_VLProcessor, Qwen2VLImageProcessor
    from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor

    from framework.lab.small import seeing

    processor: Any = Qwen2_5_VLProcessor
    return processor(
        image_processor=Qwen2VLImageProcessor(**seeing(lab)),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(**seeing(lab)),
        chat_template=tokenizer.chat_template,
    )

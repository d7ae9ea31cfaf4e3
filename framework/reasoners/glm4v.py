"""GLM-4.1V: a turn ends where the next begins, with <|user|>; positions in three dimensions, 28 pixels to a token."""

from typing import TYPE_CHECKING, Any

from pydantic import Field

from framework.env import Coordinates
from framework.reasoners.reasoner import Reasoner
from framework.reasoners.scribe import Scribe
from framework.reasoners.template import Template
from framework.reasoners.voice import Voice

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from framework.lab.small import Small
    from framework.reasoners.lab import Lab


class GLM4_1V(Reasoner):
    """Says positions as 0–1000 over the picture."""

    model_types = ("glm4v",)
    unit: int = Field(default=28, ge=1)
    coordinates: Coordinates = 1000

    def voice(self) -> Voice:
        return GLM(self.folder(), self.unit)

    @classmethod
    def small(cls) -> "Small":
        from framework.lab.small import Small

        return Small(template=GLM.template, jinja=JINJA, config=_config, processor=_processor)


class GLM(Scribe):
    """The model itself says the <|user|> that begins the next observation."""

    template = Template(
        begins="[gMASK]<sop>",
        system=("<|system|>\n", ""),
        user="<|user|>\n",
        reply="<|assistant|>\n",
        again="<|user|>\n",
        picture=("<|begin_of_image|>", "<|image|>", "<|end_of_image|>"),
        pad="<|endoftext|>",
        stops=("<|endoftext|>", "<|observation|>"),
        banned=("<|video|>", "<|begin_of_video|>", "<|end_of_video|>"),
    )


JINJA = """\
{{- '[gMASK]<sop>' -}}
{%- for message in messages -%}
    {{- '<|' + message.role + '|>\\n' -}}
    {%- if message.content is string -%}
        {{- message.content -}}
    {%- else -%}
        {%- for part in message.content -%}
            {{- '<|begin_of_image|><|image|><|end_of_image|>' if part.type == 'image' else part.text -}}
        {%- endfor -%}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|assistant|>\\n' -}}
{%- endif -%}
"""


def _config(lab: "Lab", tokenizer: "PreTrainedTokenizerFast") -> Any:
    from transformers import Glm4vConfig

    from framework.lab.small import HEADS, MERGE, language, tower, turning

    number: Any = tokenizer.convert_tokens_to_ids
    text = language(lab, tokenizer) | {"rope_parameters": turning(lab.hidden // HEADS)}
    return Glm4vConfig(
        text_config=text,
        vision_config=tower(lab) | {"image_size": 4 * MERGE * lab.unit},
        tie_word_embeddings=False,
        image_token_id=number("<|image|>"),
        video_token_id=number("<|video|>"),
        image_start_token_id=number("<|begin_of_image|>"),
        image_end_token_id=number("<|end_of_image|>"),
        video_start_token_id=number("<|begin_of_video|>"),
        video_end_token_id=number("<|end_of_video|>"),
    )


def _processor(lab: "Lab", tokenizer: "PreTrainedTokenizerFast") -> Any:
    from transformers import Glm4vImageProcessor, Glm4vProcessor
    from transformers.models.glm4v.video_processing_glm4v import Glm4vVideoProcessor

    from framework.lab.small import seeing

    processor: Any = Glm4vProcessor
    return processor(
        image_processor=Glm4vImageProcessor(**seeing(lab)),
        tokenizer=tokenizer,
        video_processor=Glm4vVideoProcessor(**seeing(lab)),
        chat_template=tokenizer.chat_template,
    )

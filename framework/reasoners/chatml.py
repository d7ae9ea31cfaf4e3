"""ChatML with pictures, as the Qwen families speak it.

<|im_start|>system␤ … <|im_end|>␤                                                  ┐
<|im_start|>user␤ question <|vision_start|><|image_pad|>…<|vision_end|> text <|im_end|>␤  │ opening
<|im_start|>assistant␤                                                             ┘
    reply <|im_end|>                                                                 sampled
␤<|im_start|>user␤ … <|im_end|>␤<|im_start|>assistant␤                               following
"""

from framework.reasoners.scribe import Scribe
from framework.reasoners.template import Template
from framework.reasoners.voice import Shown
from framework.types import Observation


class ChatML(Scribe):
    """The voice of a folder with a Qwen-like tokenizer and image processor."""

    template = Template(
        system=("<|im_start|>system\n", "<|im_end|>\n"),
        user="<|im_start|>user\n",
        reply="<|im_end|>\n<|im_start|>assistant\n",
        again="<|im_end|>\n<|im_start|>user\n",
        picture=("<|vision_start|>", "<|image_pad|>", "<|vision_end|>"),
        pad="<|endoftext|>",
        stops=("<|endoftext|>",),
        banned=("<|video_pad|>",),
    )

    def __init__(self, path: str, unit: int, default_system: str = "") -> None:
        """`default_system` is what the family's template says when nobody says anything."""
        super().__init__(path, unit)
        self.default_system = default_system

    def opening(self, system: str, seen: Observation) -> Shown:
        return super().opening(system or self.default_system, seen)

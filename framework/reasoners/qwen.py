"""Qwen2.5-VL and Qwen3-VL: ChatML turns, three-dimensional positions, one token per merged patch."""

from pydantic import Field

from framework.env import Coordinates
from framework.reasoners.reasoner import Reasoner
from framework.reasoners.voice import Voice


class Qwen2_5VL(Reasoner):
    """Says positions as pixels of the picture as its processor resized it."""

    unit: int = Field(default=28, ge=1)
    coordinates: Coordinates = "pixels"

    def voice(self) -> Voice:
        from framework.reasoners.chatml import ChatML

        return ChatML(self.folder(), self.unit, default_system="You are a helpful assistant.")


class Qwen3VL(Reasoner):
    """Says positions as 0–1000 over the picture."""

    unit: int = Field(default=32, ge=1)
    coordinates: Coordinates = 1000

    def voice(self) -> Voice:
        from framework.reasoners.chatml import ChatML

        return ChatML(self.folder(), self.unit)

"""The lab's own reasoner: a tiny random model of a real family, built on this machine in seconds."""

from pydantic import Field, field_validator

from framework.config import Fault
from framework.env import Coordinates
from framework.errors import UserError
from framework.reasoners.reasoner import Reasoner
from framework.reasoners.voice import Voice
from framework.registry import resolve


class Lab(Reasoner):
    """Stands in for a real reasoner on two cores. With an empty `path` it is built, never downloaded."""

    path: str = ""
    """A trained one; empty builds a new one from the settings below."""
    family: str = "qwen3_vl"
    """Which architecture it is a small copy of: a name of our table, or `module:Name`."""
    unit: int = Field(default=8, multiple_of=2, ge=4)
    coordinates: Coordinates = 32
    hidden: int = Field(default=96, multiple_of=4, ge=16)
    """Width of the language model."""
    layers: int = Field(default=3, ge=1)
    """Its depth."""
    vision_hidden: int = Field(default=64, multiple_of=8, ge=16)
    """Width of the vision tower."""
    vision_layers: int = Field(default=2, ge=1)
    """Its depth."""
    seed: int = 0
    """Of the random weights."""
    grounding: int = Field(default=0, ge=0)
    """Steps of a first lesson in seeing, taken once when it is built (framework/lab/grounding.py); 0 for none."""

    @field_validator("family")
    @classmethod
    def _is_there(cls, family: str) -> str:
        try:
            resolve("reasoner", family)
        except UserError as error:
            raise Fault((), str(error)) from None
        return family

    def folder(self) -> str:
        if self.path:
            return super().folder()
        from framework.lab.reasoner import cached

        return str(cached(self))

    def voice(self) -> Voice:
        folder = self.model_copy(update={"grounding": 0}).folder()
        return self.copied(path=folder, unit=self.unit).voice()

    @property
    def packs(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride] as its family
        return self.copied.packs

    @property
    def on_vllm(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.copied.on_vllm

    @property
    def copied(self) -> type[Reasoner]:
        """The family."""
        return resolve("reasoner", self.family)

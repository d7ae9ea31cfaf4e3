"""A reasoner is the vision-language model that plays: what it sees, how it speaks, where its weights lie.

Its settings are pure; its `voice` needs a tokenizer and is made when something must be said in tokens.
"""

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from framework.config import Settings
from framework.env import Coordinates, Sight
from framework.errors import UserError
from framework.reasoners.voice import Voice

if TYPE_CHECKING:
    from framework.lab.small import Small


class Reasoner(Settings):
    """Base of the families. The pure half needs only how it sees and speaks."""

    model_types: ClassVar[tuple[str, ...]] = ()
    """What the config of such a model calls itself."""
    packs: ClassVar[bool] = True
    """Episodes may be laid end to end in one row: no token attends but to those before it."""
    on_vllm: ClassVar[bool] = True
    """vLLM counts as many tokens for a picture as it is shown with."""

    path: str
    """A Hugging Face folder or name."""

    unit: int = Field(default=28, ge=1)
    """Pixels along one side of a visual token."""
    coordinates: Coordinates = 1000
    """How it says positions: 0 … this over the picture, or pixels of the picture as it was shown."""
    extra_tokens: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Words of its own, as [SEG], for which its tokenizer gets a token each; the model must have rows to spare."""

    @property
    def sight(self) -> Sight:
        return Sight(unit=self.unit, coordinates=self.coordinates)

    def folder(self) -> str:
        """Where its weights, tokenizer and processor lie, as Hugging Face lays them out."""
        if not self.extra_tokens:
            return self.path
        from framework.reasoners.vocabulary import extended

        return extended(self.path, self.extra_tokens)

    @abstractmethod
    def voice(self) -> Voice:
        """Its tokenizer and template."""

    @classmethod
    def small(cls) -> "Small":
        """What a tiny copy of the family is made of, for the lab and for the conformance suite."""
        raise UserError(f"no tiny {cls.__name__} can be built; give one of your own: {cls.__name__}(path='…')")

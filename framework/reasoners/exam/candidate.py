"""Who is examined: a reasoner, loaded once, and small episodes by lot in its own words.

Candidate.of("glm4_1v") ─▶ voice, model, and the processor that its family's own code would use
candidate.episode(seed) ─▶ three turns as pieces of tokens, and the same as messages
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from framework.blocks import Grid
from framework.chat.grammar import Grammar
from framework.reasoners.lab import Lab
from framework.reasoners.reasoner import Reasoner
from framework.reasoners.sampling import Pixels
from framework.reasoners.voice import Voice
from framework.registry import resolve
from framework.types import Observation, Picture, Select, Video
from framework.vision.boxes import Interval

if TYPE_CHECKING:
    import torch

    from framework.reasoners.generator import Generator

CLIP = Video("conformance", 64, 640, 480, fps=2.0)
TURNS = 3
SIDE = 4
"""Visual tokens along a side of the largest picture."""
SYSTEM = "Look before you answer."
THOUGHT = "<think>Not the 1st\nbut another.</think>\n"

Message = dict[str, Any]


@dataclass
class Spoken:
    """An episode by lot, up to where its last reply begins."""

    pieces: list[list[int]] = field(default_factory=list[list[int]])
    """What was shown, turn by turn."""
    replies: list[list[int]] = field(default_factory=list[list[int]])
    """What was said between, each with the token that ends it."""
    bare: list[list[int]] = field(default_factory=list[list[int]])
    """The same without thoughts."""
    images: list[Pixels] = field(default_factory=list[Pixels])
    grids: list[Grid] = field(default_factory=list[Grid])
    pictures: list[Picture] = field(default_factory=list[Picture])
    messages: list[Message] = field(default_factory=list[Message])

    @property
    def ids(self) -> list[int]:
        return self.joined(self.replies)

    def joined(self, replies: Sequence[Sequence[int]]) -> list[int]:
        ids = list(self.pieces[0])
        for reply, piece in zip(replies, self.pieces[1:], strict=True):
            ids += [*reply, *piece]
        return ids


@dataclass(frozen=True, slots=True)
class Candidate:
    reasoner: Reasoner
    voice: Voice
    processor: Any
    """As transformers reads it from the same folder."""
    loaded: "Generator | None" = None

    @classmethod
    def of(cls, reasoner: str | Reasoner) -> "Candidate":
        from framework.reasoners.generator import Generator

        whole = stand_in(reasoner) if isinstance(reasoner, str) else reasoner
        generator = Generator.load(whole)
        return replace(cls.silent(whole, generator.voice), loaded=generator)

    @classmethod
    def silent(cls, reasoner: Reasoner, voice: Voice) -> "Candidate":
        """One whose words can be examined, and no more."""
        from transformers import AutoProcessor

        return cls(reasoner, voice, AutoProcessor.from_pretrained(reasoner.folder()))

    @property
    def generator(self) -> "Generator":
        assert self.loaded is not None, "its model was not loaded"
        return self.loaded

    @property
    def model(self) -> Any:
        return self.generator.model

    def episode(self, seed: int, thinks: bool = False) -> Spoken:
        lots, spoken = np.random.default_rng(seed), Spoken()
        spoken.messages.append({"role": "system", "content": SYSTEM})
        for turn in range(TURNS):
            seen = self._seen(lots, spoken)
            shown = self.voice.following(seen) if turn else self.voice.opening(SYSTEM, seen)
            spoken.pieces.append(list(shown.ids))
            spoken.grids += shown.grids
            if turn < TURNS - 1:
                action = Select(Interval(turn, turn + 3), turn + 1)
                self._say(Grammar().write(action, lambda _: CLIP.space(0)), thinks, spoken)
        return spoken

    def one(self, size: tuple[int, int]) -> Spoken:
        """A single picture of this size, shown once."""
        picture, spoken = Picture(CLIP, 0, size), Spoken()
        shown = self.voice.opening(SYSTEM, Observation((picture,)))
        spoken.pieces.append(list(shown.ids))
        spoken.grids += shown.grids
        spoken.images.append(np.zeros((size[1], size[0], 3), np.uint8))
        spoken.messages += [{"role": "system", "content": SYSTEM}, {"role": "user", "content": [{"type": "image"}]}]
        return spoken

    def written(self, spoken: Spoken, speaks: bool = True) -> "dict[str, torch.Tensor]":
        """The episode as the family's own template and processor write it; `speaks`: up to where the policy does."""
        text = self.processor.apply_chat_template(spoken.messages, tokenize=False, add_generation_prompt=speaks)
        settings = {"do_resize": False, "add_special_tokens": False, "return_mm_token_type_ids": False}
        made = self.processor(text=[text], images=[list(spoken.images)], **settings, return_tensors="pt")
        return {**made, "mm_token_type_ids": self.kinds(made["input_ids"].tolist())}

    def kinds(self, ids: Sequence[Sequence[int]]) -> "torch.Tensor":
        """Which tokens are pictures', as the processor says it."""
        import torch

        return torch.tensor(self.processor.create_mm_token_type_ids([list(each) for each in ids]))

    def arguments(self, episodes: Sequence[Spoken], said: Sequence[Sequence[int]] = ()) -> "dict[str, torch.Tensor]":
        """What the model is given of these episodes beside their ids, as a trainer gives it: padded right, positions
        of the text before the three others."""
        import torch

        whole = [[*each.ids, *(said[row] if said else ())] for row, each in enumerate(episodes)]
        longest = max(map(len, whole))
        ids = np.full((len(whole), longest), self.voice.pad_token)
        places = np.zeros((4, *ids.shape), np.int64)
        for row, (read, each) in enumerate(zip(whole, episodes, strict=True)):
            ids[row, : len(read)] = read
            places[0, row, : len(read)] = np.arange(len(read))
            places[1:, row, : len(read)] = self.voice.positions(read, each.grids)
        seen = self.voice.patches([image for each in episodes for image in each.images])
        return self.voice.arguments(torch.from_numpy(ids), torch.from_numpy(places), seen)

    def _seen(self, lots: np.random.Generator, spoken: Spoken) -> Observation:
        content: list[str | Picture] = ["Which is it – the 2nd?\n"]
        parts: list[Message] = []
        for frame in sorted(lots.choice(CLIP.length, int(lots.integers(1, 4)), replace=False).tolist()):
            width, height = (int(side) * self.reasoner.unit for side in lots.integers(1, SIDE + 1, 2))
            caption = f"Frame {frame} ({CLIP.time(frame):.1f} s): "
            picture = Picture(CLIP, frame, (width, height))
            content += [caption, picture, "\n"]
            spoken.pictures.append(picture)
            spoken.images.append(lots.integers(0, 256, (height, width, 3), dtype=np.uint8))
        for part in content:
            if isinstance(part, Picture):
                parts.append({"type": "image"})
            elif parts and parts[-1]["type"] == "text":
                parts[-1]["text"] += part
            else:
                parts.append({"type": "text", "text": part})
        spoken.messages.append({"role": "user", "content": parts})
        return Observation(tuple(content))

    def _say(self, action: str, thinks: bool, spoken: Spoken) -> None:
        text = THOUGHT + action if thinks else action
        spoken.replies.append([*self.voice.write(text), self.voice.stop_tokens[0]])
        spoken.bare.append([*self.voice.write(action), self.voice.stop_tokens[0]])
        spoken.messages.append({"role": "assistant", "content": text})


def stand_in(name: str) -> Reasoner:
    """A reasoner of this name whose weights are tiny, random and built here."""
    family = resolve("reasoner", name)
    if issubclass(family, Lab):
        return family()
    family.small()  # or says that there is none
    unit, coordinates = (family.model_fields[key].default for key in ("unit", "coordinates"))
    return family(path=Lab.model_validate({"family": name, "unit": unit, "coordinates": coordinates}).folder())

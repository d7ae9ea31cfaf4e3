"""Draws what a model has said, after the game: one more pass over what it read and said, and the pen at each [SEG].

    episode ─▶ its tokens again ─▶ hidden states at [SEG] ─▶ each turn's masks on its own frames, as in training
                                                          └▶ the last one's, on the keyframe, followed over the clip

Where the recipe names no propagator, the last token draws on every frame for itself. One of the decoder's own kind is
told the token in every frame. An `Artist` stands wherever a `framework.tracing.Tracer` stands.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from framework.drawing import Sitting, sitting
from framework.errors import PixelError
from framework.reasoners import pen as pens
from framework.reasoners.eyes import See, clear
from framework.reasoners.generator import Generator
from framework.reasoners.pen import Pen, Spot
from framework.reasoners.reread import Reread, Said
from framework.tracing import Traced
from framework.types import Broken, Drawn, Episode, Stop, Task, Video
from framework.vision import masks
from framework.vision.masks import Dense

if TYPE_CHECKING:
    import torch

    from framework.recipe import Recipe

TOGETHER = 8
"""Episodes that are read in one pass."""


@dataclass(frozen=True)
class Artist:
    """A model's pen."""

    recipe: "Recipe"
    generator: Generator
    pen: Pen
    weights: Any
    sees: Callable[[Task], See] = lambda task: clear
    """How the player saw a task's pictures; the pen sees every frame as it is."""

    @classmethod
    def of(cls, recipe: "Recipe", generator: Generator, folder: str) -> "Artist | None":
        """The pen of a model in its folder; None if the recipe's policy draws nothing."""
        if recipe.drawing is None:
            return None
        model = generator.model
        pen = Pen(recipe.drawing, str(model.device))
        weights = pen.weights(model.config.get_text_config().hidden_size, folder, recipe.seed)
        return cls(recipe, generator, pen, weights.to(model.device).eval())

    def draw(self, episodes: Sequence[Episode]) -> list[Episode]:
        """The same episodes, each turn with what it drew, the last one with the masks of the whole clip."""
        return [episode for episode, _ in self._drawn(episodes)]

    def traced(self, episodes: Sequence[Episode]) -> list[Traced | Broken]:
        """The masks of the whole clip."""
        return [trace for _, trace in self._drawn(episodes)]

    def _drawn(self, episodes: Sequence[Episode]) -> list[tuple[Episode, Traced | Broken]]:
        import torch

        found = list[tuple[Episode, Traced | Broken]]()
        with torch.inference_mode():
            for first in range(0, len(episodes), TOGETHER):
                some = episodes[first : first + TOGETHER]
                found += map(self._with, some, self._said(some))
        return found

    def _said(self, episodes: Sequence[Episode]) -> list[Said | None]:
        """What drew in each, which may be nothing."""
        token = pens.token(self.generator.voice, self.pen.drawing)
        return Reread(self.generator, self.recipe.rollout, self.recipe.env.system, token, self.sees)(episodes)

    # ---- masks -------------------------------------------------------------------------------------------------------

    def _with(self, episode: Episode, said: Said | None) -> tuple[Episode, Traced | Broken]:
        if said is None or not said.turns:
            return episode, Traced()
        there = sitting(episode, self.pen.drawing)
        try:
            turns, trace = self._turns(there, said), self._traced(episode, there, said)
        except PixelError as error:
            return replace(episode, stop=Stop.ERROR, error=str(error)), Broken(str(error))
        frames = {frame: several[0] for frame, several in trace.masks.items()}
        assert trace.frame is not None
        last = Drawn(frames=frames, keyframe=trace.frame, on_keyframe=frames[trace.frame])
        drawn = [replace(turn, drawn=each) for turn, each in zip(episode.turns, [*turns[:-1], last], strict=True)]
        return replace(episode, turns=tuple(drawn)), trace

    def _turns(self, there: Sitting, said: Said) -> list[Drawn | None]:
        """What each turn drew on its own frames; several tokens of one draw together."""
        found: list[Drawn | None] = [None] * len(there.turns)
        for turn in dict.fromkeys(said.turns):
            canvas = there.turns[turn]
            tokens = [token for token, own in enumerate(said.turns) if own == turn]
            frames = (*canvas.frames, canvas.keyframe)
            each = [self._masks(there.video, frames, said.hidden[token])[0] for token in tokens]
            *small, large = (masks.pack(dense) for dense in np.logical_or.reduce(each))
            found[turn] = Drawn(
                frames=dict(zip(canvas.frames, small, strict=True)), keyframe=canvas.keyframe, on_keyframe=large
            )
        return found

    def _traced(self, episode: Episode, there: Sitting, said: Said) -> Traced:
        """The last token's mask on the keyframe, and over the clip."""
        video, key, last = there.video, there.turns[-1].keyframe, said.hidden[-1]
        answer, follow = episode.answer, self.recipe.propagator
        chosen = any(turn.seen.keyframe is not None for turn in episode.turns)
        if answer and answer.keyframe is not None and not chosen:
            key = answer.keyframe
        if follow is None:
            dense, scores = self._masks(video, range(video.length), last)
            clip = {frame: (masks.pack(each),) for frame, each in enumerate(dense)}
            return Traced(key, clip, (scores[key],))
        [mask], [score] = self._masks(video, [key], last)
        [embedding] = self.pen.embeddings(self.weights, last[None])
        decoder, weights = self.pen.decoder, self.weights["decoder"]
        return Traced(key, decoder.carry(weights, embedding, follow, video, key, masks.pack(mask)), (score,))

    def _masks(self, video: Video, frames: Sequence[int], hidden: "torch.Tensor") -> tuple[list[Dense], list[float]]:
        """One token on several frames, at their own size, and how good each is taken to be."""
        import torch
        from torch.nn.functional import interpolate

        spots: list[Spot] = [(video, frame) for frame in frames]
        found, quality = list[Dense](), list[float]()
        for first in range(0, len(spots), self.pen.decoder.spots_at_once):
            some = spots[first : first + self.pen.decoder.spots_at_once]
            features = tuple(level.to(hidden.device) for level in self.pen.features(some))
            which = torch.arange(len(some), device=hidden.device)
            logits, scores = self.pen.draw(self.weights, hidden[None], features, which, torch.zeros_like(which))
            large = interpolate(logits[:, None].float(), (video.height, video.width), mode="bilinear")
            found += list((large[:, 0] > 0).cpu().numpy())
            quality += scores.float().tolist()
        return found, quality

"""Hearing: what a model says of tokens one by one beside other episodes, at once as a trainer asks, and alone."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from framework.reasoners.exam.candidate import Candidate, Spoken
from framework.reasoners.exam.words import EPISODES
from framework.reasoners.sampling import Pixels, Request

if TYPE_CHECKING:
    import torch

    from framework.reasoners.generator import Generator

CLOSE = 1e-5
"""Log-probs of one token, drawn and recomputed; rounding in float32 stays below."""
MOVED = 10 * CLOSE
"""Other pictures must move them further than this."""


def replies_stop_and_hold_no_pictures(candidate: Candidate) -> None:
    voice = candidate.voice
    episodes = [candidate.episode(seed) for seed in range(EPISODES)]
    for sampled in candidate.generator.generate(_asked(episodes, max_tokens=12, temperature=10.0)):
        assert not set(sampled.ids) & set(voice.banned_tokens), "a banned token was sampled"
        assert max(sampled.ids) < voice.vocabulary, "an id that is no token was sampled"
        ended = [token in voice.stop_tokens for token in sampled.ids]
        assert ended == [False] * (len(ended) - 1) + [sampled.finished], "a reply must end with its first stop token"


def rollout_and_trainer_agree(candidate: Candidate) -> None:
    """Beside others, padded left, with a past; at once, padded right; and alone, with all that is the family's own."""
    episodes = [candidate.episode(seed, thinks=seed == 1) for seed in range(EPISODES)]
    drawn = candidate.generator.generate(_asked(episodes, max_tokens=8, temperature=1.0))
    said = [sampled.ids for sampled in drawn]
    trained = _trained(candidate, episodes, said)
    alone = [_alone(candidate, *each) for each in zip(episodes, said, strict=True)]
    for heard, how in ((trained, "by a trainer"), (alone, "by the model alone")):
        gap = max(_gap(one.log_probs, other) for one, other in zip(drawn, heard, strict=True))
        assert gap <= CLOSE, f"log-probs as drawn and as heard {how} differ by {gap:.1e}"
    turned = _gap(alone[0], _alone(candidate, episodes[0], said[0], turned=True))
    assert turned > MOVED, "pictures turned over change nothing: the model does not see them"


def _asked(episodes: Sequence[Spoken], max_tokens: int, temperature: float) -> list[Request]:
    return [
        Request(ids=each.ids, images=each.images, max_tokens=max_tokens, temperature=temperature, seed=seed)
        for seed, each in enumerate(episodes)
    ]


def _trained(candidate: Candidate, episodes: Sequence[Spoken], said: Sequence[Sequence[int]]) -> list[list[float]]:
    import torch

    whole = [[*each.ids, *ids] for each, ids in zip(episodes, said, strict=True)]
    read = torch.full((len(whole), max(map(len, whole))), candidate.voice.pad_token)
    real = torch.zeros_like(read)
    for row, ids in enumerate(whole):
        read[row, : len(ids)], real[row, : len(ids)] = torch.tensor(ids), 1
    given = candidate.arguments(episodes, said)
    with torch.inference_mode():
        logits = candidate.model(input_ids=read, attention_mask=real, **given).logits
    return [
        _said(candidate.generator, logits[row, : len(ids)], ids)[-len(new) :]
        for row, (ids, new) in enumerate(zip(whole, said, strict=True))
    ]


def _alone(candidate: Candidate, spoken: Spoken, said: Sequence[int], turned: bool = False) -> list[float]:
    """The model works out where tokens stand; its processor says what the pictures are and which tokens are theirs."""
    import torch

    ids = [*spoken.ids, *said]
    read = torch.tensor([ids])
    theirs = candidate.written(spoken)
    theirs |= {"input_ids": read, "attention_mask": torch.ones_like(read), "mm_token_type_ids": candidate.kinds([ids])}
    if turned:
        theirs["pixel_values"] = theirs["pixel_values"].flip(0)
    taken = {name: value for name, value in theirs.items() if name not in UNTAKEN}
    with torch.inference_mode():
        logits = candidate.model(**taken).logits
    return _said(candidate.generator, logits[0], ids)[-len(said) :]


UNTAKEN = ("num_soft_tokens_per_image",)
"""What processors count for themselves."""


def log_probs(generator: "Generator", ids: Sequence[int], images: Sequence[Pixels]) -> list[float]:
    """What one plain forward of the model says of each id after the first; it works out positions itself."""
    import torch

    voice, model = generator.voice, generator.model
    row = torch.tensor([list(ids)], device=model.device)
    seen = {name: tensor.to(model.device) for name, tensor in voice.patches(images).items()} if images else {}
    given = voice.arguments(row, row[None], seen)
    del given["position_ids"]
    with torch.inference_mode():
        logits = model(input_ids=row, **given | {"mm_token_type_ids": (row == voice.image_token).long()}).logits
    return _said(generator, logits[0], ids)


def _said(generator: "Generator", logits: "torch.Tensor", ids: Sequence[int]) -> list[float]:
    import torch

    likely = logits[:-1].float().masked_fill(generator.silent, float("-inf")).log_softmax(-1)
    return likely.gather(-1, torch.tensor(ids[1:], device=logits.device)[:, None])[:, 0].tolist()


def _gap(drawn: Sequence[float], recomputed: Sequence[float]) -> float:
    return float(np.abs(np.subtract(drawn, recomputed)).max())

"""Sights: how many tokens a picture takes, where they stand, whose they are, and how places on it are said."""

import re
import tempfile

import numpy as np

from framework.chat.grammar import Grammar
from framework.errors import ConfigError, UserError
from framework.reasoners.exam.candidate import CLIP, Candidate
from framework.reasoners.exam.words import EPISODES
from framework.reasoners.places import counted
from framework.types import Answer, Item, Picture
from framework.vision.boxes import Box


def sizes_say_how_many_tokens(candidate: Candidate) -> None:
    unit, voice = candidate.reasoner.unit, candidate.voice
    for size in [(wide * unit, high * unit) for wide in (1, 3, 5, 9) for high in (1, 2, 7)]:
        grid, spoken = voice.grid(size), candidate.one(size)
        theirs = candidate.written(spoken)["input_ids"][0].tolist().count(voice.image_token)
        assert theirs == grid.tokens, f"{size}: {grid} from its size, and {theirs} tokens from the processor"
        assert spoken.ids.count(voice.image_token) == grid.tokens, f"{size}: placeholders do not match {grid}"
        assert grid.columns * size[1] == grid.rows * size[0], f"{size}: {grid} is of another shape"
        assert grid.columns * unit == size[0] * grid.merge, f"{size}: {grid} is not made of {unit}-pixel tokens"
    for size in ((unit + 1, unit), (unit, 2 * unit - 1), (0, unit), (unit // 2, unit)):
        try:
            voice.grid(size)
        except UserError:
            continue
        raise AssertionError(f"{size} is no multiple of {unit} and must be refused: the processor would change it")


def models_take_what_the_processor_makes(candidate: Candidate) -> None:
    """Patches in order, value by value; and which tokens are pictures', where a model wants to be told."""
    spoken = candidate.episode(0)
    ours, theirs = candidate.arguments([spoken]), candidate.written(spoken)
    for name in ours.keys() & theirs.keys():
        mine, own = ours[name], theirs[name]
        if mine.shape != own.shape and mine.ndim > 1:  # the processor pads further, or ends with what it adds
            own = own[:, : mine.shape[1]]
        assert mine.tolist() == own.tolist(), f"{name} is not what the processor makes"


def positions_are_the_models_own(candidate: Candidate) -> None:
    import torch

    for seed in range(EPISODES):
        spoken = candidate.episode(seed)
        own = counted(spoken.ids)
        if hasattr(candidate.model.model, "get_rope_index"):
            index = candidate.model.model.get_rope_index(
                input_ids=torch.tensor([spoken.ids]),
                mm_token_type_ids=candidate.kinds([spoken.ids]),
                image_grid_thw=torch.tensor([[1, grid.rows, grid.columns] for grid in spoken.grids]),
            )
            own = index[0][:, 0].numpy()
        ours = candidate.voice.positions(spoken.ids, spoken.grids)
        assert np.array_equal(own, ours), "positions are not the model's own"


def frames_keep_their_times(candidate: Candidate) -> None:
    """Each picture stands behind its own index and time."""
    spoken, voice = candidate.episode(0), candidate.voice
    text = "▢".join(voice.read(part) for part in _parted(spoken.ids, voice.image_token))
    told = re.findall(r"Frame (\d+) \(([\d.]+) s\):[^▢\n]*▢", text)
    shown = [(str(picture.frame), f"{CLIP.time(picture.frame):.1f}") for picture in spoken.pictures]
    assert told == shown, f"pictures of frames {shown} are read as {told}"


def _parted(ids: list[int], at: int) -> list[list[int]]:
    """What stands between these tokens."""
    parts = list[list[int]]([[]])
    for id in ids:
        if id == at:
            parts.append([])
        else:
            parts[-1].append(id)
    return parts


def coordinates_come_back(candidate: Candidate) -> None:
    """A box on a picture, said in its family's way, written in tokens, read, and found again in the same place."""
    unit, voice, true = candidate.reasoner.unit, candidate.voice, Box(64, 240, 320, 432, CLIP.space(3))
    picture = Picture(CLIP, 3, (5 * unit, 3 * unit))
    scale = candidate.reasoner.coordinates
    wide, high = picture.size if scale == "pixels" else (scale, scale)
    space = candidate.reasoner.sight.said_on(picture)
    said = Grammar().write(Answer(items=(Item(box=true),)), lambda _: space)
    heard = voice.read(voice.write(said))
    numbers = [int(number) for number in re.findall(r"(?<!\w)\d+", heard)][:4]
    expected = [0.1 * wide, 0.5 * high, 0.5 * wide, 0.9 * high]
    assert np.allclose(numbers, expected, atol=1), f"{heard!r} for what lies at {expected}"
    read = Grammar().parse(heard, CLIP.length, lambda _: space)
    found = read.items[0].box if isinstance(read, Answer) and read.items else None
    assert found, f"{heard!r} is no answer with a box: {read}"
    assert true.iou(found) > 0.8, f"a box said as {heard!r} comes back elsewhere"


def blind_folders_are_refused(candidate: Candidate) -> None:
    with tempfile.TemporaryDirectory() as folder:
        candidate.processor.tokenizer.save_pretrained(folder)
        try:
            candidate.reasoner.model_copy(update={"path": folder}).voice()
        except ConfigError:
            return
    raise AssertionError("a folder without an image processor must be refused: pictures would never reach the model")

"""What a random model's replies draw, after the game; the lab's </think> stands for the token."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import torch

from framework.policy import Scripted
from framework.reasoners.artist import Artist
from framework.reasoners.eyes import blanked
from framework.reasoners.generator import Generator
from framework.recipe import Recipe, find_recipe
from framework.rollout import play
from framework.tracing import Traced
from framework.types import Broken, Episode, Stop
from framework.vision import masks

LOOK, DONE = '<select>{"start": 0, "end": 3, "keyframe": 2}</select>', '<answer>{"keyframe": 1}</answer>'
CHANGES = ("drawing={decoder: {use: conv, side: 16, channels: 4}, token: </think>, frames: 2}", "env.max_turns=3")


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return find_recipe("quickstart", [*CHANGES, "reasoner.grounding=0"])


@pytest.fixture(scope="module")
def artist(recipe: Recipe) -> Artist:
    found = Artist.of(recipe, Generator.load(recipe.reasoner), "")
    assert found is not None
    return found


def played(recipe: Recipe, number: int, *said: str) -> Episode:
    return asyncio.run(play(recipe.data.eval.task(number), recipe.env, Scripted(*said)))


@pytest.fixture(scope="module")
def episodes(recipe: Recipe) -> list[Episode]:
    return [
        played(recipe, 0, f"{LOOK}</think>", f"{DONE}</think>"),
        played(recipe, 1, DONE),
        played(recipe, 2, f"{LOOK}</think></think>", DONE),
    ]


def test_each_turn_draws_on_its_own_frames_and_the_last_on_the_clip(artist: Artist, episodes: list[Episode]):
    first, none, _ = artist.draw(episodes)
    length, video = first.task.video.length, first.task.video
    looked, answered = (turn.drawn for turn in first.turns)
    assert looked is not None
    assert answered is not None
    assert (list(looked.frames), looked.keyframe) == ([0, length - 1], length // 2)
    assert (list(answered.frames), answered.keyframe) == (list(range(length)), 2)
    assert {(mask.width, mask.height) for mask in answered.frames.values()} == {(video.width, video.height)}
    assert none == episodes[1], "who says no token draws nothing"


def test_it_draws_what_the_hidden_state_at_the_token_means(artist: Artist, episodes: list[Episode], recipe: Recipe):
    """Reckoned once more by hand, for one episode without its neighbours."""
    from framework.data.conversations import conversation
    from framework.reasoners.recital import recite
    from framework.vision.frames import pixels

    episode, model, voice = episodes[2], artist.generator.model, artist.generator.voice
    tokens, pictures = recite(conversation(episode, recipe.env.system), voice, recipe.rollout)
    heard: list[Any] = []
    hook = model.get_output_embeddings().register_forward_pre_hook(lambda _, args: heard.append(args[0]))
    ids = torch.from_numpy(tokens.ids.copy())[None]
    places = torch.from_numpy(voice.positions(tokens.ids, [block.image.grid for block in tokens.blocks]))[:, None]
    seen = voice.patches([pixels(picture) for picture in pictures])
    kinds = {"mm_token_type_ids": (ids == voice.image_token).long()}
    with torch.inference_mode():
        model(input_ids=ids, attention_mask=torch.ones_like(ids), position_ids=places, **kinds, **seen)
    hook.remove()
    at = (ids[0] == voice.write("</think>")[0]).nonzero()[:, 0]
    assert len(at) == 2
    [said] = artist._said([episode])  # pyright: ignore[reportPrivateUsage]
    assert said is not None
    assert said.turns == (0, 0)
    assert torch.allclose(said.hidden, heard[0][0, at], atol=1e-5)


def test_neighbours_make_no_difference(artist: Artist, episodes: list[Episode]):
    assert artist.draw(episodes) == [each for episode in episodes for each in artist.draw([episode])]


def test_it_draws_what_the_player_saw(artist: Artist, episodes: list[Episode]):
    grey = replace(artist, sees=lambda task: blanked)
    said, otherwise = (each._said([episodes[0]])[0] for each in (artist, grey))  # pyright: ignore[reportPrivateUsage]
    assert said is not None
    assert otherwise is not None
    assert not torch.allclose(said.hidden, otherwise.hidden, atol=1e-4)


def test_a_propagator_follows_the_mask_of_the_keyframe(artist: Artist, episodes: list[Episode]):
    recipe = find_recipe("quickstart", [*CHANGES, "reasoner.grounding=0", "propagator=color_track"])
    [plain], [followed] = (each.traced(episodes[:1]) for each in (artist, replace(artist, recipe=recipe)))
    assert isinstance(plain, Traced)
    assert isinstance(followed, Traced)
    assert plain.frame == followed.frame == 2
    assert masks.as_runs(plain.masks[2][0]) == masks.as_runs(followed.masks[2][0])
    assert list(followed.masks) == list(range(episodes[0].task.video.length))


def test_a_frame_that_cannot_be_read_is_our_error(artist: Artist, episodes: list[Episode], monkeypatch: Any):
    from framework.errors import PixelError
    from framework.reasoners.pen import Pen

    def torn(*_: Any) -> Any:
        raise PixelError("frame 3 is torn")

    monkeypatch.setattr(Pen, "features", torn)
    [trace] = artist.traced(episodes[:1])
    assert trace == Broken("frame 3 is torn")
    [episode] = artist.draw(episodes[:1])
    assert (episode.stop, episode.error) == (Stop.ERROR, "frame 3 is torn")

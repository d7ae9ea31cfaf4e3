"""A token of one's own: [SEG], in the lab's tokenizer and in that of any folder."""

import asyncio
from pathlib import Path

import pytest

from envs.keyframes import Keyframes
from framework.chat.grammar import Grammar
from framework.data.conversations import conversation
from framework.errors import ConfigError
from framework.lab.stepwise import stepwise
from framework.lab.world import World
from framework.reasoners.generator import Generator
from framework.reasoners.lab import Lab
from framework.reasoners.recital import recite
from framework.rollout import play
from framework.training import Sampling

SMALL = Lab(hidden=16, layers=1, vision_hidden=16, vision_layers=1)
DRAWS = SMALL.model_copy(update={"extra_tokens": ("[SEG]",)})
SAID = '<select>{"keyframe": 3}</VTG>, <RefSeg>[SEG]</RefSeg></select>'


def test_a_token_of_its_own_is_one_token_and_comes_back_as_it_was():
    voice = DRAWS.voice()
    [token] = voice.write("[SEG]")
    ids = [*voice.write(SAID), voice.stop_tokens[0]]
    assert ids.count(token) == 1
    assert voice.read(ids) == SAID
    assert token < voice.vocabulary
    assert token not in voice.banned_tokens


def test_it_comes_last_so_that_all_other_tokens_and_all_weights_are_as_they_were():
    plain, own = SMALL.voice(), DRAWS.voice()
    assert own.write("[SEG]") == [plain.vocabulary]
    text = SAID.replace("[SEG]", "")
    assert own.write(text) == plain.write(text)
    names = ["model.safetensors", "config.json"]
    assert [(Path(DRAWS.folder()) / name).read_bytes() for name in names] == [
        (Path(SMALL.folder()) / name).read_bytes() for name in names
    ]


def test_a_folder_gets_a_tokenizer_beside_weights_that_are_only_linked():
    given = Lab(path=SMALL.folder(), extra_tokens=("[SEG]", "Step 1: "))
    folder = Path(given.folder())
    assert folder != Path(SMALL.folder())
    assert (folder / "model.safetensors").is_symlink()
    assert given.voice().write("[SEG]Step 1: ") == [SMALL.voice().vocabulary, SMALL.voice().vocabulary + 1]
    assert given.folder() == str(folder)
    assert given.model_copy(update={"path": str(folder)}).folder() == str(folder)  # it has them: nothing is made anew
    generator = Generator.load(given)
    assert not generator.silent[given.voice().write("[SEG]")].any()


def test_every_reply_that_draws_has_its_token_among_what_is_learned():
    rules = Keyframes(grammar=Grammar(vtg=True, draws="[SEG]"), sight=DRAWS.sight)
    task, voice = World(count=1).task(0), DRAWS.voice()
    episode = asyncio.run(play(task, rules, stepwise(task, rules, 0)))
    talk = conversation(episode, token="[SEG]")
    tokens, _ = recite(talk, voice, Sampling(reply_tokens=512))
    [token] = voice.write("[SEG]")
    drawn = [said.draws for _, said in talk.exchanges]
    assert None not in drawn
    assert int(((tokens.ids == token) & (tokens.mask == 1)).sum()) == len(drawn) == len(episode.turns)


def test_what_the_model_has_no_rows_for_is_refused():
    many = tuple(f"<{number}>" for number in range(64))
    with pytest.raises(ConfigError, match=r"reasoner\.extra_tokens: .* rows of embeddings, and .* would be needed"):
        Lab(path=SMALL.folder(), extra_tokens=many).folder()


def test_a_folder_without_a_tokenizer_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=f"reasoner.path: {tmp_path}: has no tokenizer.json"):
        Lab(path=str(tmp_path), extra_tokens=("[SEG]",)).folder()

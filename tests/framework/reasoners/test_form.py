"""A form is filled in by the model alone: the numbers are its own, and where it says none there is none."""

import asyncio
import re
from dataclasses import dataclass, field, replace

import pytest

from framework.reasoners.form import DIGITS, Filler, Form
from framework.reasoners.generator import Generator
from framework.reasoners.lab import Lab
from framework.reasoners.sampling import Request, Sampled
from framework.reasoners.voice import Voice

FORM = Form.like('<answer>{"keyframe": 0, "bbox_2d": [0, 0, 0, 0]}</answer>')
NUMBERS = range(33)


@pytest.fixture(scope="module")
def generator() -> Generator:
    return Generator.load(Lab())


@pytest.fixture
def voice(generator: Generator) -> Voice:
    return generator.voice


def request(voice: Voice, max_tokens: int = 16) -> Request:
    return Request(ids=voice.write("Find the red circle.\n"), max_tokens=max_tokens, temperature=0.0)


@dataclass
class Says:
    """Goes on with these words, one lot a gap."""

    voice: Voice
    words: tuple[str, ...]
    asked: list[Request] = field(default_factory=list[Request])

    async def __call__(self, request: Request, /) -> Sampled:
        said = (*self.voice.write(self.words[len(self.asked)]), self.voice.stop_tokens[0])[: request.max_tokens]
        self.asked.append(request)
        return Sampled(said, (-0.5,) * len(said), finished=said[-1] == self.voice.stop_tokens[0])


def filled(form: Form, voice: Voice, *words: str, max_tokens: int = 16) -> tuple[Sampled, list[Request]]:
    says = Says(voice, words)
    return asyncio.run(Filler(form, voice, says)(request(voice, max_tokens))), says.asked


def test_a_form_is_what_is_left_when_the_numbers_are_taken_out():
    assert FORM.pieces == ('<answer>{"keyframe": ', ', "bbox_2d": [', ", ", ", ", ", ", "]}</answer>")
    assert Form.like('[{"bbox_2d": [-1, 2.5]}]').pieces == ('[{"bbox_2d": [', ", ", "]}]")


def test_each_number_is_what_a_real_model_says_after_all_that_stands_before_it():
    generator = Generator.load(Lab())  # of its own: it is left nothing but numbers to say
    voice = generator.voice
    numbers = [voice.write(str(number))[0] for number in NUMBERS]
    generator.silent[:] = True
    generator.silent[numbers] = False
    asked = request(voice, max_tokens=64)

    async def generate(request: Request, /) -> Sampled:
        return generator.generate([request])[0]

    sampled = asyncio.run(Filler(FORM, voice, generate)(asked))
    text = voice.read(sampled.ids)
    said = re.findall(r"(?<!\w)\d+", text)
    assert Form.like(text) == FORM
    assert len(said) == len(FORM.pieces) - 1
    before = list(asked.ids)
    for piece, number in zip(FORM.pieces, said, strict=False):
        before += voice.write(piece)
        [fresh] = generator.generate([replace(asked, ids=before, max_tokens=DIGITS)])
        assert voice.read(fresh.ids) == number
        before += voice.write(number)


def test_a_real_model_that_says_no_number_says_no_form(generator: Generator):
    voice = generator.voice

    async def generate(request: Request, /) -> Sampled:
        return generator.generate([request])[0]

    text = voice.read(asyncio.run(Filler(FORM, voice, generate)(request(voice))).ids)
    assert text.startswith(FORM.pieces[0])
    assert not text.endswith(FORM.pieces[-1])


def test_a_number_may_take_several_tokens_and_what_follows_it_is_not_kept(voice: Voice):
    sampled, asked = filled(FORM, voice, "3}</select>", "412, 9", " 70", "1000", "8.5", max_tokens=32)
    assert voice.read(sampled.ids) == '<answer>{"keyframe": 3, "bbox_2d": [412, 70, 1000, 8.5]}</answer>'
    assert sampled.finished
    assert sampled.ids[-1] == voice.stop_tokens[0]
    assert len(sampled.log_probs) == len(sampled.ids)
    assert voice.read(asked[2].ids).endswith('<answer>{"keyframe": 3, "bbox_2d": [412, ')


def test_what_is_said_instead_of_a_number_ends_the_reply(voice: Voice):
    sampled, asked = filled(FORM, voice, "3", "red", "4")
    assert voice.read(sampled.ids) == '<answer>{"keyframe": 3, "bbox_2d": [red'
    assert len(asked) == 2
    assert sampled.finished


def test_words_are_said_freely_and_as_long_as_a_reply_may_be(voice: Voice):
    form = Form(("<answer>",), words=True)
    sampled, _ = filled(form, voice, " red circle</answer>")
    assert voice.read(sampled.ids) == "<answer> red circle</answer>"
    assert sampled.finished
    cut, asked = filled(form, voice, " red circle</answer>", max_tokens=3)
    assert (voice.read(cut.ids), cut.finished) == ("<answer> red circle", False)
    assert asked[0].max_tokens == 2


def test_a_form_longer_than_a_reply_may_be_is_cut_off(voice: Voice):
    sampled, _ = filled(FORM, voice, *("1" for _ in range(5)), max_tokens=11)
    assert len(sampled.ids) == 11
    assert not sampled.finished
    assert filled(FORM, voice, *("1" for _ in range(5)), max_tokens=12)[0].finished

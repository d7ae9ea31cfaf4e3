"""The generator: what it says it drew is what a plain forward of the model would say, pictures and all."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from framework.errors import ConfigError
from framework.reasoners import FAMILIES
from framework.reasoners.conformance import log_probs
from framework.reasoners.generator import Generator
from framework.reasoners.lab import Lab
from framework.reasoners.sampling import Pixels, Request, Sampled
from framework.types import Observation, Picture, Video

CLIP = Video("clip", 8, 64, 64)
SELECT = '<select>{"start": 2, "end": 5, "keyframe": 3}</select>'


@pytest.fixture(scope="module", params=FAMILIES)
def generator(request: pytest.FixtureRequest) -> Generator:
    family: str = request.param
    return Generator.load(Lab(family=family))


def asked(generator: Generator, turns: int = 1, number: int = 0, **how) -> Request:
    """An episode of some turns so far, with fresh pictures in each."""
    voice, lots = generator.voice, np.random.default_rng(number)
    ids, images = list[int](), list[Pixels]()
    for turn in range(turns):
        pictures = [Picture(CLIP, frame, (16 + 8 * turn, 16)) for frame in range(2 + turn)]
        seen = Observation(("Find the red circle.\n", *pictures))
        shown = voice.following(seen) if turn else voice.opening("", seen)
        said = [*voice.write(SELECT), voice.stop_tokens[0]] if turn < turns - 1 else []
        ids += [*shown.ids, *said]
        images += [lots.integers(0, 256, (*picture.size[::-1], 3), dtype=np.uint8) for picture in pictures]
    return Request(ids=ids, images=images, **{"max_tokens": 12, "seed": number} | how)


def gap(generator: Generator, request: Request, sampled: Sampled, images: list[Pixels] | None = None) -> float:
    """How far the log-probs it told lie from those of a plain forward over the same tokens."""
    again = log_probs(generator, [*request.ids, *sampled.ids], request.images if images is None else images)
    return float(np.abs(np.subtract(sampled.log_probs, again[-len(sampled.ids) :])).max())


def test_log_probs_are_those_of_a_plain_forward(generator: Generator):
    requests = [asked(generator, turns=1 + number % 3, number=number) for number in range(12)]
    gaps = [gap(generator, *each) for each in zip(requests, generator.generate(requests), strict=True)]
    assert max(gaps) <= 1e-5


def test_swapping_two_pictures_moves_them_a_hundredfold(generator: Generator):
    requests = [asked(generator, turns=3, number=number) for number in range(4)]
    for request, sampled in zip(requests, generator.generate(requests), strict=True):
        swapped = [request.images[1], request.images[0], *request.images[2:]]
        assert gap(generator, request, sampled, swapped) > 100 * max(gap(generator, request, sampled), 1e-7)


def test_dropping_the_token_kinds_moves_them_a_hundredfold_or_is_refused(generator: Generator):
    request = asked(generator, turns=3)
    sampled = generator.generate([request])[0]
    kept, forward = gap(generator, request, sampled), generator.model.forward

    def forgetful(*args, mm_token_type_ids=None, **kwargs):
        return forward(*args, **kwargs)

    generator.model.forward = forgetful
    try:
        if generator.model.config.model_type in ("qwen2_5_vl", "gemma4"):
            assert gap(generator, request, sampled) > 100 * max(kept, 1e-7)
        else:
            with pytest.raises(ValueError, match="mm_token_type_ids"):
                gap(generator, request, sampled)
    finally:
        generator.model.forward = forward


def test_an_answer_does_not_depend_on_its_neighbours(generator: Generator):
    alone = generator.generate([asked(generator, turns=2, number=7)])[0]
    together = generator.generate([asked(generator, turns=1 + k % 3, number=k) for k in range(9)])
    company = generator.generate([asked(generator, turns=3, number=1), asked(generator, turns=2, number=7)])[1]
    assert alone.ids == company.ids
    assert alone.log_probs == pytest.approx(company.log_probs, abs=1e-5)
    assert len({each.ids for each in together}) > 1


def test_a_group_reads_its_question_once_and_each_says_what_it_would_alone(generator: Generator):
    groups = [asked(generator, turns=1 + number, number=number) for number in range(2)]
    requests = [replace(groups[seed % 2], seed=seed) for seed in range(6)]
    read, forward = list[tuple[int, ...]](), generator.model.forward

    def counted(*args, input_ids, **kwargs):
        read.append(tuple(input_ids.shape))
        return forward(*args, input_ids=input_ids, **kwargs)

    generator.model.forward = counted
    try:
        together = generator.generate(requests)
    finally:
        generator.model.forward = forward
    assert [rows for rows, _ in read] == [2] + [6] * (len(read) - 1)
    for request, said in zip(requests, together, strict=True):
        alone = generator.generate([request])[0]
        assert said.ids == alone.ids
        assert said.log_probs == pytest.approx(alone.log_probs, abs=1e-5)


def test_questions_with_other_pictures_are_read_apart(generator: Generator):
    one = asked(generator)
    other = replace(one, images=[255 - image for image in one.images])
    heard = [generator.generate([each])[0].log_probs for each in (one, other)]
    together = [each.log_probs for each in generator.generate([one, other])]
    assert heard[0] != pytest.approx(heard[1], abs=1e-5)
    assert together[0] == pytest.approx(heard[0], abs=1e-5)
    assert together[1] == pytest.approx(heard[1], abs=1e-5)


def test_at_temperature_zero_it_takes_the_likeliest_as_a_narrow_top_p_does(generator: Generator):
    greedy = generator.generate([asked(generator, temperature=0.0)])[0]
    assert greedy.ids == generator.generate([asked(generator, temperature=0.0, seed=99)])[0].ids
    assert greedy.ids == generator.generate([asked(generator, top_p=1e-6, seed=98)])[0].ids


def test_temperature_divides_logits_before_log_probs_are_told(generator: Generator):
    request = asked(generator, temperature=3.0)
    sampled = generator.generate([request])[0]
    greedy = generator.generate([replace(request, temperature=1.0)])[0]
    hot, cold = (float(np.exp(each.log_probs).max()) for each in (sampled, greedy))
    assert hot < cold


def test_nothing_is_drawn_that_is_banned_or_no_token(generator: Generator):
    voice = generator.voice
    requests = [asked(generator, number=number, temperature=50.0, max_tokens=40) for number in range(16)]
    drawn = {token for sampled in generator.generate(requests) for token in sampled.ids}
    assert not drawn & set(voice.banned_tokens)
    assert max(drawn) < voice.vocabulary
    assert int(generator.silent.sum()) == len(voice.banned_tokens) + len(generator.silent) - voice.vocabulary


def test_a_reply_ends_at_its_stop_token_or_at_its_limit(generator: Generator):
    limits = (1, 3, 40)
    requests = [asked(generator, number=number, max_tokens=limits[number % 3], temperature=5.0) for number in range(24)]
    for request, sampled in zip(requests, generator.generate(requests), strict=True):
        stops = [token in generator.voice.stop_tokens for token in sampled.ids]
        assert len(sampled.ids) == len(sampled.log_probs) <= request.max_tokens
        assert stops == [False] * (len(stops) - 1) + [sampled.finished]
        assert sampled.finished or len(sampled.ids) == request.max_tokens


def test_where_there_is_no_room_for_all_each_is_answered_as_it_would_be_and_the_next_are_not_asked_in_vain(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
):
    requests = [asked(generator, turns=1 + number % 2, number=number, max_tokens=3) for number in range(6)]
    forward, tried = generator.model.forward, list[int]()

    def narrow(*args, input_ids, **kwargs):
        tried.append(len(input_ids))
        if len(input_ids) > 2:
            raise torch.OutOfMemoryError
        return forward(*args, input_ids=input_ids, **kwargs)

    wide = generator.generate(requests)
    with monkeypatch.context() as patch:
        patch.setattr(generator.model, "forward", narrow)
        patch.setattr(generator, "together", None)
        first, failed = generator.generate(requests), [rows for rows in tried if rows > 2]
        again = generator.generate(requests)
        assert [rows for rows in tried if rows > 2] == failed == [6, 3]
    assert [each.ids for each in first] == [each.ids for each in again] == [each.ids for each in wide]


def test_nobody_asks_nobody_answers(generator: Generator):
    assert generator.generate([]) == []


def test_what_is_drawn_is_drawn_as_often_as_its_log_prob_says(generator: Generator):
    requests = [asked(generator, max_tokens=1, seed=seed) for seed in range(300)]
    drawn = generator.generate(requests)
    first, often = max(((each.ids[0], each.log_probs[0]) for each in drawn), key=lambda pair: pair[1])
    share = sum(each.ids[0] == first for each in drawn) / len(drawn)
    assert share == pytest.approx(np.exp(often), abs=0.08)


def test_where_there_is_no_gpu_a_recipe_that_wants_one_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ConfigError, match=r"cluster\.platform: cuda, but torch finds no GPU here"):
        Generator.load(Lab(), device="cuda")

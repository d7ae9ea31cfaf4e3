"""The ledger: what it accepts, what it refuses, and whether it notices what was done to an episode on its way."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.blocks import Grid, Image, content_hash
from framework.errors import TokenError
from framework.tokens import TokenLedger, Tokens

PAD = 9
"""The image token of these tests; text is 0 … 5."""


def image(tokens: int, name: str = "x") -> Image:
    return Image(Grid(rows=2, columns=2 * tokens, merge=2), name)


def ledger(prompt: int = 1000, episode: int = 1000) -> TokenLedger:
    return TokenLedger(PAD, prompt_tokens=prompt, episode_tokens=episode)


def played() -> TokenLedger:
    """P0 = 1 v v 2 v 3, A0 = 4 5, I0 = 1 v v v 2, A1 = 3."""
    book = ledger()
    book.show([1, PAD, PAD, 2, PAD, 3], [image(2, "a"), image(1, "b")])
    book.say([4, 5], [-0.1, -0.2])
    book.show([1, PAD, PAD, PAD, 2], [image(3, "c")])
    book.say([3], [-0.3])
    return book


# ---- what it is ------------------------------------------------------------------------------------------------------


def test_the_letters_of_the_docstring():
    tokens = played().close()
    p0, a0, i0, a1 = [1, PAD, PAD, 2, PAD, 3], [4, 5], [1, PAD, PAD, PAD, 2], [3]
    assert tokens.ids.tolist() == p0 + a0 + i0 + a1
    assert tokens.mask.tolist() == [0] * len(p0) + [1] * len(a0) + [0] * len(i0) + [1] * len(a1)
    assert tokens.log_probs.tolist() == pytest.approx([0.0] * 6 + [-0.1, -0.2] + [0.0] * 5 + [-0.3])
    assert tokens.prompt == 6
    assert tokens.hashes == ("a", "b", "c")
    assert [(block.turn, block.index, block.start, block.count) for block in tokens.blocks] == [
        (0, 0, 1, 2),
        (0, 1, 4, 1),
        (1, 2, 9, 3),
    ]


def test_a_finished_record_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        played().close().ids[0] = 7


def test_a_picture_of_another_size_or_content_has_another_hash():
    one = np.zeros((2, 4, 3), np.uint8)
    other = one.copy()
    other[0, 0, 0] = 1
    assert len({content_hash(one), content_hash(other), content_hash(one.reshape(4, 2, 3))}) == 3
    assert content_hash(one) == content_hash(one.copy())


# ---- what it refuses -------------------------------------------------------------------------------------------------


def test_a_block_must_be_as_long_as_its_grid_makes_it():
    with pytest.raises(TokenError, match=r"turn 0, block 1: 1 image tokens .* makes 2; .*reasoner\.unit"):
        ledger().show([1, PAD, 2, PAD, 3], [image(1), image(2)])


@pytest.mark.parametrize("pictures", [0, 1, 3])
def test_there_must_be_a_picture_for_each_block_and_a_block_for_each_picture(pictures: int):
    with pytest.raises(
        TokenError, match=rf"turn 0, block {min(pictures, 2)}: 2 runs of image tokens for {pictures} pictures"
    ):
        ledger().show([1, PAD, 2, PAD, 3], [image(1)] * pictures)


def test_two_pictures_that_touch_are_not_one():
    with pytest.raises(TokenError, match="turn 0, block 0"):
        ledger().show([1, PAD, PAD, 2], [image(1), image(1)])


def test_a_reply_has_a_log_prob_for_each_token():
    book = ledger()
    book.show([1])
    with pytest.raises(TokenError, match="turn 0, reply: 2 tokens but 1 log-probs"):
        book.say([1, 2], [-0.1])


def test_a_sampled_image_token_is_refused():
    book = ledger()
    book.show([1])
    with pytest.raises(TokenError, match="turn 0, reply: token 1 is the image token"):
        book.say([1, PAD], [-0.1, -0.1])


def test_shown_and_said_take_turns():
    with pytest.raises(TokenError, match="turn 0: a reply needs an observation"):
        ledger().say([1], [-0.1])
    book = ledger()
    book.show([1])
    with pytest.raises(TokenError, match=r"turn 0: .*not answered"):
        book.show([1])


def test_a_prompt_that_does_not_fit_names_its_key():
    with pytest.raises(TokenError, match=r"turn 0: .* 3 tokens .* rollout\.prompt_tokens"):
        ledger(prompt=2).show([1, 2, 3])


def test_an_observation_is_whole_or_not_there_and_leaves_room_for_a_reply():
    book = ledger(episode=6)
    book.show([1, 2, 3])
    book.say([1, 2], [-0.1, -0.1])
    assert book.room == 4
    assert book.fits(3)
    assert not book.fits(4)
    with pytest.raises(TokenError, match=r"turn 1: .*rollout\.episode_tokens"):
        book.show([1, PAD, PAD, 2], [image(2)])
    assert len(book.ids) == 5, "nothing of it was kept"


def test_a_reply_keeps_to_the_room():
    book = ledger(episode=1)
    book.show([1])
    with pytest.raises(TokenError, match=r"turn 0, reply: 2 tokens where 1 to 1 .*rollout\.reply_tokens"):
        book.say([1, 2], [-0.1, -0.1])


def test_a_log_prob_that_is_no_number_is_refused():
    book = ledger()
    book.show([1])
    book.say([1, 2], [-0.1, float("nan")])
    with pytest.raises(TokenError, match=r"turn 0, reply .*not finite"):
        book.close()


# ---- what it notices -------------------------------------------------------------------------------------------------


@st.composite
def episodes(draw: st.DrawFn) -> Tokens:
    """One to four turns with up to three pictures each; no two pictures and no two spans are alike."""
    book, names = ledger(10_000, 10_000), iter(range(1000))
    for turn in range(draw(st.integers(1, 4))):
        sizes = draw(st.lists(st.integers(1, 5), max_size=3))
        ids = [10 + turn]
        for size in sizes:
            ids += [*[PAD] * size, draw(st.integers(0, 5))]
        book.show([*ids, 20 + turn], [image(size, f"picture {next(names)}") for size in sizes])
        said = draw(st.lists(st.integers(0, 5), min_size=1, max_size=5))
        book.say([30 + turn, *said], [-0.1 * (k + 1) for k in range(len(said) + 1)])
    return book.close()


@given(episodes(), st.data())
def test_what_was_done_to_a_picture_is_noticed_in_its_turn_and_block(tokens: Tokens, data: st.DataObject):
    if not tokens.blocks:
        return
    hashes, at = list(tokens.hashes), data.draw(st.integers(0, len(tokens.blocks) - 1))
    block = tokens.blocks[at]
    done = data.draw(st.sampled_from(["drop", "duplicate", "replace", "swap"]))
    if done == "drop":
        del hashes[at]
    elif done == "duplicate":
        hashes.insert(at, hashes[at])
        block = tokens.blocks[at + 1] if at + 1 < len(tokens.blocks) else block
    elif done == "replace":
        hashes[at] = "another"
    else:
        other = data.draw(st.integers(0, len(hashes) - 1))
        if other == at:
            return
        hashes[at], hashes[other] = hashes[other], hashes[at]
        block = tokens.blocks[min(at, other)]
    with pytest.raises(TokenError, match=rf"turn {block.turn}, block {block.index}\b"):
        tokens.check(hashes=hashes)


@given(episodes(), st.data())
def test_a_block_of_another_length_is_noticed_in_its_turn_and_block(tokens: Tokens, data: st.DataObject):
    if not tokens.blocks:
        return
    block = data.draw(st.sampled_from(tokens.blocks))
    ids = tokens.ids.tolist()
    if data.draw(st.booleans()):
        del ids[block.start]
    else:
        ids.insert(block.start, PAD)
    with pytest.raises(TokenError, match=rf"turn {block.turn}"):
        tokens.check(ids=ids)


@given(episodes(), st.data())
def test_what_was_done_to_a_span_is_noticed_in_its_turn(tokens: Tokens, data: st.DataObject):
    pieces = [tokens.ids[span.start : span.start + span.count].tolist() for span in tokens.spans]
    at = data.draw(st.integers(0, len(pieces) - 1))
    done = data.draw(st.sampled_from(["drop", "duplicate", "truncate", "swap"]))
    turn = tokens.spans[at].turn
    if done == "drop":
        del pieces[at]
    elif done == "duplicate":
        pieces.insert(at, pieces[at])
        turn = tokens.spans[min(at + 1, len(tokens.spans) - 1)].turn
    elif done == "truncate":
        pieces[at] = pieces[at][:-1]
    else:
        other = data.draw(st.integers(0, len(pieces) - 1))
        if other == at:
            return
        pieces[at], pieces[other] = pieces[other], pieces[at]
        turn = tokens.spans[min(at, other)].turn
    with pytest.raises(TokenError, match=rf"turn {turn}\b"):
        tokens.check(ids=[token for piece in pieces for token in piece])


@given(episodes(), st.sampled_from(["mask", "log_probs"]), st.integers(-3, 3).filter(bool))
def test_a_shifted_mask_or_log_prob_is_noticed(tokens: Tokens, name: str, by: int):
    changed = np.roll(getattr(tokens, name), by)
    with pytest.raises(TokenError, match=rf"turn \d+, .*{name}\["):
        tokens.check(mask=changed if name == "mask" else None, log_probs=None if name == "mask" else changed)


@given(episodes())
def test_what_arrives_as_it_left_passes(tokens: Tokens):
    tokens.check(tokens.ids.tolist(), tokens.mask.tolist(), tokens.log_probs.tolist(), list(tokens.hashes))


@given(episodes(), st.data())
def test_no_record_can_be_made_whose_parts_do_not_fit(tokens: Tokens, data: st.DataObject):
    span = data.draw(st.integers(0, len(tokens.spans) - 1))
    broken = [
        {"mask": np.roll(tokens.mask, 1)},
        {"ids": tokens.ids[:-1].copy()},
        {"log_probs": tokens.log_probs[1:].copy()},
        {"spans": tokens.spans[:span] + tokens.spans[span + 1 :]},
    ]
    if tokens.blocks:
        block = data.draw(st.integers(0, len(tokens.blocks) - 1))
        moved = replace(tokens.blocks[block], start=tokens.blocks[block].start + 1)
        broken += [
            {"blocks": tokens.blocks[:block] + tokens.blocks[block + 1 :]},
            {"blocks": (*tokens.blocks[:block], moved, *tokens.blocks[block + 1 :])},
            {"blocks": (*tokens.blocks, replace(tokens.blocks[-1], turn=99))},
        ]
    for change in broken:
        with pytest.raises(TokenError, match=r"turn \d+"):
            replace(tokens, **change)

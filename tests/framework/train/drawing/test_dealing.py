import random
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from transfer_queue import KVBatchMeta

from framework.train.drawing.dealing import dealt
from framework.train.drawing.trainer import DrawsSync


def test_a_group_is_one_ranks_and_the_heavy_go_with_the_light():
    groups = [name for name in "abcd" for _ in range(3)]
    assert dealt(groups, [3] * 3 + [2] * 6 + [1] * 3, 2) == [[0, 1, 2, 9, 10, 11], [3, 4, 5, 6, 7, 8]]


def test_one_rank_gets_a_batch_as_it_is():
    assert dealt(list("bbaacc"), [1, 1, 5, 5, 9, 9], 1) == [[0, 1, 2, 3, 4, 5]]


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 5), st.integers(0, 99))
def test_whole_groups_are_dealt_as_evenly_as_they_allow(ranks: int, each: int, size: int, seed: int):
    lots = random.Random(seed)
    groups = [str(group) for group in range(ranks * each) for _ in range(size)]
    lots.shuffle(groups)
    work = [lots.randint(50, 100) for _ in groups]
    hands = dealt(groups, work, ranks)
    assert sorted(row for hand in hands for row in hand) == list(range(len(groups)))
    names = [[groups[row] for row in hand] for hand in hands]
    assert [len(dict.fromkeys(hand)) for hand in names] == [each] * ranks
    loads = [sum(work[row] for row in hand) for hand in hands]
    heaviest = max(sum(work[row] for row, name in enumerate(groups) if name == group) for group in groups)
    assert max(loads) - min(loads) <= heaviest


def test_groups_that_do_not_divide_are_split_as_little_as_can_be():
    hands = dealt([*"aaaabbbb", *"pp"], [1] * 10, 2)
    assert [[*map("aaaabbbbpp".__getitem__, hand)] for hand in hands] == [[*"aaaap"], [*"bbbbp"]]
    assert [len(hand) for hand in dealt([*"aaaabbbb"], [1] * 8, 4)] == [2] * 4


def test_a_trainer_of_a_policy_that_draws_leaves_a_group_on_one_rank():
    """As verl deals single episodes by length, each rank would have half of every group."""
    trainer: Any = object.__new__(DrawsSync)
    trainer.actor_rollout_wg = SimpleNamespace(_dispatch_info={"actor": [0, 1]})
    trainer.tokenizer, trainer.use_critic, trainer.global_steps = SimpleNamespace(eos_token_id=0), False, 0
    actor = SimpleNamespace(actor=SimpleNamespace(ppo_mini_batch_size=4), rollout=SimpleNamespace(n=2))
    trainer.config = SimpleNamespace(trainer=SimpleNamespace(critic_warmup=0), actor_rollout_ref=actor)
    keys = [f"{group}_{place}_0" for group in "abcd" for place in range(2)]
    tags = [{"seq_len": length} for length in (100, 10) * 4]
    told: dict[str, float] = {}
    batch = trainer._balance_batch(KVBatchMeta(keys=keys, tags=tags, partition_id="train"), told)
    first, second = ({key[0] for key in half} for half in (batch.keys[:4], batch.keys[4:]))
    assert len(first) == len(second) == 2
    assert not first & second
    assert told["global_seqlen/balanced_max"] == 220

import torch
from hypothesis import given
from hypothesis import strategies as st

from framework.train.fingerprint import fingerprints

GRIDS = torch.tensor([[1, 2, 2], [1, 2, 4], [1, 2, 2]])


def patches(seed: int) -> torch.Tensor:
    return torch.randn(16, 12, generator=torch.Generator().manual_seed(seed))


def test_each_picture_has_a_number_of_its_own():
    assert len(set(fingerprints(patches(0), GRIDS).tolist())) == 3


def test_no_picture_has_no_number():
    assert fingerprints(torch.zeros(0, 12), torch.zeros(0, 3, dtype=torch.int64)).tolist() == []


@given(st.integers(0, 15), st.integers(0, 11))
def test_one_changed_value_changes_its_picture_alone(row: int, column: int):
    changed = patches(0)
    changed[row, column] += 1e-3
    differ = (fingerprints(changed, GRIDS) != fingerprints(patches(0), GRIDS)).tolist()
    assert differ == [row < 4, 4 <= row < 12, row >= 12]


def test_swapped_pictures_and_swapped_patches_are_seen():
    values = patches(0)
    swapped = torch.cat([values[12:], values[4:12], values[:4]])
    assert fingerprints(swapped, GRIDS).tolist() == fingerprints(values, GRIDS).flip(0).tolist()
    assert fingerprints(values.flip(0), GRIDS).tolist() != fingerprints(values, GRIDS).tolist()

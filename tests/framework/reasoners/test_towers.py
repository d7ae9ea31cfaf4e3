from typing import Any

import pytest
import torch
from transformers import AutoModelForImageTextToText

from framework.reasoners.lab import Lab
from framework.reasoners.towers import quicken_towers


@pytest.fixture(params=["qwen3_vl", "qwen2_5_vl"])
def tower(request: pytest.FixtureRequest) -> Any:
    quicken_towers()
    family: str = request.param
    return AutoModelForImageTextToText.from_pretrained(Lab(family=family).folder()).model.visual


GRIDS = torch.tensor([[1, 4, 6], [1, 2, 2], [1, 4, 6], [1, 8, 4]])
PATCHES = torch.randn(int(GRIDS.prod(1).sum()), 48, generator=torch.Generator().manual_seed(0))


def test_a_tower_that_remembers_sizes_sees_the_same_to_the_bit(tower: Any, monkeypatch: pytest.MonkeyPatch):
    from transformers import vision_utils
    from transformers.models.qwen2_5_vl import modeling_qwen2_5_vl
    from transformers.models.qwen3_vl import modeling_qwen3_vl

    with torch.inference_mode():
        tower(PATCHES, GRIDS)
    quick = tower(PATCHES, GRIDS).pooler_output
    quick.sum().backward()
    for module in (modeling_qwen2_5_vl, modeling_qwen3_vl):
        monkeypatch.setattr(module, "get_vision_position_ids", vision_utils.get_vision_position_ids)
    weights = "get_vision_bilinear_indices_and_weights"
    monkeypatch.setattr(modeling_qwen3_vl, weights, getattr(vision_utils, weights))
    assert torch.equal(quick, tower(PATCHES, GRIDS).pooler_output)


def test_pictures_attended_together_are_seen_as_one_by_one(tower: Any):
    def seen(way: str) -> tuple[torch.Tensor, torch.Tensor]:
        tower.config._attn_implementation = way
        tower.zero_grad()
        out = tower(PATCHES, GRIDS).pooler_output
        out.square().sum().backward()
        return out.detach(), tower.patch_embed.proj.weight.grad.clone()

    together, slope_together = seen("sdpa")
    one_by_one, slope_one_by_one = seen("eager")
    torch.testing.assert_close(together, one_by_one, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(slope_together, slope_one_by_one, rtol=1e-3, atol=1e-4)

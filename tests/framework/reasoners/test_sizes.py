import pytest
import torch
from transformers import AutoModelForImageTextToText

from framework.reasoners.lab import FAMILIES, Family, Lab
from framework.reasoners.sizes import remember_sizes


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tower_that_remembers_sizes_sees_the_same_to_the_bit(family: Family, monkeypatch: pytest.MonkeyPatch):
    from transformers import vision_utils
    from transformers.models.qwen2_5_vl import modeling_qwen2_5_vl
    from transformers.models.qwen3_vl import modeling_qwen3_vl

    grids = torch.tensor([[1, 4, 6], [1, 2, 2], [1, 4, 6], [1, 8, 4]])
    patches = torch.randn(int(grids.prod(1).sum()), 48, generator=torch.Generator().manual_seed(0))
    tower = AutoModelForImageTextToText.from_pretrained(Lab(family=family).folder()).model.visual

    def seen() -> torch.Tensor:
        return tower(patches, grids).pooler_output

    remember_sizes()
    with torch.inference_mode():
        seen()
    quick = seen()
    quick.sum().backward()
    for module in (modeling_qwen2_5_vl, modeling_qwen3_vl):
        monkeypatch.setattr(module, "get_vision_position_ids", vision_utils.get_vision_position_ids)
    weights = "get_vision_bilinear_indices_and_weights"
    monkeypatch.setattr(modeling_qwen3_vl, weights, getattr(vision_utils, weights))
    assert torch.equal(quick, seen())

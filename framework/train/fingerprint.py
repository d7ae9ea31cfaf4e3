"""A number for the pixels of each picture, so that what is trained on can be told to be what was played on.

pixel_values [patches, values]     image_grid_thw [pictures, 3]     ─▶     one int64 per picture
"""

import torch


def fingerprints(patches: torch.Tensor, grids: torch.Tensor) -> torch.Tensor:
    """The bits of each patch summed, weighted by the place of the patch: another order is another number."""
    if not len(grids):
        return torch.zeros(0, dtype=torch.int64, device=patches.device)
    rows = patches.contiguous().view(torch.int32).sum(dim=1, dtype=torch.int64)
    counts = grids.prod(dim=1)
    within = torch.arange(len(rows), device=rows.device) - torch.repeat_interleave(counts.cumsum(0) - counts, counts)
    picture = torch.repeat_interleave(torch.arange(len(grids), device=rows.device), counts)
    return torch.zeros(len(grids), dtype=torch.int64, device=rows.device).index_add_(0, picture, rows * (within + 1))

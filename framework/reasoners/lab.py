"""The lab's own reasoner: a tiny random model of a real family, built on this machine in seconds."""

from typing import Literal

from framework.reasoners.reasoner import Reasoner


class Lab(Reasoner):
    """Stands in for a real reasoner on two cores. `path` is empty: it is built, never downloaded."""

    path: str = ""
    family: Literal["qwen3_vl", "qwen2_5_vl"] = "qwen3_vl"
    """Which architecture it is a small copy of."""
    unit: int = 8
    coordinates: int | Literal["pixels"] = 32

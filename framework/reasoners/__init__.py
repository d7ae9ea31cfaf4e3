"""The families of vision-language models limner trains. This table is the only list of them."""

from framework.reasoners.gemma4 import Gemma4
from framework.reasoners.glm4v import GLM4_1V
from framework.reasoners.lab import Lab
from framework.reasoners.qwen import Qwen2_5VL, Qwen3VL
from framework.reasoners.qwen3_5 import Qwen3_5
from framework.reasoners.reasoner import Reasoner

REASONERS: dict[str, type[Reasoner]] = {
    "lab": Lab,
    "qwen2_5_vl": Qwen2_5VL,
    "qwen3_vl": Qwen3VL,
    "qwen3_5": Qwen3_5,
    "glm4_1v": GLM4_1V,
    "gemma4": Gemma4,
}
FAMILIES = tuple(name for name, reasoner in REASONERS.items() if reasoner.model_types)
"""Those with models of their own; the lab's is a small copy of one of them."""

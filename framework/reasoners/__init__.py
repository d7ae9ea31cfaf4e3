"""The families of vision-language models limner trains. This table is the only list of them."""

from framework.reasoners.lab import Lab
from framework.reasoners.qwen import Qwen2_5VL, Qwen3VL
from framework.reasoners.reasoner import Reasoner

REASONERS: dict[str, type[Reasoner]] = {
    "lab": Lab,
    "qwen2_5_vl": Qwen2_5VL,
    "qwen3_vl": Qwen3VL,
}

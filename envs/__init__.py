"""The games. This table is the only list of them."""

from envs.keyframes import Keyframes
from envs.single_turn import SingleTurn
from envs.zoom import Zooming
from framework.env import Rules

ENVS: dict[str, type[Rules]] = {
    "keyframes": Keyframes,
    "single_turn": SingleTurn,
    "zoom": Zooming,
}

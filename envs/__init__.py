"""The games. This table is the only list of them."""

from envs.by_dataset import ByDataset
from envs.gymnasium import Gymnasium
from envs.keyframes import Keyframes
from envs.locate import Locate
from envs.remote import Remote
from envs.single_turn import SingleTurn
from envs.target import Target
from envs.zoom import Zooming
from framework.env import Rules

ENVS: dict[str, type[Rules]] = {
    "by_dataset": ByDataset,
    "gymnasium": Gymnasium,
    "keyframes": Keyframes,
    "locate": Locate,
    "remote": Remote,
    "single_turn": SingleTurn,
    "target": Target,
    "zoom": Zooming,
}

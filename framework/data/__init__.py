"""Where tasks come from. This table is the only list of sources."""

from framework.data.prepared import Prepared
from framework.lab.world import World
from framework.source import Source

DATASETS: dict[str, type[Source]] = {
    "lab": World,
    "prepared": Prepared,
}

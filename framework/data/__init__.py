"""Where tasks come from. This table is the only list of sources."""

from framework.data.source import Source
from framework.lab.world import World

DATASETS: dict[str, type[Source]] = {
    "lab": World,
}

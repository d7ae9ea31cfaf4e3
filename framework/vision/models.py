"""What makes masks and what follows them. These tables are the only lists of them."""

from framework.vision.colour import BoxFill, ColorFlood, ColorTrack
from framework.vision.propagator import Propagator
from framework.vision.segmenter import Segmenter

SEGMENTERS: dict[str, type[Segmenter]] = {
    "box_fill": BoxFill,
    "color_flood": ColorFlood,
}

PROPAGATORS: dict[str, type[Propagator]] = {
    "color_track": ColorTrack,
}

"""What makes masks and what follows them. These tables are the only lists of them."""

from framework.vision.checkouts import Cutie, OfficialSam2, XMem
from framework.vision.colour import BoxFill, ColorFlood, ColorTrack
from framework.vision.propagator import Propagator
from framework.vision.sam2 import Sam2
from framework.vision.sam2_video import Sam2Video
from framework.vision.segmenter import Segmenter

SEGMENTERS: dict[str, type[Segmenter]] = {
    "box_fill": BoxFill,
    "color_flood": ColorFlood,
    "official_sam2": OfficialSam2,
    "sam2": Sam2,
}

PROPAGATORS: dict[str, type[Propagator]] = {
    "color_track": ColorTrack,
    "cutie": Cutie,
    "sam2_video": Sam2Video,
    "xmem": XMem,
}

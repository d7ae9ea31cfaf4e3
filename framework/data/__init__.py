"""Where tasks come from, and the public datasets that can be made such a source. These tables are the only lists."""

from framework.data.focused import Focused
from framework.data.groundmore import GroundMoRe
from framework.data.gymnasium import Gymnasium
from framework.data.lab import Lab
from framework.data.layout import Layout
from framework.data.long_rvos import LongRVOS
from framework.data.mevis import MeViS
from framework.data.mixture import Mixture
from framework.data.prepared import Prepared
from framework.data.reason_seg import ReasonSeg
from framework.data.reason_vos import ReasonVOS
from framework.data.ref_davis17 import RefDAVIS17
from framework.data.ref_sav import RefSAV
from framework.data.ref_youtube_vos import RefYouTubeVOS
from framework.data.refcoco import RefCOCO, RefCOCOg, RefCOCOPlus
from framework.data.remote import Remote
from framework.data.revos import ReVOS
from framework.data.timelens import TimeLens
from framework.lab.sides import Sides
from framework.lab.world import World
from framework.source import Source

DATASETS: dict[str, type[Source]] = {
    "focused": Focused,
    "gymnasium": Gymnasium,
    "lab": World,
    "lab_sides": Sides,
    "mixture": Mixture,
    "prepared": Prepared,
    "remote": Remote,
}

LAYOUTS: dict[str, type[Layout]] = {
    each.name: each
    for each in (
        GroundMoRe,
        Lab,
        LongRVOS,
        MeViS,
        ReasonSeg,
        ReasonVOS,
        RefDAVIS17,
        RefSAV,
        RefYouTubeVOS,
        RefCOCO,
        RefCOCOPlus,
        RefCOCOg,
        ReVOS,
        TimeLens,
    )
}
"""What `limner data prepare` reads."""

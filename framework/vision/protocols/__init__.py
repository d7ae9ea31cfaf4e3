"""Published evaluations, a file each. This table is the only list."""

from framework.vision.protocols.groundmore import GroundMoRe
from framework.vision.protocols.lab import Lab
from framework.vision.protocols.long_rvos import LongRVOS
from framework.vision.protocols.mevis import MeViS
from framework.vision.protocols.protocol import Protocol
from framework.vision.protocols.reason_seg import ReasonSeg
from framework.vision.protocols.reason_vos import ReasonVOS
from framework.vision.protocols.ref_davis17 import RefDAVIS17, RefDAVIS17PerExpression
from framework.vision.protocols.ref_sav import RefSAV
from framework.vision.protocols.ref_youtube_vos import RefYouTubeVOS
from framework.vision.protocols.refcoco import RefCOCO, RefCOCOg, RefCOCOPlus
from framework.vision.protocols.revos import ReVOS

PROTOCOLS: dict[str, type[Protocol]] = {
    each.name: each
    for each in (
        GroundMoRe,
        Lab,
        LongRVOS,
        MeViS,
        ReasonSeg,
        ReasonVOS,
        RefCOCO,
        RefCOCOPlus,
        RefCOCOg,
        RefDAVIS17,
        RefDAVIS17PerExpression,
        RefSAV,
        RefYouTubeVOS,
        ReVOS,
    )
}

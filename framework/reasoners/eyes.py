"""What a policy sees with, and two ways to tamper with it, to find out whether it looks.

picture ─▶ clear ─▶ its pixels          blanked ─▶ grey, but for the overview          swapped ─▶ another clip's
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from framework.reasoners.sampling import Pixels
from framework.types import Picture, Role, Video

See = Callable[[Picture], Pixels]


def clear(picture: Picture) -> Pixels:
    """The picture as it is."""
    from framework.vision.frames import pixels

    return pixels(picture)


def blanked(picture: Picture) -> Pixels:
    """Grey wherever the policy chose to look; the overview stays."""
    if picture.role is Role.OVERVIEW:
        return clear(picture)
    width, height = picture.size
    return np.full((height, width, 3), 128, np.uint8)


def swapped(video: Video) -> See:
    """The same moments of another clip, at the same size."""

    def see(picture: Picture) -> Pixels:
        frame = min(picture.frame * video.length // picture.video.length, video.length - 1)
        return clear(replace(picture, video=video, frame=frame, crop=None))

    return see

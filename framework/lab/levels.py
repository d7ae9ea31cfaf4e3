"""The levels of the synthetic world, from one colour that never hides to a crowded film that must be searched."""

from dataclasses import dataclass

UNSEEN_PAIRS = frozenset({("red", "circle"), ("blue", "square"), ("green", "triangle")})
"""Colours and shapes that are never asked for together in training."""

CELLS = 32
"""Things stand and move on a grid of so many cells a side, so that a whole box can be said exactly in 32nds."""


@dataclass(frozen=True, slots=True)
class Level:
    """How a scene is drawn by lot. Pairs are the least and the greatest."""

    about: str
    length: int
    """Frames of a clip."""
    things: tuple[int, int]
    life: tuple[int, int]
    """Frames in which a thing is there."""
    radius: tuple[int, int]
    """Cells from a thing's centre to its side."""
    kinds: tuple[str, ...]
    """What is asked; each kind is as likely as any other."""
    size: int = 64
    """Pixels along each side of a frame: a multiple of CELLS."""
    alike: float = 0.0
    """How likely a thing takes the shape of an earlier one."""
    covered: float = 0.3
    """The target is never covered by more than this share of itself, in any frame; 1 lets it vanish behind others."""
    noise: int = 0
    grey: tuple[int, int] = (30, 50)
    """Each channel of the background is drawn from here, in steps of three: [least, greatest)."""


LEVELS: dict[str, Level] = {
    "still": Level(
        about="an image: colours and shapes",
        length=1,
        things=(2, 3),
        life=(1, 1),
        radius=(4, 8),
        kinds=("attribute",),
    ),
    "crowd": Level(
        about="a noisy image of many things that cover one another",
        length=1,
        things=(5, 7),
        life=(1, 1),
        radius=(3, 6),
        kinds=("attribute",),
        size=128,
        alike=0.6,
        covered=0.7,
        noise=12,
    ),
    "colour": Level(
        about="one colour, always there: only its place is asked",
        length=6,
        things=(2, 2),
        life=(6, 6),
        radius=(4, 7),
        kinds=("colour",),
    ),
    "glance": Level(
        about="large things seen for two or three frames: the quickstart",
        length=6,
        things=(2, 2),
        life=(2, 3),
        radius=(6, 9),
        kinds=("attribute",),
        grey=(39, 43),
    ),
    "search": Level(
        about="large things seen for two or three frames of eight: what a sampler must find",
        length=8,
        things=(2, 3),
        life=(2, 3),
        radius=(6, 9),
        kinds=("attribute",),
        grey=(39, 43),
    ),
    "linger": Level(
        about="large things seen for two to six frames of eight: some must be found, some are seen wherever one looks",
        length=8,
        things=(2, 3),
        life=(2, 6),
        radius=(6, 9),
        kinds=("attribute",),
        grey=(39, 43),
    ),
    "among": Level(
        about="large things among others of other colours: when is seen at a glance, which one it is only closely",
        length=6,
        things=(4, 5),
        life=(2, 3),
        radius=(6, 8),
        kinds=("colour",),
        grey=(39, 43),
    ),
    "moments": Level(
        about="smaller things seen for two to four frames",
        length=8,
        things=(2, 3),
        life=(2, 4),
        radius=(4, 6),
        kinds=("attribute",),
    ),
    "order": Level(
        about="which comes first, last, or after another",
        length=12,
        things=(3, 4),
        life=(3, 6),
        radius=(4, 6),
        kinds=("first", "last", "after"),
        alike=0.6,
    ),
    "traffic": Level(
        about="things that hide one another, come and leave, with noise",
        length=16,
        things=(4, 5),
        life=(3, 7),
        radius=(3, 5),
        kinds=("first", "last", "after", "before", "leaves_first"),
        size=96,
        alike=0.8,
        covered=1.0,
        noise=8,
    ),
    "film": Level(
        about="a longer clip in which a few frames matter: order, direction, the second of several",
        length=32,
        things=(5, 7),
        life=(3, 8),
        radius=(4, 5),
        kinds=("first", "last", "after", "before", "leaves_first", "direction", "second"),
        size=128,
        alike=0.9,
        covered=1.0,
        noise=12,
    ),
}

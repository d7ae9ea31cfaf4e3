"""The words the rest is written in. No work is done here, and nothing heavy is imported.

Task ─▶ Observation ─▶ Action ─▶ Observation ─▶ Action ─▶ … Stop
        └─────── Turn ───────┘   └─────── Turn ───────┘
        └───────────────────── Episode ─────────────────┘ ─▶ RewardBreakdown

Each stage makes a new thing; nothing is filled in later. Pictures are references: pixels are made from them once, where
a reasoner's processor needs them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from framework.vision.boxes import Box, Interval, Point, Space


class Role(StrEnum):
    """What a picture is shown for."""

    OVERVIEW = "overview"
    DETAIL = "detail"
    INTERVAL = "interval"
    KEYFRAME = "keyframe"
    CROP = "crop"
    REFERENCE = "reference"
    TARGET = "target"

    @property
    def large(self) -> bool:
        """Is it shown to be seen closely?"""
        return self in (Role.KEYFRAME, Role.CROP, Role.TARGET)


@dataclass(frozen=True, slots=True)
class Video:
    """Where frames come from. An image is a video of one frame."""

    source: str
    """A folder of images, an image or video file, an array (.npy), or "lab:level/split/seed" of the synthetic world."""
    length: int
    width: int
    height: int
    fps: float | None = 1.0
    """Frames a second. None, where nobody knows: then no frame has a time."""

    def space(self, frame: int) -> Space:
        """Original pixels of one frame."""
        whole = (0.0, 0.0, float(self.width), float(self.height))
        return Space(f"{self.source}#{frame}", whole, (float(self.width), float(self.height)))

    def time(self, frame: int) -> float:
        """In seconds, where the rate is known."""
        assert self.fps, f"{self.source} has no frame rate"
        return frame / self.fps


@dataclass(frozen=True, slots=True)
class Picture:
    """A reference to pixels: this frame, this part of it, this large. `framework.vision.frames` makes the pixels."""

    video: Video
    frame: int
    size: tuple[int, int]
    """Width and height as the model sees it."""
    role: Role = Role.DETAIL
    crop: Box | None = None
    """The part that is shown, in original pixels; None is all of it."""
    grain: int | None = None
    """If set, it is first reduced to grain × grain cells, so that it shows colours but hardly places."""

    @property
    def space(self) -> Space:
        """The space in which the model, speaking of pixels of this picture, speaks."""
        whole = self.video.space(self.frame)
        return (whole.part(self.crop) if self.crop else whole).counted_in(*self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What rewards may see and the policy may not."""

    present: tuple[bool, ...] = ()
    """Per frame: is the target visible?"""
    boxes: Mapping[int, tuple[Box, ...]] = field(default_factory=dict[int, tuple[Box, ...]])
    """Frame → one box per visible object, in original pixels."""
    points: Mapping[int, tuple[Point, ...]] = field(default_factory=dict[int, tuple[Point, ...]])
    """Frame → a point well inside each of these objects, in the same order."""
    masks: Mapping[int, "AnyMask"] = field(default_factory=dict[int, "AnyMask"])
    """Frame → the visible pixels of all target objects."""
    interval: Interval | None = None
    answer: str = ""
    world: str = ""
    """The world of an env that is not ours, in the words by which that env makes it; the rest of the truth is there."""
    kind: str = ""
    """The kind of question, for tables by kind."""


@dataclass(frozen=True, slots=True)
class Mask:
    """A mask as run lengths: background and target take turns, column by column, as COCO counts them."""

    runs: tuple[int, ...]
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Packed:
    """A mask bit by bit, row by row, eight pixels a byte as numpy packs them: for arithmetic on many masks."""

    bits: bytes
    width: int
    height: int
    area: int
    """How many pixels the target has."""


AnyMask = Mask | Packed


@dataclass(frozen=True, slots=True, kw_only=True)
class Focus:
    """Where in a clip to look, found before the game begins: with the data, or by a sampler."""

    segment: Interval
    """The frames that matter."""
    target: int | None = None
    """The one that is shown large."""
    trace: tuple["Turn", ...] = ()
    """What a sampler asked and was told on its way there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One dataset row, ready to be played."""

    id: str
    """Stable between runs; the episodes of one group share it."""
    question: str
    video: Video
    truth: Truth = Truth()
    focus: Focus | None = None
    """None leaves the whole clip."""

    @property
    def segment(self) -> Interval:
        """The frames that matter."""
        return self.focus.segment if self.focus else Interval(0, self.video.length - 1)


@dataclass(frozen=True, slots=True)
class Observation:
    """What the env shows: text and pictures in the order in which they are read."""

    content: tuple[str | Picture, ...]
    done: bool = False
    """True ends the episode: nothing is sampled for this observation."""
    paid: float | None = None
    """What an env that brings rewards of its own pays for the action before."""

    @property
    def text(self) -> str:
        return "".join(part if isinstance(part, str) else "<image>" for part in self.content)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return tuple(part for part in self.content if isinstance(part, Picture))

    @property
    def keyframe(self) -> int | None:
        """The frame that is shown large: the last one, if several are."""
        return next((picture.frame for picture in reversed(self.pictures) if picture.role.large), None)


@dataclass(frozen=True, slots=True)
class Select:
    """Look again: these frames, and this one large."""

    interval: Interval
    keyframe: int


@dataclass(frozen=True, slots=True)
class Zoom:
    """Look again: this part of a frame, larger."""

    frame: int
    box: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One object of an answer."""

    box: Box | None = None
    point: Point | None = None
    negatives: tuple[Point, ...] = ()
    """Points that lie beside the object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The end of looking."""

    text: str = ""
    items: tuple[Item, ...] = ()
    interval: Interval | None = None
    keyframe: int | None = None


@dataclass(frozen=True, slots=True)
class Malformed:
    """A reply that is no action, or a reward that cannot read one, and why."""

    reason: str


Parsed = Select | Zoom | Answer | Malformed


@dataclass(frozen=True, slots=True)
class Reply:
    """What a policy says, before anyone has read it."""

    text: str
    cut_off: bool = False
    """True if it ran into a length limit."""
    tokens: int | None = None
    """How many tokens it took, if a model said it."""
    thought: int | None = None
    """How many of them stand between <think> and </think>."""


@dataclass(frozen=True, slots=True)
class Action:
    """What the policy said, and what it means in this game."""

    text: str
    parsed: Parsed
    cut_off: bool = False
    tokens: int | None = None
    thought: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What a turn drew: the masks that its [SEG] tokens stand for, over all of them."""

    frames: Mapping[int, AnyMask] = field(default_factory=dict[int, AnyMask])
    """Frame → mask, on frames that are spread over the clip."""
    keyframe: int | None = None
    """The frame that the turn was shown large."""
    on_keyframe: AnyMask | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange: Turn(seen, said)."""

    seen: Observation
    said: Action
    drawn: Drawn | None = None
    """Set where masks are decoded, after the reply."""
    paid: float | None = None
    """What the env itself paid for it, if it pays."""


class Stop(StrEnum):
    """Why an episode ended."""

    ANSWERED = "answered"
    TURNS = "turns"
    LENGTH = "length"
    MALFORMED = "malformed"
    ERROR = "error"
    """Ours, not the policy's: it earns nothing, good or bad."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A task played to its end."""

    task: Task
    turns: tuple[Turn, ...]
    stop: Stop
    error: str = ""

    @property
    def answer(self) -> Answer | None:
        """The answer that ended it, if one did."""
        parsed = self.turns[-1].said.parsed if self.turns else None
        return parsed if isinstance(parsed, Answer) else None


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """The task has nothing this reward could measure."""

    reason: str


@dataclass(frozen=True, slots=True)
class Broken:
    """Our own machinery failed. It never becomes a number."""

    reason: str


Failure = Malformed | NotApplicable | Broken


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardBreakdown:
    """What an episode earned, and for what."""

    parts: Mapping[str, float]
    """Each reward's own number, before its weight."""
    failures: Mapping[str, Failure] = field(default_factory=dict[str, Failure])
    """Rewards that have no number, and why."""
    terms: Mapping[str, float] = field(default_factory=dict[str, float])
    """What each reward adds to the total, after weights, gates and factors: the total is their sum."""
    turns: Mapping[str, tuple[float, ...]] = field(default_factory=dict[str, tuple[float, ...]])
    """Of a term that is paid turn by turn, what each turn is paid: the term is their sum."""
    total: float | None
    """By the recipe's formula; None if the episode must not be learned from."""


Past = Sequence[Turn]
"""The turns so far, oldest first."""

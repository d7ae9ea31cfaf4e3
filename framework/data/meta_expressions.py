"""The layout that most video datasets share: meta_expressions.json says what is asked, and masks lie beside it.

    {"videos": {"v1": {"frames": ["00000", …], "expressions": {"0": {"exp": "the dog", "anno_id": [7]}, …}}}}

Frames are played in the order of their names, as their publishers' loaders sort them, however they are listed.
What differs between them is where files lie, how an expression names its objects, and what its types mean.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

from framework.data.files import all_frames, frame_files, json_of, mapping
from framework.data.layout import FAULTS, Found, Layout, LeftOut, reason
from framework.data.outlines import Outline, Outlines, Place
from framework.data.schema import Clip, Expression, Object
from framework.errors import DataError
from framework.vision.frames import probe
from framework.vision.stills import STILLS, by_number

Said = Mapping[str, Any]
WORDS = ("exp", "exp_text", "question", "formated", "sent")
"""Where it says what is asked; the spelling is the datasets' own."""


class MetaExpressions(Layout):
    """A dataset of this layout; its own class says what is its own."""

    naming: tuple[str, ...] = ("anno_id",)
    """What an expression calls its objects; the first of these that it has."""
    kinds: ClassVar[Mapping[str, str]] = {}
    """type_id → type."""
    fps: ClassVar[float | None] = None

    def __init__(self, root: Path, split: str) -> None:
        super().__init__(root, split)
        path = self.meta_path()
        given = mapping(json_of(path), str(path))
        self.meta = mapping(given.get("videos", given), str(path))
        self.outlines = self.opened_outlines()

    @abstractmethod
    def meta_path(self) -> Path: ...

    @abstractmethod
    def images(self, video: str) -> Path:
        """The folder of its frames."""

    @abstractmethod
    def opened_outlines(self) -> Outlines | None:
        """Its masks; None if its publishers keep them."""

    def named(self, video: str, expression: str, said: Said) -> tuple[str, ...]:
        """The objects of an expression."""
        there = [key for key in self.naming if key in said]
        if not there:
            raise DataError(f"names no object: it has none of {', '.join(self.naming)}")
        return several(said[there[0]])

    def kind(self, said: Said) -> str:
        given = str(said.get("type_id", said.get("type", "")))
        return self.kinds.get(given, given.lower())

    def extra(self, video: str, position: int, said: Said) -> dict[str, Any]:
        return {}

    def beside(self, place: Place) -> Sequence[Object]:
        """Objects beside those that are spoken of."""
        others = self.outlines.others(place) if self.outlines else ()
        return [self.outlines.outline(place, each).object for each in others] if self.outlines else []

    def videos(self, limit: int | None = None) -> Sequence[str]:
        return list(self.meta)[:limit]

    def expressions(self, video: str) -> Sequence[str]:
        return list(self.said(video))

    def said(self, video: str) -> dict[str, Said]:
        """Its expressions by name; those of a list have it in them, or are counted."""
        given = mapping(self.meta[video], f"video {video}").get("expressions", {})
        if isinstance(given, list):
            listed = [mapping(each, f"video {video}, an expression") for each in cast(list[Any], given)]
            return {str(each.get("exp_id", number)): each for number, each in enumerate(listed)}
        each = mapping(given, f"video {video}, expressions").items()
        return {name: mapping(said, f"video {video}, expression {name}") for name, said in each}

    def clip(self, video: str) -> Found:
        folder = self.images(video)
        listed = mapping(self.meta[video], f"video {video}").get("frames")
        names = sorted((_stem(str(name)) for name in listed or ()), key=lambda name: by_number(Path(name)))
        files = frame_files(folder, names) if names else all_frames(folder)
        if not files:
            raise DataError(f"{folder}: holds no frames")
        first = probe(folder / files[0])
        place = Place(video, tuple(_stem(file) for file in files), first.width, first.height)
        expressions, outlined, left_out = self._read(place)
        objects = {each.id: each for each in (*(one.object for one in outlined.values()), *self.beside(place))}
        clip = Clip(
            id=video,
            frame_root=str(folder),
            frames=files,
            length=len(files),
            width=first.width,
            height=first.height,
            fps=self.fps,
            objects=tuple(objects.values()),
            expressions=tuple(expressions),
        )
        return Found(clip, tuple(left_out))

    def _read(self, place: Place) -> tuple[list[Expression], dict[str, Outline], list[LeftOut]]:
        """Its expressions, their objects, and what became nothing."""
        outlined: dict[str, Outline] = {}
        expressions: list[Expression] = []
        left_out: list[LeftOut] = []
        for position, (name, said) in enumerate(self.said(place.video).items()):
            try:
                wanted = self.named(place.video, name, said) if self.outlines else ()
                for each in wanted:
                    if self.outlines and each not in outlined:
                        outlined[each] = self.outlines.outline(place, each)
                expressions.append(self._expression(place, position, name, said, [outlined[each] for each in wanted]))
            except FAULTS as fault:
                left_out.append(LeftOut(place.video, name, reason(fault)))
        return expressions, outlined, left_out

    def _expression(self, place: Place, position: int, name: str, said: Said, about: list[Outline]) -> Expression:
        looked = set(place.all).intersection(*(each.annotated for each in about))
        return Expression(
            id=name,
            text=text_of(said),
            type=self.kind(said),
            objects=tuple(dict.fromkeys(each.object.id for each in about)),
            annotated=tuple(sorted(looked)) if self.outlines else (),
            has_truth=self.outlines is not None,
            extra=self.extra(place.video, position, said),
        )


def text_of(said: Said, words: Sequence[str] = WORDS) -> str:
    """What is asked, with single spaces."""
    text = str(next((said[key] for key in words if said.get(key)), ""))
    text = " ".join(text.encode(errors="replace").decode().split())  # half a surrogate pair is in no table
    if not text:
        raise DataError(f"says nothing: it has none of {', '.join(words)}")
    return text


def several(given: Any) -> tuple[str, ...]:
    """Names of objects, however they are written: 7, "7", [7, 8], ["7"], null."""
    if given is None:
        return ()
    each = cast(list[Any], given) if isinstance(given, list | tuple) else [given]
    return tuple(str(name).strip() for name in each)


def _stem(name: str) -> str:
    return Path(name).stem if Path(name).suffix.lower() in STILLS else name


def counted(said: Mapping[str, Sequence[str]], videos: Sequence[str]) -> dict[tuple[str, str], str]:
    """The number of each expression where annotations are counted on and on.

    >>> counted({"b": ["0", "10", "2"], "a": ["0"]}, ["b", "a"])     # names are sorted as text
    {('b', '0'): '0', ('b', '10'): '1', ('b', '2'): '2', ('a', '0'): '3'}
    """
    each = [(video, name) for video in videos for name in sorted(said[video])]
    return {where: str(number) for number, where in enumerate(each)}

"""One demonstration of VTS-CoT, and the json file of many.

    [{"video_name": "v1", "frames": ["00000", …], "exp": "the dog that leaves", "anno_id": [7],
      "sample_frame_indice": [0, 7, 14, 21, 29],
      "cot_trace": [{"start_frame": 3, "end_frame": 9, "key_frame": 5}], "round_num": 2,
      "conversations": [{"from": "system", "value": …}, {"from": "human", …}, {"from": "gpt", …}, …]}, …]

Indices count the frames of `frames`, both ends of an interval among them. The i-th element of the trace is what the
i-th reply selects, so a demonstration that answers at once has an empty trace, which the released loader cannot read.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from framework.data.files import json_of, mapping
from framework.errors import DataError
from framework.files import on_disk, whole

Speaker = Literal["system", "human", "gpt"]
PLACEHOLDER = "<image>"
"""Stands in a later human turn for the frames that were asked for, the line that numbers them, and the query."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one side says at a time."""

    speaker: Speaker
    text: str


@dataclass(frozen=True, slots=True)
class Traced:
    """What a reply selects, by the trace."""

    start: int
    end: int
    keyframe: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """Looks and an answer about one expression of one video."""

    video: str
    frames: tuple[str, ...]
    """The names of its frames, without ending."""
    expression: str
    objects: tuple[str, ...]
    """The objects that are meant, by their numbers in the dataset's masks."""
    shown: tuple[int, ...]
    """The frames that are shown larger at first."""
    trace: tuple[Traced, ...]
    said: tuple[Said, ...]

    @property
    def system(self) -> str:
        return next((each.text for each in self.said if each.speaker == "system"), "")

    @property
    def replies(self) -> tuple[str, ...]:
        return tuple(each.text for each in self.said if each.speaker == "gpt")


def read(path: Path) -> list[Trajectory]:
    """All of a file; DataError names the element that is none."""
    given = json_of(path)
    if not isinstance(given, list):
        raise DataError(f"{path}: is a {type(given).__name__}, where a list of trajectories should be")
    return [_read(each, f"{path}, element {number}") for number, each in enumerate(cast(list[Any], given))]


def _read(given: Any, where: str) -> Trajectory:
    item = mapping(given, where)
    try:
        return Trajectory(
            video=str(item["video_name"]),
            frames=tuple(str(each) for each in item["frames"]),
            expression=str(item["exp"]),
            objects=tuple(str(each) for each in _several(item["anno_id"])),
            shown=tuple(_whole(each, "sample_frame_indice") for each in item["sample_frame_indice"]),
            trace=tuple(_traced(each) for each in item["cot_trace"]),
            said=tuple(_said(each) for each in item["conversations"]),
        )
    except (LookupError, TypeError, ValueError) as fault:
        why = f"lacks {fault}" if isinstance(fault, KeyError) else str(fault)
        raise DataError(f"{where}: is no trajectory of VTS-CoT: {why}; mend it or leave it out") from None


def _several(given: Any) -> list[Any]:
    return cast(list[Any], given) if isinstance(given, list) else [given]


def _whole(given: Any, key: str) -> int:
    if isinstance(given, bool) or not isinstance(given, int):
        raise ValueError(f"{key} holds {str(given)[:40]!r}, where the number of a frame should be")
    return given


def _traced(given: Any) -> Traced:
    step = cast(Mapping[str, Any], given)
    return Traced(*(_whole(step[key], key) for key in ("start_frame", "end_frame", "key_frame")))


def _said(given: Any) -> Said:
    turn = cast(Mapping[str, Any], given)
    if turn["from"] not in get_args(Speaker):
        raise ValueError(f"nobody is called {str(turn['from'])[:40]!r}; there are {', '.join(get_args(Speaker))}")
    return Said(cast(Speaker, turn["from"]), str(turn["value"]))


def write(path: Path, trajectories: Iterable[Trajectory]) -> None:
    """The whole file anew, in the released form."""
    with on_disk(path), whole(path) as part:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps([_written(each) for each in trajectories], ensure_ascii=False), encoding="utf-8")


def _written(trajectory: Trajectory) -> dict[str, Any]:
    return {
        "video_name": trajectory.video,
        "frames": list(trajectory.frames),
        "exp": trajectory.expression,
        "anno_id": [int(each) if each.isdecimal() else each for each in trajectory.objects],
        "sample_frame_indice": list(trajectory.shown),
        "cot_trace": [
            {"start_frame": each.start, "end_frame": each.end, "key_frame": each.keyframe} for each in trajectory.trace
        ],
        "round_num": len(trajectory.replies),
        "conversations": [{"from": each.speaker, "value": each.text} for each in trajectory.said],
    }

"""From a demonstration to an episode and back: its replies are played again in the recipe's own game.

    Trajectory ─▶ Task, Scripted(its replies) ─▶ play() ─▶ Episode ─▶ Conversation, what each [SEG] draws with it
    Episode ─▶ Trajectory, and the masks of its task under a number of its own

So what is shown stands as it will in reinforcement: frames, lines and the query word for word, pictures in the order
of their places, both ends of an interval shown, and nothing depends on how the file worded its human turns.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from framework.data.files import frame_files
from framework.data.outlines import MaskDict, Outlines, Place
from framework.data.vts_cot.trajectory import PLACEHOLDER, Said, Traced, Trajectory
from framework.env import Rules
from framework.errors import DataError
from framework.files import on_disk, whole
from framework.policy import Scripted
from framework.rollout import play
from framework.truth import known
from framework.types import Episode, Malformed, Mask, Role, Select, Stop, Task, Truth, Turn, Video
from framework.vision import coco, masks
from framework.vision.boxes import Interval
from framework.vision.frames import probe
from framework.vision.plan import spread
from framework.vision.sources import opened
from framework.vision.stills import Stills

SHOWN = 5
"""Frames that a trajectory shows larger at first, where the episode showed none."""


@dataclass(frozen=True, slots=True)
class Footage:
    """Where the frames and masks lie that trajectories speak of."""

    frames: Path
    """FRAMES/<video>/<frame>.jpg"""
    outlines: Outlines
    lists: Path
    """Where lists of frames are kept, of videos whose folder holds others as well."""

    @classmethod
    def of(cls, frames: Path, masks: Path, lists: Path) -> "Footage":
        """`masks` is the mask_dict of a dataset: object → a mask, or null, for each frame of its video."""
        return cls(frames, MaskDict(masks), lists)

    def task(self, trajectory: Trajectory, number: int) -> Task:
        """What is asked, and the truth: all objects together."""
        folder = self.frames / trajectory.video
        names = frame_files(folder, trajectory.frames)
        shown = probe(folder / names[0])
        video = Video(self._source(folder, names, trajectory.video), len(names), shown.width, shown.height, fps=None)
        place = Place(trajectory.video, trajectory.frames, video.width, video.height)
        seen = [self.outlines.outline(place, each).object.masks for each in trajectory.objects]
        true = {
            frame: [each[frame] for each in seen if frame in each and masks.area(each[frame])]
            for frame in range(video.length)
        }
        there = [frame for frame, several in true.items() if several]
        all_of_them = {frame: masks.together(several, video.width, video.height) for frame, several in true.items()}
        return Task(
            id=f"vts_cot/{trajectory.video}/{number}",
            question=trajectory.expression,
            video=video,
            truth=Truth(
                present=tuple(bool(several) for several in true.values()),
                masks=all_of_them,
                interval=Interval(there[0], there[-1]) if there else None,
            ),
        )

    def _source(self, folder: Path, names: Sequence[str], video: str) -> str:
        footage = opened(str(folder))
        if isinstance(footage, Stills) and [file.name for file in footage.files] == list(names):
            return str(folder)
        listed = "".join(f"{folder.resolve() / name}\n" for name in names)
        own = hashlib.blake2b(listed.encode(), digest_size=4).hexdigest()  # a video may be cut in more ways than one
        path = (self.lists / own / f"{quote(video, safe='')}.frames").resolve()
        with on_disk(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole(path) as part:
                part.write_text(listed)
        return str(path)


def replayed(trajectory: Trajectory, task: Task, rules: Rules) -> Episode:
    """The replies in the recipe's game; they must lead to an answer."""
    episode = asyncio.run(play(task, rules, Scripted(*trajectory.replies)))
    if episode.stop is not Stop.ANSWERED or len(episode.turns) != len(trajectory.replies):
        parsed = episode.turns[-1].said.parsed if episode.turns else None
        why = parsed.reason if isinstance(parsed, Malformed) else episode.error or f"it ended as {episode.stop}"
        raise DataError(
            f"task {task.id}: its {len(trajectory.replies)} replies cannot be played with "
            f"env.max_turns={rules.max_turns}: {why}"
        )
    return episode


# ---- from episodes ---------------------------------------------------------------------------------------------------


def trajectory(episode: Episode, number: str, system: str = "") -> Trajectory:
    """An episode as a demonstration; `number` is that of its target in `outlines`."""
    video, names = _named(episode.task)
    first = episode.turns[0].seen.pictures if episode.turns else ()
    larger = sorted({picture.frame for picture in first if picture.role is Role.DETAIL})
    said = [Said("system", system)] if system else []
    for turn in episode.turns:
        asked = PLACEHOLDER if turn is not episode.turns[0] else question(episode.task)
        said += [Said("human", asked), Said("gpt", turn.said.text)]
    return Trajectory(
        video=video,
        frames=names,
        expression=episode.task.question,
        objects=(number,),
        shown=tuple(larger or spread(len(names), SHOWN)),
        trace=tuple(_selected(episode.turns)),
        said=tuple(said),
    )


def _named(task: Task) -> tuple[str, tuple[str, ...]]:
    """A video's name and those of its frames; what has no files of frames has numbers."""
    source = Path(task.video.source)
    if source.is_dir() or source.suffix == ".frames":
        footage = opened(str(source))
        assert isinstance(footage, Stills)
        name = source.name if source.is_dir() else unquote(source.stem)
        return name, tuple(file.stem for file in footage.files)
    return task.video.source.removeprefix("lab:"), tuple(f"{frame:05}" for frame in range(task.video.length))


def question(task: Task) -> str:
    """The first human turn; a loader puts frames and the lines that number them before it."""
    return (
        f'The video has {task.video.length} frames. The query is "{task.question}". '
        "Say how you find what it means, and outline it."
    )


def _selected(turns: Sequence[Turn]) -> Iterable[Traced]:
    for turn in turns:
        if isinstance(look := turn.said.parsed, Select):
            yield Traced(int(look.interval.start), int(look.interval.end), look.keyframe)


def outlines(task: Task) -> list[dict[str, Any] | None]:
    """The masks of a task's target as mask_dict.json holds them: one, or null, for each frame.

    Null says that nothing is there. Of a clip that is not known throughout there are none.
    """
    there = known(task.truth, range(task.video.length))
    if len(there) < task.video.length:
        return []
    return [mask and _written(masks.as_runs(mask)) for mask in there.values()]


def _written(mask: Mask) -> dict[str, Any]:
    return {"size": [mask.height, mask.width], "counts": coco.write(mask).decode()}

"""limner segment: ask a recipe's policy about an image or a clip, and draw what it means into every frame.

MEDIA, "query" ─▶ sampler ─▶ episode ─▶ segmenter, propagator ─▶ overlay.mp4 (an image: .png) · masks.json · trace.txt
"""

import argparse
import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from framework.commands import console, takes_out, written_to
from framework.commands.play import player, transcript
from framework.errors import PixelError, UserError
from framework.evaluation.contest import guided, led, trained
from framework.evaluation.model import opened
from framework.files import on_disk, writable
from framework.recipe import Recipe, find_recipe
from framework.rollout import play
from framework.tracing import Draws, Traced, Tracer
from framework.training import TRAINED
from framework.types import Broken, Episode, Task
from framework.vision import coco, masks
from framework.vision.draw import drawn, film, picture, pictures
from framework.vision.footage import Pixels

MODEL = "model"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "media", metavar="MEDIA", help="an image, a folder of images, a video file, or lab:glance/eval/0"
    )
    parser.add_argument("query", metavar="QUERY", help='what to look for: "the dog that leaves first"')
    parser.add_argument("changes", metavar="key=value", nargs="*", default=[], help="changes, as env.max_turns=2")
    parser.add_argument("--recipe", required=True, help="whose env, reasoner, segmenter and propagator; a name or path")
    parser.add_argument("--model", metavar="DIR", type=Path, help="a checkpoint; the newest of runs/RECIPE if not said")
    parser.add_argument(
        "--policy", default=MODEL, help="a player in its place, as expert (of clips whose truth is known)"
    )
    parser.add_argument("--png", action="store_true", help="a folder of pictures in place of a film")
    takes_out(parser, "runs/RECIPE/segment")


def run(said: argparse.Namespace) -> int:
    recipe = find_recipe(said.recipe, said.changes)
    if recipe.segmenter is None and recipe.drawing is None:
        example = "segmenter=color_flood propagator=color_track, or in the recipe: segmenter: {use: sam2, path: …}"
        raise UserError(f"{said.recipe}: the recipe names no segmenter; add one, as {example}")
    out = written_to(said, recipe.name)
    writable(out)
    try:
        task = _task(said.media, said.query)
        episode, found, who = asyncio.run(_played(recipe, task, said.policy, said.model, out))
        overlay = _draw(out, task, found, said.png)
    except PixelError as error:
        raise UserError(str(error)) from None
    with on_disk(out):
        (out / "masks.json").write_text(json.dumps(as_json(task, found, who)) + "\n")
        (out / "trace.txt").write_text(f"{who}\n{transcript(episode)}\n")
    screen = console()
    screen.print(transcript(episode), soft_wrap=True)
    screen.print(_summary(episode, found, recipe), soft_wrap=True)
    screen.print(f"overlay {overlay}\nmasks   {out / 'masks.json'}\ntrace   {out / 'trace.txt'}", soft_wrap=True)
    return 0 if found.scores else 1


def _sound(found: Traced | Broken) -> Traced:
    if isinstance(found, Broken):
        raise PixelError(found.reason)
    return found


def _task(media: str, query: str) -> Task:
    """What is asked; of a clip of the lab the truth is known, for those players who need it."""
    if media.startswith("lab:"):
        from framework.lab.world import task

        return replace(task(media), question=query)
    from framework.vision.frames import probe

    return Task(id=Path(media).stem, question=query, video=probe(Path(media).expanduser()))


async def _played(
    recipe: Recipe, task: Task, policy: str, model: Path | None, out: Path
) -> tuple[Episode, Traced, str]:
    """The episode, what it means, and who played it; as in an evaluation, a sampler is asked first."""
    if policy != MODEL:
        who = player(policy, out)
        [task] = await led(recipe, [task], who)
        episode = await play(task, recipe.env, who(task, recipe.env, recipe.seed))
        return episode, _meant(recipe, episode), policy
    if model and not (model / "config.json").is_file():
        raise UserError(f"{model}: holds no model (config.json); give the folder of one, as Hugging Face lays it out")
    models = [model] if model else _left(recipe)
    if not models:
        train = f"train one (limner train {recipe.name}) or name one with --model"
        raise UserError(f"{recipe.name}: there is no model in runs/{recipe.name}; {train}")
    return *await _by_model(recipe, task, models), f"model {models[-1]}"


async def _by_model(recipe: Recipe, task: Task, models: Sequence[Path]) -> tuple[Episode, Traced]:
    """Always the likeliest token of the last one."""
    [task] = await guided(recipe, [task], trained(recipe, models[0]))
    async with opened(recipe, trained(recipe, models[-1])) as model:
        episode = await play(task, recipe.env, model.greedy()(task, recipe.env, recipe.seed))
        return episode, _meant(recipe, episode, model.draws())


def _meant(recipe: Recipe, episode: Episode, draws: Draws | None = None) -> Traced:
    """The masks of an answer: its own, if the policy draws, or those that the recipe's segmenter makes of it."""
    made = Tracer(recipe.segmenter, recipe.propagator) if recipe.segmenter else None
    tracer = draws or made
    return _sound(tracer.traced([episode])[0]) if tracer else Traced()


def _left(recipe: Recipe) -> list[Path]:
    """What the recipe's stages have left, in their order; or what they would begin with."""
    from framework.train.run import Run

    left = [Run(Path("runs") / recipe.name, stage).model() for stage in TRAINED]
    return list(filter(None, left)) or ([Path(recipe.reasoner.path)] if recipe.reasoner.path else [])


# ---- what is written -------------------------------------------------------------------------------------------------


def as_json(task: Task, found: Traced, who: str) -> dict[str, Any]:
    """The masks in COCO's run lengths, by frame and object."""
    video = task.video
    return {
        "source": video.source,
        "query": task.question,
        "policy": who,
        "size": [video.height, video.width],
        "frames": video.length,
        "fps": video.fps,
        "frame": found.frame,
        "scores": list(found.scores),
        "masks": {
            str(frame): [
                {"size": [mask.height, mask.width], "counts": coco.write(masks.as_runs(mask)).decode()}
                for mask in several
            ]
            for frame, several in sorted(found.masks.items())
        },
    }


def _draw(out: Path, task: Task, found: Traced, png: bool) -> Path:
    images = _overlaid(task, found)
    if task.video.length == 1:
        picture(path := out / "overlay.png", next(images))
    elif png:
        pictures(path := out / "overlay", images)
    else:
        film(path := out / "overlay.mp4", images, task.video.fps)
    return path


def _overlaid(task: Task, found: Traced) -> Iterator[Pixels]:
    from framework.vision.frames import frame

    for number in range(task.video.length):
        yield drawn(frame(task.video, number), found.masks.get(number, ()))


def _summary(episode: Episode, found: Traced, recipe: Recipe) -> str:
    if not found.scores:
        why = "the answer says no place" if episode.answer else f"nothing was answered ({episode.stop})"
        return f"{why}: no mask is drawn"
    shown = sum(any(masks.area(mask) for mask in several) for several in found.masks.values())
    scores = ", ".join(f"{score:.2f}" for score in found.scores)
    alone = "" if recipe.propagator or episode.task.video.length == 1 else "; no propagator is named, so on no other"
    return f"{len(found.scores)} object(s) on frame {found.frame}, score {scores}; seen on {shown} frame(s){alone}"

"""limner score: predictions held against a dataset's truth, as its papers do."""

import argparse
from pathlib import Path

from rich.table import Table

from framework.commands import console, counted, progress, takes_out
from framework.errors import UserError
from framework.files import writable
from framework.registry import find
from framework.scoring import Job, Scores, export, score
from framework.vision.protocols import PROTOCOLS

HEADS = {
    "j_and_f": "J&F",
    "j": "J",
    "f": "F",
    "a": "A",
    "r": "R",
    "t_iou": "tIoU",
    "v_iou": "vIoU",
    "g_iou": "gIoU",
    "c_iou": "cIoU",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "predictions", metavar="PREDICTIONS", type=Path, help="a folder of PNGs or a predictions.parquet"
    )
    parser.add_argument("--dataset", metavar="NAME", required=True, help="as limner data prepare has it")
    parser.add_argument("--root", metavar="DIR", type=Path, required=True, help="where that was prepared")
    parser.add_argument("--split", metavar="NAME", help="the one that papers report if not said")
    parser.add_argument("--protocol", metavar="NAME", help=f"the dataset's own if not said; {', '.join(PROTOCOLS)}")
    parser.add_argument("--compat", action="store_true", help="with the quirks of the published script")
    parser.add_argument("--processes", metavar="N", type=counted, help="all cores if not said")
    parser.add_argument("--export", metavar="DIR", type=Path, help="score nothing: write PNGs as servers take them")
    takes_out(parser, "PREDICTIONS' folder")


def run(said: argparse.Namespace) -> int:
    protocol = find(PROTOCOLS, said.protocol or said.dataset, "protocol")
    if said.compat and not protocol.quirks:
        raise UserError(f"--compat: {protocol.name} is scored as it was published; leave it out")
    folder = said.root.expanduser() / said.dataset / (said.split or protocol.split)
    if not folder.is_dir():
        there = ", ".join(sorted(path.name for path in folder.parent.iterdir())) if folder.parent.is_dir() else "none"
        raise UserError(f"{folder}: is not prepared (splits there: {there}); limner data prepare makes it")
    screen = console()
    if said.export:
        writable(said.export)
        with progress("scoring") as tell:
            expressions, lacking = export(said.predictions, folder, said.export, tell)
        without = f"; {lacking:,} of them lack predictions and are empty there" if lacking else ""
        screen.print(f"{expressions:,} expressions in {said.export / 'Annotations'}{without}", soft_wrap=True)
        return 0
    out: Path = said.out or (said.predictions if said.predictions.is_dir() else said.predictions.parent)
    job = Job(folder, said.predictions, protocol(compat=said.compat))
    with progress("scoring") as tell:
        scores = score(job, said.processes, tell)
    scores.write(out)
    screen.print(f"{said.predictions} on {said.dataset}, {folder.name}, as {protocol.name}", soft_wrap=True)
    screen.print("", table(scores))
    for line in notes(scores):
        screen.print(line, soft_wrap=True)
    screen.print(f"\nscores  {out / 'scores.json'}, {out / 'scores.csv'}", soft_wrap=True)
    return 0


def table(scores: Scores) -> Table:
    """In percent, as papers print it."""
    columns = scores.job.protocol.columns
    shown = Table("", *(HEADS[name] for name in columns), "expressions", "missing", box=None, header_style="dim")
    for line in scores.lines:
        values = [f"{100 * line.values[name]:.1f}" if name in line.values else "–" for name in columns]
        style = "bold" if line.name == "overall" else ""
        shown.add_row(line.name, *values, f"{line.n:,}", f"{line.missing:,}" if line.missing else "", style=style)
    return shown


def notes(scores: Scores) -> list[str]:
    """What is to be known beside the table."""
    protocol = scores.job.protocol
    found = [f"\nas its script has it: {protocol.quirks}"] if protocol.compat else []
    if scores.missing_frames:
        found.append(f"\n{scores.missing_frames:,} frames of predicted expressions have no mask and score 0")
    return found

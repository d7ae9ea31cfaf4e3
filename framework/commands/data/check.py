"""limner data check: prepared data, or a file of VTS-CoT, looked through. Exit code 1 if anything is wrong with it."""

import argparse
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from rich.table import Table

from framework.commands import console, progress
from framework.data.inspection import KINDS, Finding, Inspection, estimated, folders, inspect
from framework.data.vts_cot import faults, trajectory
from framework.errors import UserError

FEW = 3
"""Findings of a kind that are shown, unless all are asked for."""
BINS = (8, 16, 32, 64, 128, 256)
"""Tokens up to which a bar counts; the last bar counts what is longer."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", metavar="DIR", type=Path, help="what was prepared, a folder of such folders, or a VTS-CoT json"
    )
    parser.add_argument("--quick", action="store_true", help="look at three frames of each video, not at all of them")
    parser.add_argument(
        "--tokenizer", metavar="FILE", type=Path, help="a tokenizer.json; lengths are estimated if not said"
    )
    parser.add_argument("--all", action="store_true", help=f"show all that is found, not {FEW} of each kind")
    parser.add_argument("--json", action="store_true", help="all that is found, for programs")


def run(said: argparse.Namespace) -> int:
    if said.folder.is_file():
        return checked_cot(said.folder, said.json, None if said.all else FEW)
    tokens = counting(said.tokenizer)
    found = [inspected(folder, tokens, said.quick) for folder in folders(said.folder)]
    if said.json:
        print(json.dumps([as_json(each) for each in found], indent=2, ensure_ascii=False))
    else:
        screen = console()
        for each in found:
            screen.print(*told(each, None if said.all else FEW), sep="\n", soft_wrap=True)
            screen.print(lengths(each.lengths, "estimated" if said.tokenizer is None else said.tokenizer.name))
    return 1 if any(each.findings for each in found) else 0


def checked_cot(path: Path, as_data: bool, few: int | None) -> int:
    """Demonstrations, found sound or not."""
    there = trajectory.read(path)
    findings = faults.found(there)
    if as_data:
        print(json.dumps([asdict(each) for each in findings], indent=2, ensure_ascii=False))
    else:
        lines = [f"{path}: {len(there):,} demonstrations", *listed(findings, faults.KINDS, few)]
        console().print(*lines, *([] if findings else ["  ✓ nothing is wrong with them"]), sep="\n", soft_wrap=True)
    return 1 if findings else 0


def inspected(folder: Path, tokens: Callable[[str], int], quick: bool) -> Inspection:
    with progress(str(folder)) as tell:
        return inspect(folder, tokens, quick, tell)


def counting(path: Path | None) -> Callable[[str], int]:
    """How tokens are counted."""
    if path is None:
        return estimated
    import tokenizers

    if not path.is_file():
        raise UserError(f"{path}: there is no such file; give the tokenizer.json of a model")
    tokenizer = cast(Any, tokenizers.Tokenizer).from_file(str(path))
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def told(found: Inspection, few: int | None) -> list[str]:
    """What is wrong, kind by kind."""
    lines = [f"{found.folder}: {found.videos:,} videos, {found.expressions:,} expressions, {found.objects:,} objects"]
    lines += listed(found.findings, KINDS, few)
    return lines if found.findings else [*lines, "  ✓ nothing is wrong with it"]


def listed(findings: Sequence[Finding], kinds: Mapping[str, str], few: int | None) -> list[str]:
    """Findings kind by kind, the first few of each."""
    lines: list[str] = []
    for kind, about in kinds.items():
        of_kind = [each for each in findings if each.kind == kind]
        if of_kind:
            lines.append(f"  ✗ {len(of_kind):,} × {kind}: {about}")
        lines += [f"      {each.where}: {each.what}" for each in of_kind[:few]]
        if few is not None and len(of_kind) > few:
            lines.append(f"      … {len(of_kind) - few:,} more; --all shows them")
    return lines


def lengths(counts: Counter[int], how: str) -> Table:
    """How long the questions are."""
    bars = histogram(counts)
    most = max(bars.values(), default=0)
    table = Table(f"tokens, {how}", "expressions", "", box=None, header_style="dim")
    for name, count in bars.items():
        table.add_row(name, f"{count:,}", "█" * -(-40 * count // most) if most else "")
    return table


def histogram(counts: Counter[int]) -> dict[str, int]:
    """Bars from the shortest to the longest that there is.

    >>> histogram(Counter({3: 2, 9: 1, 20: 1}))
    {'1–8': 2, '9–16': 1, '17–32': 1}
    """
    longest = max(counts, default=0)
    bars: dict[str, int] = {}
    least = 1
    for most in BINS:
        bars[f"{least}–{most}"] = sum(count for length, count in counts.items() if least <= max(length, 1) <= most)
        least = most + 1
        if longest <= most:
            return bars
    return {**bars, f"over {BINS[-1]}": sum(count for length, count in counts.items() if length > BINS[-1])}


def as_json(found: Inspection) -> dict[str, object]:
    return {
        "folder": str(found.folder),
        "videos": found.videos,
        "expressions": found.expressions,
        "objects": found.objects,
        "counts": {kind: len(found.of(kind)) for kind in KINDS},
        "findings": [asdict(each) for each in found.findings],
        "tokens": histogram(found.lengths),
    }

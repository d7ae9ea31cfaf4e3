"""Which rank gets which episodes of a batch: whole groups, as evenly as these allow.

    groups  a a a b b b c c c d d d     work 3 each of a, 2 of b and c, 1 of d     2 ranks ─▶ a d | b c

Episodes of a group draw on the same video, so the rank that has them all looks at each frame once for all of them.
"""

from collections.abc import Sequence


def dealt(groups: Sequence[str], work: Sequence[int], ranks: int) -> list[list[int]]:
    """The rows of each rank, equally many, those of a group side by side. A group that fits nowhere whole is split.

    The heaviest group comes first, and goes to whoever has least to do.
    """
    rows: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        rows.setdefault(group, []).append(row)
    share, hands, load = len(groups) // ranks, [list[int]() for _ in range(ranks)], [0] * ranks
    for several in sorted(rows.values(), key=lambda each: (-len(each), -sum(work[row] for row in each))):
        left = several
        while left:
            room = [share - len(hand) for hand in hands]
            fits = [rank for rank in range(ranks) if room[rank] >= len(left)]
            rank = min(fits, key=load.__getitem__) if fits else max(range(ranks), key=room.__getitem__)
            taken, left = left[: room[rank]], left[room[rank] :]
            hands[rank] += taken
            load[rank] += sum(work[row] for row in taken)
    return [sorted(hand, key=lambda row: (rows[groups[row]][0], row)) for hand in hands]

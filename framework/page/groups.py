"""Groups as training learned from them: the episodes of one task beside each other, with their advantages."""

from collections import defaultdict

from framework.page.stored import Section, Stored


def groups(run: Stored) -> Section | None:
    """By step, as they were kept; the best episode of a group first."""
    kept: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, entry in enumerate(run.entries):
        kept[entry.stage, entry.group].append(place)
    learned = [
        {"stage": stage, "episodes": sorted(places, key=lambda place: -(run.entries[place].advantage or 0.0))}
        for (stage, _), places in kept.items()
        if any(run.entries[place].advantage is not None for place in places)
    ]
    return {"draw": "groups", "title": "Groups", "groups": learned} if learned else None

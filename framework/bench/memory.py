"""How much memory the first half of `limner dry` takes: it should grow with the frames seen, not with episodes.

1,000 tasks × 1 episode      a process of its own ─▶ peak
1,000 tasks × 8 episodes     a process of its own ─▶ peak, a few kB more an episode: words and references
"""

import json
import resource
import subprocess
import sys
from collections.abc import Sequence

from framework.bench.race import Row
from framework.commands import dry
from framework.recipe import find_recipe

LOOK = "env.overview={frames: 6, max_pixels: 12544, min_pixels: 12544}"
"""Pictures large enough to be noticed, if episodes held them: a quarter of a MiB an episode."""


def growth(tasks: int = 1000, groups: Sequence[int] = (1, 8)) -> Row:
    """The pictures of an episode are counted as if nobody else saw the same."""
    return {"what": f"dry on {tasks} tasks", "runs": [_apart(tasks, group) for group in groups]}


def _apart(tasks: int, group: int) -> Row:
    command = (sys.executable, "-m", __name__, str(tasks), str(group))
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def main(tasks: int, group: int) -> Row:
    from framework.vision.frames import STORE

    recipe = find_recipe("quickstart", [LOOK, f"algorithm.group={group}"])
    before = STORE.decoded
    episodes = dry.played(recipe, dry.drawn(recipe, tasks * group).tasks, "hasty", tasks * group)
    recipe.rubric.score(episodes)
    shown = [picture.size for each in episodes for turn in each.turns for picture in turn.seen.pictures]
    return {
        "group": group,
        "episodes": len(episodes),
        "decoded": STORE.decoded - before,
        "pictures_mib": round(sum(3 * width * height for width, height in shown) / 2**20),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10),
    }


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:]))))

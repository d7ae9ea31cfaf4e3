"""A player who thinks in the four steps of VideoSEG-O3's demonstrations, and looks before it answers, once or twice.

    <think>Step 1: it is seen from frame 2 to frame 4. Step 2: where it is cannot be told yet. Step 3: asked for is
    the red circle. Action: look closer.</think> <select>…

Step 1 is about time, step 2 about place, step 3 about the words of the question; the action says what follows of them.
One who is `exact` says its box in step 2, in numbers: where it is on the keyframe is then in words, which any sampled
reply may say better or worse, and not in the hidden state of [SEG] alone.

What it says is true. Given PHRASES as `reasoner.extra_tokens`, the lab's reasoner says each of them in one token.
"""

import zlib
from collections.abc import Sequence

import numpy as np

from framework.env import Rules
from framework.player import Doing
from framework.policy import Policy
from framework.types import Answer, Observation, Past, Reply, Role, Select, Task, Zoom
from framework.vision.boxes import Interval

AT_ONCE = 1 / 8
"""How often one who is exact answers after a wider look."""
HEADINGS = ("Step 1", "Step 2", "Step 3", "Action")

FROM, TO = "Step 1: it is seen from frame ", " to frame "
NEVER = "Step 1: it is not seen"
UNSEEN = ". Step 2: where it is cannot be told yet"
PLACED = {
    (side, level): f". Step 2: it is at the {level} {side}"
    for level in ("upper", "lower")
    for side in ("left", "right")
}
WITHIN = ". Step 2: it is in ["
ASKED = ". Step 3: asked for is"
CLOSER, DONE = ". Action: look closer.", ". Action: answer."
PHRASES = (FROM, TO, NEVER, UNSEEN, *PLACED.values(), WITHIN, ASKED, CLOSER, DONE)
"""All that it says in its thoughts, but for numbers and the words of the question."""


def stepwise(task: Task, rules: Rules, seed: int, exact: bool = False) -> Policy:
    """Plays as an expert who thinks in four steps, and half the time looks at a wider stretch first, if it may."""
    rules = rules.game(task)
    expert = rules.expert(task)
    if not isinstance(expert, Doing):
        return expert
    lots = np.random.default_rng([seed, zlib.crc32(task.id.encode())])
    actions: Sequence[Select | Zoom | Answer] = expert.actions
    looks, room = isinstance(actions[0], Select), len(actions) < rules.max_turns
    if looks and exact and lots.random() < AT_ONCE:
        actions = [wider(task, actions[0], lots), actions[-1]]
    elif looks and room and lots.random() < 0.5:
        actions = [wider(task, actions[0], lots), *actions]
    return Stepwise(rules, task, actions, exact)


def exact(task: Task, rules: Rules, seed: int) -> Policy:
    """Plays as `stepwise`, and says in numbers where it is; sometimes it answers after a wider look alone.

    So those who imitate it also learn how one answers who has not seen what was asked for.
    """
    return stepwise(task, rules, seed, exact=True)


def wider(task: Task, look: Select | Zoom | Answer, lots: np.random.Generator) -> Select:
    """A first look, at more of the clip around what is meant, its keyframe anywhere in that."""
    assert isinstance(look, Select)
    more, last = max(task.video.length // 4, 1), task.video.length - 1
    start, end = max(int(look.interval.start) - more, 0), min(int(look.interval.end) + more, last)
    return Select(Interval(start, end), int(lots.integers(start, end + 1)))


class Stepwise:
    def __init__(self, rules: Rules, task: Task, actions: Sequence[Select | Zoom | Answer], exact: bool) -> None:
        self.rules, self.task, self.actions, self.exact = rules, task, actions, exact
        self.does = Doing(rules, task, *actions)

    async def act(self, past: Past, seen: Observation) -> Reply:
        action = self.actions[min(len(past), len(self.actions) - 1)]
        said = await self.does.act(past, seen)
        return Reply(f"<think>{self.thought(seen, action)}</think> {said.text}")

    def thought(self, seen: Observation, action: Select | Zoom | Answer) -> str:
        there = [frame for frame, is_there in enumerate(self.task.truth.present) if is_there]
        when = f"{FROM}{there[0]}{TO}{there[-1]}" if there else NEVER
        asked = self.task.question.strip().removeprefix("Find").removesuffix(".").strip()
        return f"{when}{self.place(seen)}{ASKED} {asked}{DONE if isinstance(action, Answer) else CLOSER}"

    def place(self, seen: Observation) -> str:
        """Where it is on the frame that is shown large, if one is and it is there."""
        large = [each.frame for each in seen.pictures if each.role in (Role.KEYFRAME, Role.CROP, Role.TARGET)]
        boxes = self.task.truth.boxes.get(large[-1], ()) if large else ()
        if not boxes:
            return UNSEEN
        if self.exact:
            space = self.rules.place(self.task, seen.pictures)(large[-1])
            assert space is not None, f"frame {large[-1]} was shown and has no place"
            return f"{WITHIN}{', '.join(str(round(each)) for each in boxes[0].to(space).corners)}]"
        centre, (wide, high) = boxes[0].centre, boxes[0].space.units
        return PLACED["left" if centre.x < wide / 2 else "right", "upper" if centre.y < high / 2 else "lower"]

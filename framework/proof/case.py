"""One task as its expert plays it, and the same played by others: who are wrong, who guess, who word it otherwise.

    task ─▶ expert ─▶ Case: its actions ─▶ known("guess", Belief(place=whole)) ─▶ done ─▶ an episode

What others do, they say through the rules, so that it is read as a model's reply would be.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from framework.env import Rules, knowing
from framework.errors import NoExpert, UserError
from framework.player import Doing
from framework.policy import Policy
from framework.proof.hand import Hand, drawn
from framework.proof.wording import Worded
from framework.rollout import play
from framework.types import Answer, Episode, Item, Malformed, Select, Stop, Task, Zoom
from framework.vision import masks
from framework.vision.boxes import Box, Interval, Point

Act = Select | Zoom | Answer
Rest = Literal["right", "wrong", "guess"]
"""What a player knows apart from its belief. One who guesses guesses when to look, and is wrong about where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """What a player holds to be true of its task; what is None is left open."""

    keyframe: int | None = None
    interval: Interval | None = None
    place: Callable[[int], Box] | None = None
    """Of the target on a frame."""
    words: str | None = None


NONE = Belief()


@dataclass(frozen=True)
class Case:
    task: Task
    rules: Rules
    wording: str
    """What is said around an action."""
    gold: Episode
    """As the expert plays it."""

    @classmethod
    def of(cls, task: Task, rules: Rules, wording: str) -> "Case":
        """The expert's own play, which must be accepted; NoExpert where it says that nothing is there."""
        rules = rules.game(task)
        gold = _play(task, rules, Worded(knowing(rules, task), wording))
        if gold.stop is not Stop.ANSWERED:
            said = gold.turns[-1].said if gold.turns else None
            reason = said.parsed.reason if said and isinstance(said.parsed, Malformed) else gold.error or gold.stop
            reply = f" ({said.text[:200]!r})" if said else ""
            raise UserError(f"certify.gold: task {task.id}: the expert's reply is not accepted: {reason}{reply}")
        if [turn.said.parsed for turn in gold.turns] == [Answer()] and not rules.grammar.draws:
            raise NoExpert(f"task {task.id}: its answer is that nothing is there, and nobody can cheat about where")
        return cls(task, rules, wording, gold)

    # ---- what there is to cheat about --------------------------------------------------------------------------------

    @property
    def actions(self) -> tuple[Act, ...]:
        """The expert's."""
        return tuple(turn.said.parsed for turn in self.gold.turns if not isinstance(turn.said.parsed, Malformed))

    @property
    def answer(self) -> Answer:
        return self.gold.answer or Answer()

    @property
    def speaks(self) -> bool:
        """It is answered in words."""
        return bool(self.answer.text)

    @property
    def points(self) -> bool:
        """It is answered by places."""
        return bool(self.answer.items)

    @property
    def times(self) -> bool:
        """It is said when the target is seen."""
        return self.rules.grammar.intervals and any(isinstance(act, Select) or _timed(act) for act in self.actions)

    @property
    def draws(self) -> bool:
        """There are masks that a turn may draw."""
        return bool(self.task.truth.masks)

    # ---- who says what -----------------------------------------------------------------------------------------------

    def said(self, *actions: Act) -> "Worded":
        return Worded(Doing(self.rules, self.task, *actions), self.wording)

    def done(self, actions: Sequence[Act], *hands: Hand) -> Episode:
        """These actions, said as the rules want them."""
        return self.played(self.said(*actions), hands)

    def played(self, policy: Policy, hands: Sequence[Hand] = ()) -> Episode:
        """The episode, and what each turn drew; the last hand draws on."""
        episode = _play(self.task, self.rules, policy)
        if not hands or not self.draws:
            return episode
        true, keyframe = self.task.truth.masks, self.keyframe
        by_hand = {hand: drawn(true, hand, keyframe) for hand in dict.fromkeys(hands)}
        turns = [
            turn if turn.drawn else replace(turn, drawn=by_hand[hands[min(number, len(hands) - 1)]])
            for number, turn in enumerate(episode.turns)
        ]
        return replace(episode, turns=tuple(turns))

    def known(self, rest: Rest, belief: Belief = NONE) -> tuple[Act, ...]:
        """The expert's actions, as one would act who holds `belief` to be true and is right, wrong or guesses about
        everything that it leaves open."""
        if rest != "right":
            wrong = rest == "wrong"
            keyframe = self.elsewhen if wrong else self._frames[len(self._frames) // 2]
            belief = Belief(
                keyframe=keyframe if belief.keyframe is None else belief.keyframe,
                interval=belief.interval or (self.other_time() if wrong else self._middle_time()),
                place=belief.place or self.other_place,
                words="nothing of the kind" if belief.words is None else belief.words,
            )
        return tuple(self._changed(action, belief) for action in self.actions)

    def _changed(self, action: Act, belief: Belief) -> Act:
        keyframe, place = belief.keyframe, belief.place
        match action:
            case Select():
                return Select(belief.interval or action.interval, action.keyframe if keyframe is None else keyframe)
            case Zoom():
                frame = action.frame if keyframe is None else keyframe
                return Zoom(frame, place(frame)) if place else action
            case Answer():
                named = action.keyframe if keyframe is None or action.keyframe is None else keyframe
                return Answer(
                    text=belief.words if belief.words is not None and action.text else action.text,
                    items=(self._item(action.items[0], named, place),) if action.items and place else action.items,
                    interval=belief.interval if belief.interval and action.interval else action.interval,
                    keyframe=named,
                )

    def _item(self, item: Item, named: int | None, place: Callable[[int], Box]) -> Item:
        said = item.box or item.point
        box = place(said.space.frame if named is None and said else named or 0)
        return Item(box=box if item.box else None, point=box.centre if item.point else None)

    def with_negatives(self) -> tuple[Act, ...]:
        """The expert's actions, with a point beside each object: where it is widest, just left or right of it."""
        *looks, answer = self.actions
        items = [replace(item, negatives=self._beside(item.box)) if item.box else item for item in self.answer.items]
        return (*looks, replace(answer, items=tuple(items)) if isinstance(answer, Answer) else answer)

    def _beside(self, box: Box) -> tuple[Point, ...]:
        frame = box.space.frame
        if (mask := self.task.truth.masks.get(frame)) is None:
            return ()
        there = masks.decode(mask)
        height, width = there.shape
        rows, columns = np.nonzero(there)
        step = max(1.5, width / 50)  # what is said is rounded: neither onto the object nor out of the picture
        edges = [(int(columns.argmin()), -step), (int(columns.argmax()), 1 + step)]
        spots = [(float(columns[at]) + off, min(float(rows[at]) + 0.5, height - step)) for at, off in edges]
        space = self.task.video.space(frame)
        counted = space.counted_in(width, height)
        inside = [Point(x, y, counted).to(space) for x, y in spots if 0 <= x < width]
        return tuple(inside[:1])

    # ---- the world ---------------------------------------------------------------------------------------------------

    @cached_property
    def _frames(self) -> list[int]:
        """Those on which a keyframe may be named: all, if one may select, else what is shown at once."""
        if any(isinstance(action, Select) for action in self.actions):
            return list(range(self.task.video.length))
        return sorted({picture.frame for picture in self.gold.turns[0].seen.pictures}) or [0]

    @property
    def keyframe(self) -> int:
        """The one that the expert named, or the first with the target."""
        named = [action.keyframe for action in self.actions if not isinstance(action, Zoom)]
        known = [each for each in named if each is not None]
        there = self.task.truth.boxes.keys() | self.task.truth.masks.keys()
        return known[-1] if known else min(there, default=0)

    @property
    def elsewhen(self) -> int:
        """A frame on which the target is not; the first, if it is everywhere."""
        there = self.task.truth.boxes.keys() | self.task.truth.masks.keys()
        return next((frame for frame in self._frames if frame not in there), self._frames[0])

    def other_time(self) -> Interval:
        """The longer stretch of the clip beside the true one; the first frame, if there is none."""
        true, last = self.task.truth.interval, self.task.video.length - 1
        if true is None:
            return Interval(0, 0)
        frames = true.in_frames(self.task.video.fps)
        longer = max(Interval(0, frames.start - 1), Interval(frames.end + 1, last), key=lambda each: each.length)
        return longer if longer.length else Interval(0, 0)

    def _middle_time(self) -> Interval:
        length = self.task.video.length
        return Interval(length // 3, max(2 * length // 3 - 1, length // 3))

    def other_place(self, frame: int) -> Box:
        """A small box in the corner that holds least of the target."""
        space = self.task.video.space(frame)
        wide, high = (side / 8 for side in space.units)
        corners = [(x, y) for x in (0.0, space.units[0] - wide) for y in (0.0, space.units[1] - high)]
        boxes = [Box(x, y, x + wide, y + high, space) for x, y in corners]
        true = self.task.truth.boxes.get(frame, ())
        return min(boxes, key=lambda box: max((each.to(space).iou(box) for each in true), default=0.0))

    def whole(self, frame: int) -> Box:
        return self.task.video.space(frame).whole()

    def nothing(self, frame: int) -> Box:
        return Box(0.0, 0.0, 0.0, 0.0, self.task.video.space(frame))


def _timed(act: Act) -> bool:
    return isinstance(act, Answer) and act.interval is not None


def _play(task: Task, rules: Rules, policy: Policy) -> Episode:
    """As asyncio.run does, which for the sake of Ctrl-C takes longer than most of these games."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(play(task, rules, policy))
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

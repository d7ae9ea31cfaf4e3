"""See a part of a frame larger: around any other game, or alone on an image.

    inner game ─▶ its pictures ─▶ <zoom> frame 3, box ─▶ that part, enlarged ─▶ <zoom> in it … or the inner game goes on

Boxes are said on the picture of that frame that was shown last, so a zoom within a zoom composes.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import model_validator

from envs.keyframes import captioned, filled, largest
from envs.single_turn import SingleTurn
from framework.chat.grammar import Grammar
from framework.config import Fault, SerializeAsAny, chosen
from framework.env import Env, Rules, unheard
from framework.player import Doing
from framework.policy import Policy
from framework.types import Action, Answer, Observation, Picture, Role, Task, Zoom
from framework.vision.boxes import Box
from framework.vision.plan import Look

OUTER = ("system", "max_turns", "on_malformed", "force_answer", "deadline_s")
"""What is said for both games."""


THINNEST = 50
"""A crop is no more than so many times as long as it is wide: reasoners refuse what is longer by far."""


class Zooming(Rules):
    """Lets the policy zoom between the moves of an inner game, whose grammar it extends."""

    inner: Annotated[SerializeAsAny[Rules], chosen("env")] = SingleTurn()
    """The game around which one may zoom."""
    crop: Look = Look(frames=1, max_pixels=200_704, min_pixels=50_176)
    """How a crop is shown."""
    smallest: int = 4
    """A crop is widened to at least this many original pixels on a side."""
    again: str = ""
    """What follows every crop, with {question} and the number of {frames} filled in."""

    @model_validator(mode="after")
    def _speaks_the_inner_grammar(self) -> "Zooming":
        extended = self._extended(self.inner)
        if unheard(self, grammar=extended):
            raise Fault(("grammar",), "is the inner game's, and the zoom; say it in env.inner.grammar")
        if name := unheard(self.inner, **{name: getattr(self, name) for name in OUTER}):
            raise Fault(("inner", name), f"is never heard; env.{name} is what counts: say it there")
        return self._derive(grammar=extended)

    @staticmethod
    def _extended(inner: Rules) -> Grammar:
        actions = ("zoom", *(action for action in inner.grammar.actions if action != "zoom"))
        return inner.grammar.model_copy(update={"actions": actions})

    def game(self, task: Task) -> "Zooming":
        inner = self.inner.game(task)
        if inner is self.inner:
            return self
        return self.model_copy(update={"inner": inner, "grammar": self._extended(inner)})

    def make(self, task: Task) -> "ZoomingGame":
        return ZoomingGame(self, task, self.inner_rules().make(task))

    def inner_rules(self) -> Rules:
        """The inner game sees as this one does."""
        return self.inner.model_copy(update={"sight": self.sight})

    def expert(self, task: Task) -> Policy:
        """Does as the inner expert does, but zooms on the largest target before the last reply, if there is time."""
        inner, boxes = self.inner_rules().expert(task), task.truth.boxes
        if not isinstance(inner, Doing) or not boxes or len(inner.actions) >= self.max_turns:
            return inner
        *looks, answer = inner.actions
        named = answer.keyframe if isinstance(answer, Answer) and self.sight.coordinates == "pixels" else None
        frame = largest(boxes) if named is None or named not in boxes else named  # what is named is surely shown
        return Doing(self.game(task), task, *looks, Zoom(frame, around(boxes[frame])), answer)

    def picture(self, task: Task, zoom: Zoom) -> Picture:
        """The crop a zoom asks for."""
        box = zoom.box.to(task.video.space(zoom.frame))
        part = grown(box, max(self.smallest, max(box.x1 - box.x0, box.y1 - box.y0) // THINNEST))
        return self.crop.picture(task.video, zoom.frame, Role.CROP, self.sight.unit, part)


class ZoomingGame:
    def __init__(self, rules: Zooming, task: Task, inner: Env) -> None:
        self.rules, self.task, self.inner = rules, task, inner

    async def start(self) -> Observation:
        return await self.inner.start()

    async def step(self, action: Action) -> Observation:
        if not isinstance(action.parsed, Zoom):
            return await self.inner.step(action)
        closing = filled(self.rules.again, self.task)
        return Observation((*captioned(self.rules.picture(self.task, action.parsed)), *filter(None, [closing])))

    async def close(self) -> None:
        await self.inner.close()


def around(boxes: Sequence[Box]) -> Box:
    """The least box that holds these, with half its size about it, cut to the picture."""
    x0, y0 = min(box.x0 for box in boxes), min(box.y0 for box in boxes)
    x1, y1 = max(box.x1 for box in boxes), max(box.y1 for box in boxes)
    wide, high = (x1 - x0) / 2, (y1 - y0) / 2
    return Box(x0 - wide, y0 - high, x1 + wide, y1 + high, boxes[0].space).clamped()


def grown(box: Box, smallest: float) -> Box:
    """The box on whole pixels, widened about its centre to at least `smallest` a side, inside the picture."""
    width, height = box.space.units
    x0, x1 = _side(box.x0, box.x1, smallest, width)
    y0, y1 = _side(box.y0, box.y1, smallest, height)
    return Box(x0, y0, x1, y1, box.space)


def _side(low: float, high: float, smallest: float, limit: float) -> tuple[float, float]:
    low, high = float(int(low)), float(-int(-high // 1))
    lacking = max(min(smallest, limit) - (high - low), 0.0)
    low = min(max(low - lacking // 2, 0.0), limit - min(smallest, limit))
    return low, min(max(high, low + min(smallest, limit)), limit)

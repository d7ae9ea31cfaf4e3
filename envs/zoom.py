"""See a part of a frame larger: around any other game, or alone on an image.

    inner game ─▶ its pictures ─▶ <zoom> frame 3, box ─▶ that part of frame 3, enlarged ─▶ <zoom> in it … or the inner game goes on

Boxes are said on the picture of that frame that was shown last, so a zoom within a zoom composes.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import model_validator

from envs.keyframes import captioned
from envs.single_turn import SingleTurn
from framework.config import SerializeAsAny, chosen
from framework.env import Env, Rules
from framework.types import Action, Observation, Role, Task, Zoom
from framework.vision.boxes import Box
from framework.vision.plan import Look


class Zooming(Rules):
    """Lets the policy zoom between the moves of an inner game, whose grammar it extends."""

    inner: Annotated[SerializeAsAny[Rules], chosen("env")] = SingleTurn()
    """The game around which one may zoom."""
    crop: Look = Look(frames=1, max_pixels=200_704, min_pixels=50_176)
    """How a crop is shown."""
    smallest: int = 4
    """A crop is widened to at least this many original pixels on a side."""

    @model_validator(mode="after")
    def _speaks_the_inner_grammar(self) -> "Zooming":
        actions = ("zoom", *(action for action in self.inner.grammar.actions if action != "zoom"))
        return self._with(grammar=self.inner.grammar.model_copy(update={"actions": actions}))

    def make(self, task: Task) -> "ZoomingGame":
        return ZoomingGame(self, task, self.inner_rules().make(task))

    def inner_rules(self) -> Rules:
        """The inner game sees as this one does."""
        return self.inner.model_copy(update={"sight": self.sight})

    def expert(self, task: Task) -> Sequence[str]:
        """Zooms once on what the inner expert answers about, if it has a box, then does as the inner expert does."""
        replies = self.inner_rules().expert(task)
        boxes = task.truth.boxes
        if not boxes or len(replies) >= self.max_turns:
            return replies
        frame = max(boxes, key=lambda each: (sum(box.area for box in boxes[each]), -each))
        place = self.place(task, [self.crop.picture(task.video, frame, Role.DETAIL, self.sight.unit)])
        whole = task.video.space(frame).whole()
        return [*replies[:-1], self.grammar.write(Zoom(frame, whole), place), replies[-1]]


class ZoomingGame:
    def __init__(self, rules: Zooming, task: Task, inner: Env) -> None:
        self.rules, self.task, self.inner = rules, task, inner

    async def start(self) -> Observation:
        return await self.inner.start()

    async def step(self, action: Action) -> Observation:
        if not isinstance(action.parsed, Zoom):
            return await self.inner.step(action)
        zoom = action.parsed
        original = self.task.video.space(zoom.frame)
        crop = grown(zoom.box.to(original), self.rules.smallest)
        picture = self.rules.crop.picture(self.task.video, zoom.frame, Role.CROP, self.rules.sight.unit, crop)
        return Observation(captioned(picture))

    async def close(self) -> None:
        await self.inner.close()


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

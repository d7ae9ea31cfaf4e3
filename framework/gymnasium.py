"""limner's games as an env of Gymnasium: whoever trains on those can train on these.

    import gymnasium
    env = gymnasium.make("framework.gymnasium:limner/Recipe-v0", recipe="quickstart")
    seen, info = env.reset(seed=0)                           {"text": "Find the …<image>…", "pictures": (array, …)}
    seen, paid, terminated, truncated, info = env.step("<answer>…</answer>")

A step is a reply. What a recipe's rewards give is paid at the end, all of it; an episode that our machinery lost, or
could not score, ends truncated and is paid 0, and `info["error"]` says why: leave it out.
"""

import asyncio
import string
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar, cast

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from framework.errors import DataError
from framework.policy import Policy
from framework.recipe import Recipe, find_recipe
from framework.rollout import play
from framework.rows import sound
from framework.types import Broken, Episode, Observation, Past, Reply, Stop, Task
from framework.vision.frames import pixels

T = TypeVar("T")
Seen = dict[str, Any]
LONGEST = 20_000
"""Characters of an observation or a reply."""
LETTERS = string.printable + "…–×·’“”„°±≤≥→"
"""A space of texts must say which; others are shown as question marks."""
OVER = (Stop.ANSWERED, Stop.MALFORMED, Stop.LENGTH)
"""Ends of the game's own; others come from outside: turns, or our machinery."""


class Waiting(Policy):
    """Says what it is handed, when it is handed it."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.asked: asyncio.Future[Observation] = loop.create_future()
        self.told: asyncio.Future[str] = loop.create_future()

    async def act(self, past: Past, seen: Observation) -> Reply:
        self.asked.set_result(seen)
        text = await self.told
        self.told = asyncio.get_running_loop().create_future()
        return Reply(text)

    def tell(self, text: str) -> None:
        self.asked = asyncio.get_running_loop().create_future()
        self.told.set_result(text)


class Game(gymnasium.Env[Seen, str]):
    """One recipe's game: its tasks, its rules, its rewards."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 4}  # noqa: RUF012  Gymnasium's own word, and no setting of ours

    def __init__(
        self,
        recipe: str | Recipe = "quickstart",
        changes: Sequence[str] = (),
        size: tuple[int, int] = (224, 224),
        split: str = "train",
        render_mode: str | None = None,
    ) -> None:
        """Every picture is shown `size` large, width and height, since a space has but one."""
        self.recipe = find_recipe(recipe, changes) if isinstance(recipe, str) else recipe
        self.source = self.recipe.data.train if split == "train" else self.recipe.data.eval
        self.size, self.render_mode = size, render_mode
        picture = spaces.Box(0, 255, (size[1], size[0], 3), np.uint8)
        text = spaces.Text(LONGEST, min_length=0, charset=LETTERS)
        self.observation_space = spaces.Dict({"text": text, "pictures": spaces.Sequence(picture)})
        self.action_space = spaces.Text(LONGEST, min_length=0, charset=LETTERS)
        self.loop, self.thread = asyncio.new_event_loop(), ThreadPoolExecutor(1)
        self.playing: asyncio.Task[Episode] | None = None
        self.policy: Waiting | None = None
        self.newest: NDArray[np.uint8] = np.zeros((size[1], size[0], 3), np.uint8)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Seen, dict[str, Any]]:
        """The next game by lot, or task number options["task"]."""
        super().reset(seed=seed)
        self._abandon()
        task = self._task((options or {}).get("task"))
        return self._wait(self._begun(task)), {"task": task.id}

    def _task(self, number: int | None) -> Task:
        """This one, or one by lot; where the recipe skips faulty rows, the next that is not."""
        if number is not None:
            return self.source.task(int(number))
        drawn, size = int(self.np_random.integers(self.source.size())), self.source.size()
        if self.recipe.data.faulty == "stop":
            return sound(self.source, drawn)
        for row in range(drawn, drawn + size):
            with suppress(DataError):
                return sound(self.source, row % size)
        raise DataError("none of its rows can be played; see them with: limner data check")

    def step(self, action: str) -> tuple[Seen, float, bool, bool, dict[str, Any]]:
        assert self.playing is not None, "reset comes before step"
        return self._wait(self._stepped(action, self.playing))

    def render(self) -> NDArray[np.uint8]:
        """The newest picture."""
        return self.newest.copy()

    def close(self) -> None:
        self._abandon()
        self.thread.shutdown()
        self.loop.close()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Played in a thread of its own: that of a notebook runs a loop already."""
        return self.thread.submit(self.loop.run_until_complete, work).result()

    async def _begun(self, task: Any) -> Seen:
        self.policy = Waiting()
        self.playing = asyncio.get_running_loop().create_task(play(task, self.recipe.env, self.policy))
        await self._until_asked(self.playing)
        return self._shown()

    async def _stepped(
        self, action: str, playing: "asyncio.Task[Episode]"
    ) -> tuple[Seen, float, bool, bool, dict[str, Any]]:
        assert self.policy is not None
        if not playing.done():
            self.policy.tell(str(action))
            await self._until_asked(playing)
        if not playing.done():
            return self._shown(), 0.0, False, False, {}
        episode = playing.result()
        [earned] = self.recipe.rubric.score([episode])
        broken = next((each.reason for each in earned.failures.values() if isinstance(each, Broken)), "")
        lost = (broken or episode.error or "nothing was earned") if earned.total is None else ""
        over = episode.stop in OVER and not lost
        info = {"task": episode.task.id, "stop": str(episode.stop), "error": lost, "parts": dict(earned.parts)}
        return self._shown(), earned.total or 0.0, over, not over, info

    async def _until_asked(self, playing: "asyncio.Task[Episode]") -> None:
        assert self.policy is not None
        await asyncio.wait([playing, self.policy.asked], return_when=asyncio.FIRST_COMPLETED)

    def _shown(self) -> Seen:
        """What is asked now; nothing, once it is over."""
        asked = self.policy.asked if self.policy else None
        seen = asked.result() if asked and asked.done() else Observation(())
        shown = tuple(pixels(replace(picture, size=self.size)).copy() for picture in seen.pictures)
        if shown:
            self.newest = shown[-1]
        return {"text": "".join(each if each in LETTERS else "?" for each in seen.text[:LONGEST]), "pictures": shown}

    def _abandon(self) -> None:
        """Whatever is played still."""
        if self.playing is not None and not self.playing.done():
            self._wait(self._ended(self.playing))
        self.playing = None

    async def _ended(self, playing: "asyncio.Task[Episode]") -> None:
        playing.cancel()
        await asyncio.wait([playing])


cast(Any, gymnasium).register("limner/Recipe-v0", entry_point="framework.gymnasium:Game")

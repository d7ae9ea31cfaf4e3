"""A world of Gymnasium's, open: one of its envs from one seed, and what is seen of it.

    Truth.world: {"id": "CartPole-v1", "arguments": {}, "seed": 17} ─▶ World ─▶ opening() ─▶ step(1) ─▶ step(0) …

Envs whose observations are images show those; of all others the rendered picture is seen.
"""

import json
from typing import TYPE_CHECKING, Any
from weakref import finalize

import numpy as np

from framework.errors import DataError, UserError
from framework.vision.footage import Pixels

if TYPE_CHECKING:
    from gymnasium import Env


class World:
    """One world, open: the env and its picture."""

    def __init__(self, told: str) -> None:
        """`told` is `Truth.world` of a task."""
        try:
            said = json.loads(told)
            self.id, self.seed, arguments = str(said["id"]), int(said["seed"]), dict(said["arguments"])
        except (ValueError, LookupError, TypeError):
            raise DataError(f"{told[:80]!r} is no world of Gymnasium; play data that says use: gymnasium") from None
        self.env: Env[Any, Any] = made(self.id, arguments)
        self._closed = finalize(self, self.env.close)
        self._closed.atexit = False

    def opening(self) -> Pixels:
        """Begin, and see."""
        return self.seen(self.env.reset(seed=self.seed)[0])

    def step(self, action: int) -> tuple[Pixels, float, bool]:
        """What is seen after an action, what that pays, and whether it was the last."""
        observation, paid, terminated, truncated, _ = self.env.step(action)
        return self.seen(observation), float(paid), bool(terminated or truncated)

    def seen(self, observation: Any) -> Pixels:
        picture = observation if shows_images(self.env) else self._rendered()
        image: Any = np.asarray(picture)
        if image.ndim == 2:
            image = image[..., None]
        if image.ndim != 3 or image.shape[2] not in (1, 3) or image.dtype != np.uint8:
            raise DataError(
                f"{self.id}: its picture is {image.dtype} of shape {image.shape}; it must be [H, W, 3] uint8"
            )
        return np.array(np.broadcast_to(image, (*image.shape[:2], 3)))

    def _rendered(self) -> Any:
        from gymnasium.error import DependencyNotInstalled

        try:
            return self.env.render()
        except DependencyNotInstalled as error:
            raise DataError(f"{self.id}: draws with a package that is not installed: {error}") from None

    def close(self) -> None:
        """At the latest when nobody holds it any more."""
        self._closed()


def made(name: str, arguments: dict[str, Any]) -> "Env[Any, Any]":
    """The env of this name, so that its picture can be had."""
    try:
        import gymnasium
    except ModuleNotFoundError:
        raise UserError(
            "data: use: gymnasium needs a package that is not installed; uv sync --extra gymnasium"
        ) from None
    from gymnasium.error import Error

    try:
        env = gymnasium.make(name, **arguments)
        if shows_images(env):
            return env
        env.close()
        rendered: dict[str, Any] = {"render_mode": "rgb_array", **arguments}
        return gymnasium.make(name, **rendered)
    except (Error, ImportError, TypeError) as error:  # TypeError: arguments that this env does not take
        raise DataError(f"{name}: {' '.join(str(error).split())[:300]}; mend data.….id or its arguments") from None


def shows_images(env: "Env[Any, Any]") -> bool:
    """Are its observations pictures?"""
    space = env.observation_space
    shape = space.shape or ()
    return space.dtype == np.uint8 and (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3)))

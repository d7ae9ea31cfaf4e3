"""Contracts: hand your env, reward or reasoner to these in one line of a test of your own.

episode = check_env(Keyframes(), task, '<select>…</select>', '<answer>…</answer>')
check_reward(Smoothness(), [episode])
check_reasoner(Qwen3VL(path="…/my-checkpoint"))
"""

import asyncio
import math
import pickle
from collections.abc import Sequence
from dataclasses import replace

from framework.config import layers, missing
from framework.cookbook import locate
from framework.env import Rules
from framework.policy import Scripted
from framework.reasoners.conformance import check_reasoner
from framework.reward import Reward
from framework.rollout import play
from framework.types import Episode, Failure, Malformed, Observation, Stop, Task

__all__ = ["check_env", "check_reasoner", "check_reward", "filled"]


def filled(recipe: str) -> list[str]:
    """Something for whatever is ??? in a recipe, as changes of it: enough to read it, not to run it."""
    return [f"{key}=given" for key in missing(layers(locate(recipe)))]


def check_env(rules: Rules, task: Task, *replies: str) -> Episode:
    """Play a script; hold the env to what every env promises. The episode comes back for claims of your own.

    Without replies the rules' own expert plays, and must get its answer accepted.
    """
    return asyncio.run(_checked_env(rules, task, replies))


async def _checked_env(rules: Rules, task: Task, replies: Sequence[str]) -> Episode:
    plain = {key: value for key, value in rules.model_dump(mode="json").items() if key != "use"}
    assert type(rules).model_validate(plain) == rules, "rules must survive a round trip through yaml"
    assert pickle.loads(pickle.dumps(rules)) == rules, "rules must survive the way to another process"
    first, again = await _opening(rules, task), await _opening(rules, task)
    assert first == again, f"the same task must open the same way; got {first.text!r} and {again.text!r}"
    assert not first.done, "an env lets the policy speak at least once"
    policy = Scripted(*replies) if replies else rules.expert(task)
    episode = await play(task, rules, policy)
    assert episode.stop is not Stop.ERROR, episode.error
    said = [turn.said.text for turn in episode.turns]
    assert episode == await play(task, rules, Scripted(*said)), "the same replies must lead to the same episode"
    assert len(episode.turns) <= rules.max_turns, f"{len(episode.turns)} turns, though max_turns is {rules.max_turns}"
    if not replies:
        assert episode.stop is Stop.ANSWERED, f"the expert ended as {episode.stop}: {said}"
    for number, turn in enumerate(episode.turns):
        _checked_observation(turn.seen, task, number)
    await _junk_is_survived(rules, task)
    return episode


async def _opening(rules: Rules, task: Task) -> Observation:
    game = rules.make(task)
    try:
        return await game.start()
    finally:
        await game.close()


def _checked_observation(seen: Observation, task: Task, number: int) -> None:
    assert seen.content, f"turn {number}: the policy is shown nothing"
    for picture in seen.pictures:
        assert 0 <= picture.frame < picture.video.length, f"turn {number}: frame {picture.frame} is not in the clip"
        assert picture.video != task.video or str(picture.frame) in seen.text, (
            f"turn {number}: frame {picture.frame} comes without its index in the text"
        )
        assert min(picture.size) > 0, f"turn {number}: a picture of size {picture.size}"


JUNK = (
    "",
    "…",
    "<answer>",
    "</answer><answer>",
    '<answer>{"bbox_2d": [1, NaN, 2, 3]}</answer>',
    "<zoom>[[[[</zoom>",
    "0" * 5000,
)


async def _junk_is_survived(rules: Rules, task: Task) -> None:
    for line in JUNK:
        episode = await play(task, rules, Scripted(line))
        assert episode.stop is not Stop.ERROR, f"the reply {line[:40]!r} broke the env: {episode.error}"


def check_reward(
    reward: Reward, episodes: Sequence[Episode], low: float = -math.inf, high: float = math.inf
) -> list[float | Failure]:
    """Hold a reward to what every reward promises, on these episodes; its values come back."""
    values = list(reward(episodes))
    assert len(values) == len(episodes), f"{len(values)} values for {len(episodes)} episodes"
    for episode, value in zip(episodes, values, strict=True):
        if isinstance(value, int | float):
            assert low <= value <= high, f"task {episode.task.id}: {value} is outside [{low}, {high}]"
    assert list(reward(episodes[::-1])) == values[::-1], "the order of episodes must not matter"
    assert list(reward([])) == [], "no episodes, no values"
    for value in reward([_junk(episode) for episode in episodes]):
        assert isinstance(value, Failure) or math.isfinite(value), f"an unreadable reply got {value}"
    return values


def _junk(episode: Episode) -> Episode:
    """The same episode, had its last reply been unreadable."""
    said = replace(episode.turns[-1].said, text="…", parsed=Malformed("junk"))
    return replace(episode, turns=(*episode.turns[:-1], replace(episode.turns[-1], said=said)), stop=Stop.MALFORMED)

"""What limner holds its own envs and rewards to, and what is to be true of mine. Run it with: pytest start"""

import asyncio
from pathlib import Path

from framework.policy import Scripted
from framework.recipe import find_recipe
from framework.rollout import play
from framework.testing import check_env, check_reward
from framework.types import Malformed

RECIPE = find_recipe(str(Path(__file__).with_name("recipe.yaml")))
TASKS = [RECIPE.data.train.task(index) for index in range(8)]


def test_the_env_keeps_its_contract() -> None:
    for task in TASKS:
        episode = check_env(RECIPE.env, task)
        assert len(episode.turns) == 2


def test_the_reward_keeps_its_contract_and_is_highest_for_the_expert() -> None:
    experts = [asyncio.run(play(task, RECIPE.env, RECIPE.env.expert(task))) for task in TASKS]
    near = RECIPE.rewards["near"]
    assert all(isinstance(value, float) and value > 0.9 for value in check_reward(near, experts, 0, 1))


def test_an_answer_without_a_box_earns_nothing() -> None:
    episode = asyncio.run(play(TASKS[0], RECIPE.env, Scripted("<answer>nowhere</answer>")))
    assert isinstance(RECIPE.rewards["near"]([episode])[0], Malformed)

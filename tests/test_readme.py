"""What the README shows is what runs."""

import re
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

from framework.cli import COMMANDS
from framework.commands.reward import COMMANDS as PROOFS
from framework.reward import Rewards
from framework.rubric import Rubric

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = [
    README,
    *(
        path.read_text()
        for room in ("envs", "framework", "recipes", "rewards")
        for path in (ROOT / room).rglob("README.md")
    ),
]
QUOTED = [quote for page in PAGES for quote in re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```", page, flags=re.DOTALL)]


def test_the_pages_quote_a_lab_of_ones_own() -> None:
    assert {Path(name).name for name, _ in QUOTED} == {
        "my_rewards.py",
        "my_envs.py",
        "my_data.py",
        "zoom.yaml",
        "big.yaml",
    }


@pytest.mark.parametrize(("name", "text"), QUOTED, ids=[name for name, _ in QUOTED])
def test_what_is_quoted_is_the_file_that_is_tested(name: str, text: str) -> None:
    assert text == (ROOT / name).read_text()


def test_every_command_that_a_page_names_is_one() -> None:
    blocks = [block for page in PAGES for block in re.findall(r"```(?:bash|text)\n(.*?)```", page, flags=re.DOTALL)]
    named = {name for block in blocks for name in re.findall(r"limner (\w+)", block)}
    assert named
    assert named <= set(COMMANDS)
    proofs = {name for block in blocks for name in re.findall(r"limner reward (\w+)", block)}
    assert proofs == set(PROOFS)


def test_the_formula_that_is_shown_is_that_of_its_rewards() -> None:
    page = (ROOT / "rewards/README.md").read_text()
    found = re.search(r"```yaml\n(rewards:\n.*?)# total = (.*?)\n```", page, flags=re.DOTALL)
    assert found
    rewards = TypeAdapter[Rewards](Rewards).validate_python(yaml.safe_load(found[1])["rewards"])
    assert Rubric(rewards).formula() == found[2]


FILES = {
    name for page in PAGES for name in re.findall(r"`((?:framework|envs|rewards|recipes|tests)/[\w/]+\.py)`", page)
}


@pytest.mark.parametrize("path", sorted(FILES))
def test_every_file_that_a_page_names_is_there(path: str) -> None:
    assert (ROOT / path).is_file()


def test_every_room_the_readme_draws_is_there() -> None:
    drawn = re.search(r"^framework/ .*?```", README, flags=re.DOTALL | re.MULTILINE)
    assert drawn
    for name in re.findall(r"(?<![\w./])([a-z_]+(?:\.py|/))", drawn.group()):
        assert (ROOT / name).exists() or (ROOT / "framework" / name).exists(), name

"""Which server answers an episode, said by a process that needs no verl."""

import subprocess
import sys

from framework.train.router import Router

SERVERS = {f"limner_server_{rank}": object() for rank in range(3)}


def test_all_turns_of_an_episode_are_answered_by_one_server_and_many_episodes_by_all():
    router = Router(SERVERS, {})
    asked = {name: router.acquire_server(name) for name in map(str, range(60))}
    assert all(router.acquire_server(name) == found for name, found in asked.items())
    assert {server for server, _ in asked.values()} == SERVERS.keys()
    assert all(SERVERS[server] is handle for server, handle in asked.values())


def test_it_starts_without_verl_and_torch():
    code = "import sys, framework.train.router; sys.exit(bool({'verl', 'torch'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

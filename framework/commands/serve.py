"""limner serve: a recipe's tasks and games for whoever plays them from elsewhere, with `use: remote`."""

import argparse
from functools import partial
from typing import Any

from framework.chat.grammar import Grammar
from framework.commands import console, counted, takes_recipe, the_recipe
from framework.env import Rules
from framework.errors import UserError
from framework.remote.client import agreed
from framework.remote.server import Host, Server


def arguments(parser: argparse.ArgumentParser) -> None:
    takes_recipe(parser)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at; 127.0.0.1 if not said")
    port = partial(counted, least=0, most=65535)
    parser.add_argument("--port", metavar="N", type=port, default=8100, help="8100 if not said; 0 for any that is free")


def unusual(rules: Rules) -> dict[str, Any]:
    """What a client must say of the rules, since it is not what it would take for granted."""
    said = agreed(rules)
    usual = {name: Rules.model_fields[name].default for name in said} | {"grammar": Grammar().model_dump(mode="json")}
    grammar = {name: value for name, value in said.pop("grammar").items() if value != usual["grammar"][name]}
    told = {name: value for name, value in said.items() if value != usual[name]}
    return told | ({"grammar": grammar} if grammar else {})


def run(said: argparse.Namespace) -> int:
    import yaml

    recipe = the_recipe(said)
    host = Host(recipe)
    host.about()  # what cannot be served is told now
    try:
        server = Server(host, (said.host, said.port))
    except OSError as error:
        raise UserError(f"--host {said.host} --port {said.port}: {error.strerror}; give another") from None
    there = {
        "data": {
            "train": {"use": "remote", "url": server.url},
            "eval": {"use": "remote", "url": server.url, "split": "eval"},
        },
        "env": {"use": "remote", **unusual(recipe.env)},
    }
    shown = console()
    shown.print(f"# {recipe.name} is served at {server.url}; in the recipe that plays it:", soft_wrap=True)
    shown.print(yaml.safe_dump(there, sort_keys=False, allow_unicode=True), soft_wrap=True)
    with server:
        server.serve_forever()
    return 0

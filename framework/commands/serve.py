"""limner serve: a recipe's tasks and games for whoever plays them from elsewhere, with `use: remote`."""

import argparse

from framework.commands import console, takes_recipe, the_recipe
from framework.errors import UserError
from framework.far import agreed
from framework.serving import Host, Server


def arguments(parser: argparse.ArgumentParser) -> None:
    takes_recipe(parser)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at; 127.0.0.1 if not said")
    parser.add_argument("--port", type=int, default=8100, help="8100 if not said; 0 for any that is free")


def run(said: argparse.Namespace) -> int:
    import yaml

    recipe = the_recipe(said)
    try:
        server = Server(Host(recipe), (said.host, said.port))
    except OSError as error:
        raise UserError(f"--host {said.host} --port {said.port}: {error.strerror}; give another") from None
    there = {
        "data": {
            "train": {"use": "remote", "url": server.url},
            "eval": {"use": "remote", "url": server.url, "split": "eval"},
        },
        "env": {"use": "remote", **agreed(recipe.env)},
    }
    shown = console()
    shown.print(f"# {recipe.name} is served at {server.url}; in the recipe that plays it:", soft_wrap=True)
    shown.print(yaml.safe_dump(there, sort_keys=False, allow_unicode=True), soft_wrap=True)
    with server:
        server.serve_forever()
    return 0

"""`limner …`: finds the command, and turns a user's mistake into one message and exit code 2.

Each command is a file in framework/commands with `arguments(parser)` and `run(said)`; only the one that is asked for is
imported, so that help and mistakes come at once. A file with COMMANDS of its own has commands within the command: files
beside it, or in it if it is a folder.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from framework.cache import keep_bytecode
from framework.errors import PixelError, RewardError, UserError
from framework.registry import nearest

ROOT = Path(__file__).parents[1]

COMMANDS = {
    "new": "a folder of your own: one reward, one env, one recipe, one test, all running",
    "list": "what there is: recipes, envs, rewards, reasoners",
    "show": "a recipe as it would run, as yaml",
    "check": "does it fit? keys, files, tokens, batch, coordinates, before anything is trained",
    "play": "play episodes with a scripted player or by hand, and draw the page",
    "dry": "a step without a model: data, env, scripted player, rewards, advantages, exact tensors",
    "train": "play and learn, with verl and Ray, on this machine or a cluster",
    "rehearse": "two steps of a recipe of real size with random weights: does it fit, how long does a step take?",
    "launch": "a run as a job of a cluster: a Slurm script, or a KubeRay manifest",
    "eval": "let everyone play the held-out tasks, and say who is how good",
    "score": "predictions on a public dataset, as its papers score them",
    "view": "draw the page of a run",
    "segment": "ask about an image or a clip, and draw what is meant into every frame",
    "lab": "the synthetic video world, to look at",
    "serve": "a recipe's tasks and games over HTTP, for whoever plays them elsewhere",
    "compare": "several runs in one table: the seeds of a recipe, or a recipe changed",
    "ablate": "what is each part worth? a recipe's tables of variants, trained, played and held together",
    "reward": "prove rewards before a run learns from them",
    "data": "public datasets, made ready and looked through",
    "bench": "measure what is claimed, on this machine",
    "doctor": "is this machine ready, and what is missing?",
}

HELP = "\n".join(
    [
        "limner: reinforcement learning for vision-language models that look more than once before they answer",
        "",
        "limner COMMAND --help says more; RECIPE is a name (quickstart) or a path (./my_lab/zoom.yaml),",
        "and key=value after it changes a setting (env.max_turns=2).",
        "",
        *(f"  {name:<9} {about}" for name, about in COMMANDS.items()),
    ]
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; the exit code is 0, 2 for a user's mistake, 130 for Ctrl-C."""
    if sys.path[0] != str(ROOT):
        sys.path.insert(0, str(ROOT))  # other packages also ship a `recipes` or a `tests`
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads take the cores from others
    if argv is None:
        keep_bytecode()
    try:
        code = command(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
        return code
    except (UserError, PixelError, RewardError) as error:
        print(f"limner: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("limner: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader had enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def command(
    argv: list[str], there: Mapping[str, str] = COMMANDS, within: str = "", home: str = "framework.commands"
) -> int:
    """Run the command that `argv` begins with; `within` is the command that has it, if not limner itself."""
    name, said = (argv[0], argv[1:]) if argv else ("--help", [])
    if name in ("-h", "--help"):
        print(_help(there, within))
        return 0
    if name not in there:
        raise UserError(f"{f'{within}: ' if within else ''}no command {name!r}; {nearest(name, there)}")
    module = importlib.import_module(f"{home}.{name}")
    if inside := getattr(module, "COMMANDS", None):
        return command(said, inside, name, module.__package__ or home)
    prog = " ".join(filter(None, ("limner", within, name)))
    parser = Parser(prog=prog, description=there[name], allow_abbrev=False)
    module.arguments(parser)
    return module.run(parser.read(said))


def _help(there: Mapping[str, str], within: str) -> str:
    """All commands, or those within one."""
    if not within:
        return HELP
    listed = [f"  {name:<9} {about}" for name, about in there.items()]
    return "\n".join([f"usage: limner {within} COMMAND …", "", COMMANDS[within], "", *listed])


class Parser(argparse.ArgumentParser):
    """Options and settings in any order; a mistyped one is answered with the nearest."""

    def read(self, argv: Sequence[str]) -> argparse.Namespace:
        said, unknown = self.parse_known_intermixed_args(argv)
        if unknown:
            option = unknown[0].partition("=")[0]
            there = [name for action in self._actions for name in action.option_strings]
            raise UserError(f"{self.prog.removeprefix('limner ')} has no option {option!r}; {nearest(option, there)}")
        return said

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{self.prog.removeprefix('limner ')}: {message}; see {self.prog} --help")


if __name__ == "__main__":
    sys.exit(main())

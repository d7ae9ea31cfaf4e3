"""limner lab …: the synthetic video world, to look at. Each of these commands is a file beside this one."""

COMMANDS = {
    "clip": "a clip of the synthetic world as a film, and what is asked about it",
}

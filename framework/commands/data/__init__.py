"""limner data …: public datasets, made ready and looked through. Each of these commands is a file beside this one."""

COMMANDS = {
    "prepare": "a public dataset, from where you unpacked it, in our two tables",
    "check": "prepared data looked through: what is broken, what contradicts itself, how long the questions are",
    "cot": "demonstrations of looking in turns: made in the lab, taught by a model, read as released, kept from a run",
    "rate": "how hard is each task? the same as limner reward rate",
}

"""limner reward …: prove rewards before a run learns from them. Each of these commands is a file beside this one."""

COMMANDS = {
    "certify": "can these rewards be fooled? the gold answer, every trick and every law, on a recipe's own tasks",
    "rescore": "stored episodes under another recipe: what they would earn, and which advantages would turn",
}

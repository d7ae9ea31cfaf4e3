"""limner reward …: prove rewards before a run learns from them. Each of these commands is a file beside this one."""

COMMANDS = {
    "rescore": "stored episodes under another recipe: what they would earn, and which advantages would turn",
}

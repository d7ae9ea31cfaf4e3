"""limner reward …: prove rewards before a run learns from them. Each of these commands is a file beside this one."""

COMMANDS = {
    "certify": "can these rewards be fooled? the gold answer, every trick and every law, on a recipe's own tasks",
    "rate": "how hard is each task? a model that sees it or the lab says so, into the file that budgets are read from",
    "rescore": "stored episodes under another recipe: what they would earn, and which advantages would turn",
    "simulate": "where budgets by difficulty would lead a policy that follows them: does it settle or collapse?",
}

"""How hard tasks are, who rates them, and where budgets that follow difficulty would lead a policy."""

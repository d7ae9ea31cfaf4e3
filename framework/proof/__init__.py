"""Proving a recipe's rewards: what an expert earns, what every trick earns, the laws all rewards hold to; and, of
episodes that were played, whether a reward is alive, and if not, why."""

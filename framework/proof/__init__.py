"""Proving a recipe's rewards: what an expert earns, what every trick earns, and the laws all rewards hold to."""

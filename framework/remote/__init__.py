"""Over HTTP: a recipe's games, served and played elsewhere, and models that others serve."""

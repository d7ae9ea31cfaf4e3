"""Measurements of the training room, each against another way to do the same, both in one run."""

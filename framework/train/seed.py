"""One number for an episode, by which it plays alike in whatever company."""

import hashlib


def seed(*place: int | str) -> int:
    """Of run, step, task, place in the group and attempt.

    >>> seed(0, 1, "train", 17, 3, 0) == seed(0, 1, "train", 17, 3, 0) != seed(0, 1, "train", 17, 4, 0)
    True
    """
    return int.from_bytes(hashlib.blake2b(repr(place).encode(), digest_size=7).digest())

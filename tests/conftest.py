"""What holds for every test."""

import os

from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the tensors here are tiny, and waiting threads would take a core
settings.register_profile("house", deadline=None)  # a busy machine is slow, not wrong
settings.load_profile("house")

"""Is there room for one more stage beside those that run?

cpu    always: whoever asks for several side by side knows their processor
cuda   rl         where a Ray cluster runs already that has its devices free: that gives each stage devices of its own
       others     never: they take this machine's first devices, as rl does without a cluster
"""

import logging
import os
from collections.abc import Sequence

from framework.errors import TrainError
from framework.training import Cluster


def room(stage: str, cluster: Cluster, beside: Sequence[Cluster]) -> bool:
    """`beside` are those that run; what they have not taken yet is theirs all the same."""
    if cluster.platform == "cpu" or not beside:
        return True
    if stage != "rl" or not os.environ.get("RAY_ADDRESS"):
        return False
    there, free = devices()
    return _wanted(cluster) <= min(free, there - sum(map(_wanted, beside)))


def devices() -> tuple[int, int]:
    """GPUs of the cluster that RAY_ADDRESS names, and how many of them nobody has."""
    import ray

    try:
        with ray.init(log_to_driver=False, logging_level=logging.ERROR):
            there, free = ray.cluster_resources(), ray.available_resources()
    except ConnectionError:
        address = os.environ.get("RAY_ADDRESS")
        raise TrainError(f"RAY_ADDRESS: no Ray cluster answers at {address}; start one there, or unset it") from None
    return int(there.get("GPU", 0)), int(free.get("GPU", 0))


def _wanted(cluster: Cluster) -> int:
    return cluster.nodes * cluster.gpus_per_node

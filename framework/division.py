"""Do the numbers of a step divide? Among mini batches, devices and nodes, before any is taken."""

import math
from collections.abc import Iterator

from framework.finding import Finding
from framework.recipe import Recipe
from framework.train import settings


def batch(recipe: Recipe) -> list[Finding]:
    """Do the numbers of a step divide?"""
    algorithm, cluster = recipe.algorithm, recipe.cluster
    episodes = algorithm.prompts * algorithm.group
    devices = cluster.nodes * cluster.gpus_per_node
    shards = max(devices // cluster.sequence_parallel, 1)
    mini = algorithm.mini_batch or algorithm.prompts
    findings = [Finding("step", f"{algorithm.prompts} tasks × {algorithm.group} episodes = {episodes}")]
    if algorithm.group < 2:
        remedy = f"algorithm.group: {algorithm.group} leaves nothing to compare with; set it to at least 2"
        findings.append(Finding("group", str(algorithm.group), "≥ 2", remedy))
    if algorithm.prompts % mini:
        prompts = algorithm.prompts
        remedy = f"algorithm.mini_batch: {mini} does not divide algorithm.prompts {prompts}; try {_divisors(prompts)}"
        findings.append(Finding("mini batch", str(mini), f"divides {prompts}", remedy))
    if (mini * algorithm.group) % shards:
        among = f"{shards} devices (cluster.nodes × cluster.gpus_per_node / cluster.sequence_parallel)"
        step = shards // math.gcd(shards, algorithm.group)
        learned = mini * algorithm.group
        key = "algorithm.mini_batch" if algorithm.mini_batch else "algorithm.prompts"
        remedy = f"{key}: {learned} episodes do not divide among {among}; set it to {step}, {2 * step} …"
        findings.append(Finding("devices", str(shards), f"divides {learned}", remedy))
    if (stage := recipe.stages.cold_start).steps and stage.batch % cluster.gpus_per_node:
        share = cluster.gpus_per_node
        among = f"do not divide among {share} devices (cluster.gpus_per_node)"
        remedy = f"stages.cold_start.batch: {stage.batch} conversations {among}; set it to {share}, {2 * share} …"
        findings.append(Finding("cold start", str(stage.batch), f"multiple of {share}", remedy))
    if algorithm.prompts > recipe.data.train.size():
        size = recipe.data.train.size()
        remedy = (
            f"algorithm.prompts: {algorithm.prompts} a step, but data.train has {size} tasks; set it to at most {size}"
        )
        findings.append(Finding("tasks", str(size), f"≥ {algorithm.prompts}", remedy))
    return [*findings, *_spread(recipe, devices)]


def _spread(recipe: Recipe, devices: int) -> Iterator[Finding]:
    """Can a server, or an episode, be spread over so many devices?"""
    cluster, backend = recipe.cluster, recipe.rollout.backend
    for key, parts in (("tensor_parallel", cluster.tensor_parallel), ("sequence_parallel", cluster.sequence_parallel)):
        remedy = ""
        if devices % parts:
            remedy = f"{parts} does not divide {devices} devices; try {_divisors(devices)}"
        elif parts > 1 and key == "tensor_parallel" and backend == "transformers":
            remedy = f"the transformers backend uses one device, not {parts}; set it to 1, or rollout.backend=vllm"
        elif parts > 1 and key == "sequence_parallel" and cluster.platform == "cpu":
            remedy = f"{parts} needs packed batches, which the cpu platform does not have; set it to 1"
        elif parts > 1 and key == "sequence_parallel" and not recipe.reasoner.packs:
            remedy = f"{parts} needs packed batches, and this reasoner's episodes cannot be packed; set it to 1"
        if parts > 1:
            unsure = key == "sequence_parallel" and not settings.has_flash_attention()
            found = f"{parts}; it needs flash attention, which is not installed here" if unsure else str(parts)
            yield Finding(key, found, f"divides {devices}", remedy and f"cluster.{key}: {remedy}", doubtful=unsure)


def _divisors(number: int) -> str:
    return ", ".join(str(each) for each in range(1, number + 1) if number % each == 0)

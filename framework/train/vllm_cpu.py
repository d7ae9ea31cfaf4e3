"""What a vLLM worker imports on a CPU before it loads a model, so that it can take weights more than once.

settings.py names Extension (engine_kwargs.vllm.worker_extension_cls) ─▶ vLLM imports this ─▶ patches.plain_linears
"""

from verl.workers.rollout.vllm_rollout.utils import vLLMColocateWorkerExtension

from framework.train import patches

patches.plain_linears()


class Extension(vLLMColocateWorkerExtension):
    """verl's own: it takes the trainer's weights and bans visual tokens."""

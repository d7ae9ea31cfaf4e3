"""Says which of our own servers answers an episode: verl's router for the `transformers` rollout backend (router.yaml).

Our servers remember nothing between two calls, so any will do, always the same for an episode; verl's own router keeps
a ledger for that, and its process takes seconds to import verl while the first step waits for a processor.
"""

from collections.abc import Mapping
from typing import Any
from zlib import crc32


class Router:
    """What verl asks of a router. Handles are those of Ray."""

    def __init__(self, servers: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        self.servers = dict(servers)

    def acquire_server(self, request_id: str) -> tuple[str, Any]:
        name = sorted(self.servers)[crc32(request_id.encode()) % len(self.servers)]
        return name, self.servers[name]

    def release_server(self, server_id: str) -> None:
        """Nobody counts."""

    def require_acquire_fields(self) -> list[str]:
        """What it must be told beside names."""
        return []

    require_release_fields = require_acquire_fields

"""What probes remember between looks at one Envoy: counters seen, answers that serve several checks."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Any


class Notes:
    """A notebook that outlives contexts: a new configuration makes a new context, the counters go on."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Any] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    def recall(self, key: Hashable) -> Any:
        """What was kept under this key, or None."""
        return self._kept.get(key)

    def keep(self, key: Hashable, value: Any) -> None:
        self._kept[key] = value

    def lock(self, name: str) -> asyncio.Lock:
        """The lock under which one request serves all who ask at once."""
        return self._locks.setdefault(name, asyncio.Lock())

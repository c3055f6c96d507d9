"""What PostgreSQL answered to some statements. A value only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg import pq


@dataclass(frozen=True, slots=True)
class Answer:
    """The results of some statements, and over which connection they came.

    `where` is for a person; `backend_pid` the server process as the connection's start named it. `back` is how many
    seconds ago a connection came about again after `gone` seconds without one (infinite, 0: it was never lost).
    """

    results: list[pq.abc.PGresult]
    where: str
    backend_pid: int
    back: float = math.inf
    gone: float = 0.0

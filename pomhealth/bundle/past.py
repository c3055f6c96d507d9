"""The history that an agent has left in its file, where none runs that could tell it. Blocking."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import Any
from urllib.parse import quote

from pomhealth.bundle.ask import Missing
from pomhealth.history.file import place
from pomhealth.history.recall import recall
from pomhealth.publish.moment import when
from pomhealth.settings import Settings
from pomhealth.status.changes import state


def left(settings: Settings, address: str, now: float) -> dict[str, Any]:
    """What the agent at `address` saw in the last day before `now` (seconds since the epoch), newest first, and when.

    Raises Missing.
    """
    if not settings.history:
        raise Missing("history is switched off in the settings")
    path = place(settings, os.environ, os.geteuid(), address).path
    if not os.access(path, os.R_OK):
        raise Missing(f"there is no history at {path} that this user may read")
    try:
        with closing(
            sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=0.5)
        ) as connection:
            kept = recall(connection, now)
    except sqlite3.OperationalError as error:
        raise Missing(f"{path} cannot be read now ({error}): an agent that runs holds it") from None
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise Missing(f"{path} cannot be read: {error}") from None
    return {
        "file": str(path),
        "watched": [{"begin": when(one.begin), "end": when(one.end)} for one in kept.past.watches],
        "changes": [
            {
                "at": when(one.at),
                "id": one.id,
                "is": state(one.outcome, one.cause),
                "summary": one.summary,
                "was": one.was,
                "lasted": round(one.lasted, 3),
                "followers": list(one.followers),
            }
            for one in reversed(kept.changes)
        ],
    }

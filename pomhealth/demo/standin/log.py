"""The replica's log: one JSON object a line on standard output, as Pomerium's (zerolog's) is."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone
from typing import Any


def write(level: str, message: str, **fields: Any) -> None:
    """One line, at once."""
    now = datetime.now(timezone.utc).astimezone().isoformat(timespec="seconds")
    line = {"level": level, **fields, "time": now, "message": message}
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def info(message: str, **fields: Any) -> None:
    write("info", message, **fields)


def error(message: str, **fields: Any) -> None:
    write("error", message, **fields)


def fatal(message: str, **fields: Any) -> None:
    write("fatal", message, **fields)

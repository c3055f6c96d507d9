"""Whether a server, and what we need to get in, is of the kind that the connection string asks for."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from pomhealth.status import Unobservable
from pomhealth.storage.target import Target
from pomhealth.storage.trouble import Trouble

RIGHT = "run as the replica's user or as root"


def check_key(target: Target) -> None:
    """Raises Unobservable for a key that libpq refuses, though Pomerium's driver takes it."""
    if not target.key:
        return
    with contextlib.suppress(FileNotFoundError):
        seen = Path(target.key).stat()
        mode = seen.st_mode & 0o777
        if mode & (0o037 if seen.st_uid == 0 else 0o077) or not os.access(target.key, os.R_OK):
            raise Unobservable(
                f"the client's TLS key {target.key} (mode {mode:04o}) cannot be used from here",
                "let its owner alone read it (chmod 600), and run as that user or as root",
            )


def unfit(attrs: str, row: tuple[str, ...]) -> Trouble | None:
    """Why a server is not of the kind that target_session_attrs asks for."""
    standby, closed = row[:1] == ("t",), row[1:] == ("on",)
    fits = {
        "read-write": not closed,
        "read-only": closed,
        "primary": not standby,
        "standby": standby,
    }[attrs]
    if fits:
        return None
    kind = "a standby" if standby else "read-only" if closed else "a writable primary"
    cause = "read-only" if closed or standby else "unreachable"
    return Trouble(
        cause, f"it is {kind}, and the connection string asks for target_session_attrs={attrs}", lost=True
    )

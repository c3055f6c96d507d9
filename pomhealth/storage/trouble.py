"""What can be wrong with a PostgreSQL server, from what it or the kernel says. Pure.

Judged by SQLSTATE (PostgreSQL's documentation, appendix A) and by the kernel's error, never by a server's words: they
are in the server's language.
"""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass
from enum import Enum

_STARTING = "57P03"
_BY_STATE = {
    "3D000": "schema-missing",  # no such database
    "3F000": "schema-missing",  # no such schema
    "42P01": "schema-missing",  # no such table
    "42703": "schema-missing",  # no such column
    "25006": "read-only",
    "42501": "permission-denied",
    "53100": "disk-full",
    "53300": "too-many-connections",
    "55P03": "timeout",  # a lock was not given in time
    "57014": "timeout",  # the statement took too long
    _STARTING: "refused",
    "57P01": "refused",  # shutting down, or an administrator ended the session
    "57P02": "refused",  # a crash
}
_BY_CLASS = {"28": "authentication", "08": "refused"}
_REFUSING = (errno.ECONNREFUSED, errno.ENOENT, errno.ECONNRESET, errno.EPIPE)
_VERBOSE = re.compile(r":  ([0-9A-Z]{5}): (.*)")
_CLOSED = "server closed the connection"  # libpq's own words, not the server's


class Stage(str, Enum):
    """How far a connection had come when it failed."""

    NETWORK = "network"
    TLS = "tls"
    LOGIN = "login"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that went wrong. `cause` is a code of storage.backend's; `why` one clause without a secret.

    `silent` when only the lack of an answer tells; `lost` when the connection is gone; `denied` when it is we who lack
    the right to connect; `passing` while one of several servers is about to take over.
    """

    cause: str
    why: str
    state: str = ""
    silent: bool = False
    lost: bool = False
    denied: bool = False
    passing: bool = False


class Failed(Exception):  # noqa: N818  (what failed is told by the trouble)
    """A connection or a question failed; `trouble` tells how."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.why)
        self.trouble = trouble


def answered(state: str, message: str, *, stage: Stage) -> Trouble:
    """The server said so, with this SQLSTATE."""
    otherwise = "not-writable" if stage is Stage.SESSION else "refused"
    cause = _BY_STATE.get(state) or _BY_CLASS.get(state[:2], otherwise)
    why = f"{message} (SQLSTATE {state})"
    if state == _STARTING:
        why = f"the server is starting up, shutting down or recovering: {why}"
    return Trouble(cause, why, state, silent=cause == "timeout", lost=state.startswith(("57P", "08")))


def unconnected(message: str, *, stage: Stage, wanted_password: bool = False) -> Trouble:
    """The connection did not come about; `message` is libpq's, with SQLSTATEs in it where the server spoke."""
    said = _VERBOSE.search(message)
    if said is not None:
        return answered(said[1], said[2], stage=Stage.LOGIN)
    line = _last_line(message)
    if wanted_password:
        return Trouble(
            "authentication", "the server asks for a password and the connection string has none", lost=True
        )
    if stage is Stage.NETWORK:
        if os.strerror(errno.EACCES) in message:
            return Trouble("unreachable", line, lost=True, denied=True)
        refused = any(os.strerror(number) in message for number in _REFUSING)
        return Trouble("refused" if refused else "unreachable", line, lost=True)
    if stage is Stage.TLS and _CLOSED not in message:
        return Trouble("tls", line, lost=True)
    return Trouble("refused", line, lost=True)


def silence(why: str) -> Trouble:
    return Trouble("timeout", why, silent=True, lost=True)


def worst(troubles: list[Trouble]) -> Trouble:
    """Of several servers' troubles the one to tell: what a server said before what the network did, silence last."""
    spoke = [one for one in troubles if one.state or one.cause == "tls"]
    loud = [one for one in troubles if not one.silent]
    return (spoke or loud or troubles)[0]


def _last_line(message: str) -> str:
    """The end of libpq's message: the part before tells the address, which is told anyway."""
    line = next((one for one in message.strip().splitlines() if "failed: " in one), message.strip())
    return line.rpartition("failed: ")[2].strip() or "the connection failed"

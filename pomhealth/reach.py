"""How reaching for something can fail, the same for every client: sockets, HTTP, PostgreSQL."""

from __future__ import annotations


class ReachError(Exception):
    """Nothing usable came back. `where` is the address asked, `why` one clause without a secret in it."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}")
        self.where = where
        self.why = why


class Refused(ReachError):  # noqa: N818
    """Hard evidence: nobody listens there, the socket is gone, or the connection was closed."""


class Silent(ReachError):  # noqa: N818
    """No answer within the deadline: only silence tells, so it must repeat before it counts."""


class Garbled(ReachError):  # noqa: N818
    """An answer that is not what was asked for."""


class Denied(ReachError):  # noqa: N818
    """The kernel does not let this user connect: a right is lacking."""

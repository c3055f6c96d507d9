"""What is wrong with one host name of a route, as a browser would show it. Values and words only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pomhealth.replica.routes import Host

# The worst first: what leads users to a stranger, what lets nobody in, what only silence tells.
CAUSES = ("other-key", "wrong-address", "nxdomain", "refused", "tls", "timeout")
CERTAIN = ("other-key", "nxdomain")  # what a way that leads back into one's own network cannot feign

_SHOWN = {
    "nxdomain": "DNS_PROBE_FINISHED_NXDOMAIN",
    "refused": "ERR_CONNECTION_REFUSED",
    "timeout": "ERR_CONNECTION_TIMED_OUT",
    "tls": "ERR_SSL_PROTOCOL_ERROR",
}


class Off(Exception):  # noqa: N818  (it is what was asked for: something is off)
    """A name, or one of its addresses, does not lead to this cluster. `door` is ADDRESS:PORT, "" for a name."""

    def __init__(self, cause: str, why: str, expected: str, door: str = "") -> None:
        super().__init__(why)
        self.cause = cause
        self.why = why
        self.expected = expected
        self.door = door


@dataclass(frozen=True, slots=True)
class Trouble:
    """One host name that fails. `why` is one clause, `door` the ADDRESS:PORT that it is about, "" for the name alone."""

    host: Host
    cause: str
    why: str
    expected: str
    addresses: tuple[str, ...] = ()
    door: str = ""

    @property
    def says(self) -> str:
        """One sentence's worth, with what a browser shows."""
        shown = _SHOWN.get(self.cause)
        return f"{self.host.name} {self.why}{f' (a browser shows {shown})' if shown else ''}"

    @property
    def observed(self) -> str:
        seen = f"; it resolves to {', '.join(self.addresses)}" if self.addresses else ""
        return f"{self.says}{seen}"


def worst(off: Sequence[Off]) -> Off:
    """Of what is wrong with several addresses, what a person should hear of."""
    return min(off, key=lambda one: CAUSES.index(one.cause))

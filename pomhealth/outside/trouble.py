"""What can go wrong on the way to a host outside: one exception, with a cause code and what was expected."""

from __future__ import annotations

from pomhealth.reach import ReachError


class Trouble(ReachError):  # noqa: N818
    """One step failed. `cause` is "dns", "refused", "timeout", "proxy", "tls" or "http"; `where` the address asked.

    `clock` marks a certificate that is out of its time by this machine's clock, `authority` who issued one that
    is not trusted, `strange` that others are.
    """

    def __init__(
        self,
        cause: str,
        where: str,
        why: str,
        expected: str,
        *,
        clock: bool = False,
        authority: str = "",
        strange: bool = False,
    ) -> None:
        super().__init__(where, why)
        self.cause = cause
        self.expected = expected
        self.clock = clock
        self.authority = authority
        self.strange = strange


class Unjudged(ReachError):  # noqa: N818
    """How it stands with the host cannot be told from here: a right or a credential is lacking."""

"""When the own row is written: a change of state at once, mere words once in a while. Pure; seconds of any clock."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pomhealth.cluster.account.about import essence
from pomhealth.cluster.model import Account

GAP = 0.2  # seconds between two writes of a state that flaps
WORDS = 30.0  # seconds between two writes of what reads otherwise and means the same
SET = 0.25  # seconds that a clock must have moved to be worth a write


@dataclass(frozen=True, slots=True)
class Pace:
    """What was written as the last, and when; None before the first time."""

    account: Account | None = None
    at: float = 0.0

    def wrote(self, account: Account, now: float) -> Pace:
        return Pace(account, now)

    def turned(self, account: Account) -> bool:
        """Whether the state is another than what was written."""
        return self.account is None or essence(account) != essence(self.account)

    def due(self, account: Account, now: float) -> float | None:
        """Seconds until this account is to be written; None where it need not be."""
        if self.account is None:
            return 0.0
        if self.turned(account):
            return max(0.0, self.at + GAP - now)
        if _words(account, self.account):
            return max(0.0, self.at + WORDS - now)
        return None


def _words(account: Account, before: Account) -> bool:
    """Whether there is anything new to read."""
    moved = _moved(account.clock, before.clock)
    clock, error = (account.clock, account.clock_error) if moved else (before.clock, before.clock_error)
    return replace(account, clock=clock, clock_error=error) != before


def _moved(now: float | None, before: float | None) -> bool:
    if now is None or before is None:
        return now is not before
    return abs(now - before) >= SET

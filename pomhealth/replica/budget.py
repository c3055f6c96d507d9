"""What may be taken of one Envoy's main thread, which also applies every update: an account in seconds of its time.

Every question of a dear check is paid for with the seconds that its answer took, an upper bound of what it cost. The
account fills up slowly with time; what it holds at most is enough for a first look at everything, or for the looks
after a changed configuration.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

SHARE = 0.008  # of the main thread's time; a little of the 1 % is left for what is asked every second
FULL = 3.0  # seconds: at 10,000 routes a first look at everything takes 0.9
RESERVE = 3.0  # seconds of debt for what must not wait
REST = 1000  # at rest a dear look takes at most 1/1000 of the time of Envoy's main thread
WATCHING = 200  # and 1/200 while something fails or warns: somebody waits for its end
USUAL = 5  # answers, of which the least took what such a one takes: the others waited for something else
LONGEST = 120.0  # seconds by which its cost may put off a look: what is still too dear waits for the budget


class Haste(IntEnum):
    """How much a look matters, the most last."""

    NONE = 0  # it is made since its time has come
    CHANGED = 1  # the configuration has changed, and the replica may be taking it over
    SETTLED = 2  # it has changed, and the replica has had the time to take it over
    TOLD = 3  # the replica itself says that something has changed, or readiness waits for this look
    FIRST = 4  # the first of its check at this Envoy: there is only one


@dataclass(frozen=True, slots=True)
class Account:
    """`balance` is in seconds of Envoy's time, below zero for a debt, as it was at the moment `at`."""

    balance: float
    at: float


def grown(account: Account, now: float) -> Account:
    """The account at a later moment. Pure."""
    earned = max(0.0, now - account.at) * SHARE
    return Account(min(FULL, account.balance + earned), now)


def charged(account: Account, seconds: float, now: float) -> Account:
    """The account after an answer that took so many seconds. Pure."""
    account = grown(account, now)
    return Account(account.balance - seconds, now)


def until_paid(account: Account, haste: Haste, now: float) -> float:
    """Seconds until the next dear look may be made; 0 for now. Pure.

    A look may take more than there is: the next one waits until that is paid off.
    """
    if haste is Haste.FIRST:
        return 0.0
    least = 0.0 if haste is Haste.NONE else -RESERVE
    lacking = least - grown(account, now).balance
    return max(0.0, lacking / SHARE)


def rest(cost: float, *, watching: bool) -> float:
    """Seconds from one dear look to the next, at least, where one takes `cost` seconds. Pure."""
    return min((WATCHING if watching else REST) * cost, LONGEST)


class Budget:
    """The account of one Envoy; a new Envoy has a new one. `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._account = Account(FULL, clock())

    @property
    def balance(self) -> float:
        return grown(self._account, self._clock()).balance

    def charge(self, seconds: float) -> None:
        self._account = charged(self._account, seconds, self._clock())

    def wait(self, haste: Haste) -> float:
        """Seconds until the next dear look may be made; 0 for now."""
        return until_paid(self._account, haste, self._clock())

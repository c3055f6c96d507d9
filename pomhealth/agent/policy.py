"""The readiness policy at work: judges every map before it is told, and again as time passes or the cluster changes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from pomhealth.clock import steady
from pomhealth.cluster.model import OFF, Roster
from pomhealth.cluster.readiness.grounds import PROOFS, facts, witnessed
from pomhealth.cluster.readiness.policy import PROVING, RENEWED, Facts, Held, Policy, decide, heard
from pomhealth.status import StatusMap, excusing, strict

EVERY = 1.0  # seconds between two judgements, while something is excused or may be
_ASKED_AGAIN = 2.0  # seconds until a proof that did not come is asked for again, while it is awaited


class Judged(Protocol):
    """The board, as far as it is asked for something: `on_doubt` has checks looked at now, as new as can be;
    `judge_again` has the map judged anew; `on_verdict` is told what a person should know.
    """

    @property
    def on_doubt(self) -> Callable[[Iterable[str]], None]: ...

    @property
    def on_verdict(self) -> Callable[[str, Mapping[str, object]], None]: ...

    def judge_again(self) -> None: ...


class Readiness:
    """The policy of one board. While it is `strict` nothing is excused."""

    def __init__(
        self,
        board: Judged,
        *,
        clock: Callable[[], float] = steady,
        later: Callable[[float, Callable[[], None]], object] | None = None,
    ) -> None:
        self._board = board
        self._policy = Policy.STRICT
        self._clock = clock
        self._later = later if later is not None else _later
        self._held = Held()
        self._roster: Roster = OFF
        self._seen: Mapping[str, float] = {}
        self._told: Mapping[str, str] = {}
        self._asked = -math.inf
        self._rings = False

    def follow(self, policy: str) -> None:
        """This policy counts from the next judgement on."""
        self._policy = Policy(policy)
        if self._policy is Policy.STRICT:
            self._held = replace(self._held, inside=False, since=None)

    def roster_changed(self, roster: Roster) -> None:
        """The cluster is this from now on; to be called whenever it was read, be it that only signs of life are new."""
        self._held = heard(self._held, roster, self._clock())
        self._roster = roster
        if self._held.since is not None:
            self._board.judge_again()

    def judge(self, status: StatusMap, *, started: bool, now: float) -> StatusMap:
        """The map as it is to be told: what is excused stops nothing in it. `now` is the time by the map's clock."""
        if self._policy is Policy.STRICT:
            self._told = {}
            return strict(status)
        moment = self._clock()
        bare = strict(status)
        self._seen = witnessed(self._seen, bare)
        known = facts(bare, self._seen, started=started, now=now)
        decision = decide(self._held, known, self._policy, self._roster, moment)
        self._held = decision.held
        if decision.prove:
            self._prove(known, moment)
        self._tell(decision.excused, decision.out)
        return excusing(status, decision.excused)

    def _prove(self, known: Facts, moment: float) -> None:
        """Has the replica's service looked at: at once with a new fault, soon again while that is new, else now and then."""
        newest = min(stop.age for stop in known.stops)
        awaited = newest < PROVING and known.proof > newest
        since = moment - self._asked
        if since > newest or since >= (_ASKED_AGAIN if awaited else RENEWED):
            self._asked = moment
            self._board.on_doubt(PROOFS)
        if not self._rings:
            self._rings = True
            self._later(EVERY, self._rung)

    def _rung(self) -> None:
        self._rings = False
        self._board.judge_again()

    def _tell(self, excused: Mapping[str, str], out: str) -> None:
        """Says once what is held in, and why it is not any more."""
        before, self._told = self._told, excused
        if out and before:
            self._board.on_verdict(
                "the readiness policy keeps the replica in no more",
                {"policy": self._policy.value, "why": out},
            )
        elif excused and excused != before:
            why = "; ".join(dict.fromkeys(excused.values()))
            self._board.on_verdict(
                "the readiness policy keeps the replica in",
                {"policy": self._policy.value, "checks": list(excused), "why": why},
            )


def _later(seconds: float, call: Callable[[], None]) -> object:
    return asyncio.get_running_loop().call_later(seconds, call)

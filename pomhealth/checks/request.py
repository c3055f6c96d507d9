"""One request through the main listener, shared by the checks that learn from it.

`/ping` on the main listener crosses TLS, Envoy, the authorization check and Pomerium's own HTTP server, and answers
200 on any host name (Pomerium 0.30 to 0.33). Each one leaves a line in the replica's log, so it is asked seldom
(pomhealth.checks.seldom): between two, the last answer serves.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from pomhealth.checks.context import Context
from pomhealth.checks.names import server_name
from pomhealth.checks.seldom import Answered, lasts
from pomhealth.checks.xds import ask
from pomhealth.reach import ReachError, Silent
from pomhealth.replica.mainlistener import Approach, approach, request
from pomhealth.status import Unobservable

PATH = "/ping"
_DEADLINE = 1.5  # seconds
_FRESH = 0.5  # seconds for which one answer serves both checks: less than any retry takes
_USUAL = 600.0  # seconds between two of them, at rest
_KEPT = "last ping"
_AUTHORIZE = "/stats?usedonly&type=Counters&filter=ext_authz\\.error$"


@dataclass(frozen=True, slots=True)
class Ping:
    """What came of it. `status` is 0 where nothing came, `why` then says why and `silent` that only silence told.

    `authorize_failed` where Envoy counted an error of the authorization check for just this request. `serves` is for
    how many seconds more this answer serves, where it is the last one; 0 where it is new.
    """

    where: str
    status: int = 0
    why: str = ""
    silent: bool = False
    authorize_failed: bool = False
    serves: float = 0.0


@dataclass(frozen=True, slots=True)
class _Last:
    """The last answer, where and when it was had, and since when they are as they are (by the event loop's clock)."""

    answer: Ping
    to: Approach | None
    at: float
    since: float


async def ping(context: Context) -> Ping:
    """Asks, or gives the last answer while it serves. Raises Unobservable where there is nobody to ask."""
    to = approach(context.replica, server_name(context))
    now = asyncio.get_running_loop().time()
    last: _Last | None = context.notes.recall(_KEPT)
    if last is not None and last.to == to:
        left = lasts(_answered(last, now), context.haste, _usual(context))
        if left > 0.0:
            return replace(last.answer, serves=left)
    answer, asked = await context.notes.shared(
        f"ping {to.where if to else ''}", lambda: _ask(context), fresh=_FRESH, lasts=_lasts
    )
    if asked:
        same = last is not None and (last.answer.status == 200) == (answer.status == 200)
        context.notes.keep(_KEPT, _Last(answer, to, now, last.since if same and last else now))
    return answer


def _answered(last: _Last, now: float) -> Answered:
    status = last.answer.status
    return Answered(status != 0, status == 200, now - last.at, now - last.since)


def _usual(context: Context) -> float:
    intervals = context.settings.intervals
    return min(intervals.get(id_, _USUAL) for id_ in ("proxy.service", "authorize.service"))


def _lasts(answer: Ping) -> bool:
    """A refusal does not: it left no line in the log, and may be over the next moment."""
    return answer.status != 0 or answer.silent


async def _ask(context: Context) -> Ping:
    if not context.replica.same_network:
        raise Unobservable("the main listener cannot be asked", context.replica.missing.get("network", ""))
    to = approach(context.replica, server_name(context))
    if to is None:
        raise Unobservable(
            "the main listener's address is not known", context.replica.missing.get("options", "")
        )
    if str(context.replica.options.get("downstream_mtls.enforcement", "")) == "reject_connection":
        raise Unobservable(
            f"{to.where} takes only clients with a certificate",
            "downstream_mtls.enforcement is reject_connection",
        )
    try:
        reply = await request(to, PATH, deadline=_DEADLINE)
    except ReachError as error:
        return Ping(to.where, why=error.why, silent=isinstance(error, Silent))
    if reply.status != 503:
        return Ping(to.where, reply.status)
    before = await _authorize_errors(context)
    try:
        reply = await request(to, PATH, deadline=_DEADLINE)
    except ReachError as error:
        return Ping(to.where, why=error.why, silent=isinstance(error, Silent))
    failed = reply.status == 503 and await _authorize_errors(context) > before
    return Ping(to.where, reply.status, authorize_failed=failed)


async def _authorize_errors(context: Context) -> int:
    """How often the authorization check has failed, by Envoy's count; 0 where it cannot be asked."""
    try:
        body, _ = await ask(context, _AUTHORIZE)
    except Unobservable:
        return 0
    counts = (line.rpartition(b": ")[2] for line in body.splitlines())
    return sum(int(count) for count in counts if count.isdigit())

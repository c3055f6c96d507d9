"""The tables of rollouts, and each failed request in words. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from statistics import median

from bench.rollout.clients import KEPT, NEW, RATE, SOCKETS, STREAMS
from bench.rollout.counting import absences, told
from bench.rollout.pace import FALL, RISE, Pace
from bench.rollout.rolling import Rollout
from bench.rollout.stage import MEMBERS
from bench.table import table

_MOST = 8  # failures told one by one
_HEAD = ("", "short", "streams", "WebSockets", "drain", "worst", "under way", "most", "out", "worst")
_NOTE = """\
  short, streams, WebSockets: requests that failed, of those sent: {short:g} short ones a second, {kept} clients over kept
  connections and {new} over a new one each; {streams} streams, half of them over kept connections, and
  {sockets} WebSockets of {shortest:g} to {longest:g} s at any time, every byte compared.
  drain: seconds that each took, median and worst; of `sleep` the sleep. under way: requests at its begin.
  out: seconds in which the balancer gave a replica nothing new, each restart.
  The balancer asks every {interval:g} s for /readyz, fall {fall}, rise {rise}, no retries; drain_notice {notice:g} s,
  drain_limit {limit:g} s; the next restart {between:g} s after everything is in rotation again.
{orders}"""


def faulty(one: Rollout) -> list[str]:
    """What happened in one rollout, the first failures one by one."""
    failures = one.tally.failures
    whole = f"{one.order.name} behind {_behind(one)}: {len(failures)} of {one.tally.total:,} requests failed"
    said = [
        f"{whole}, {one.restarts} restarts, {one.ended - one.began:.0f} s",
        *(f"  {told(failure, one.acts)}" for failure in failures[:_MOST]),
    ]
    if len(failures) > _MOST:
        said.append(f"  and {len(failures) - _MOST} more")
    if one.broken:
        said.append(f"  BROKEN: {one.broken}")
    return said


def rendered(rollouts: Sequence[Rollout]) -> str:
    """A table for each balancer, and what its columns mean. All are of one pace."""
    parts = []
    for behind, some in itertools.groupby(rollouts, _behind):
        of_one = list(some)
        parts += [
            f"{of_one[0].restarts} restarts of two replicas in turns, behind {behind}:",
            table(_HEAD, [_row(one) for one in of_one]),
            *(f"  {words}" for one in of_one for words in _said(one)),
            "",
        ]
    if rollouts:
        parts.append(_note(rollouts))
    return "\n".join(parts)


def _behind(one: Rollout) -> str:
    return f"{one.balancer}, {'which passes bytes on (TCP)' if one.tcp else 'HTTP'}"


def _row(one: Rollout) -> tuple[str, ...]:
    busy = [before.requests for _, before, _ in one.waits]
    return (
        one.order.name,
        _failed(one, "kept", "new"),
        _failed(one, "stream"),
        _failed(one, "socket"),
        *_figures([seconds for seconds, _, _ in one.waits], ".1f"),
        *_figures(busy, ".0f"),
        *_figures([out for name in MEMBERS for out in absences(one.seen, name, one.ended)], ".1f"),
    )


def _failed(one: Rollout, *kinds: str) -> str:
    failed = sum(one.tally.failed(kind) for kind in kinds)
    return f"{failed:,} of {sum(one.tally.asked[kind] for kind in kinds):,}"


def _figures(values: Sequence[float], form: str) -> tuple[str, str]:
    return (format(median(values), form), format(max(values), form)) if values else ("-", "-")


def _said(one: Rollout) -> list[str]:
    """What the row does not say: how requests failed, and whether checks did where nothing was to be out."""
    said = []
    ways = one.tally.ways()
    if ways:
        said.append(
            f"{one.order.name}: " + ", ".join(f"{count:,} {way}" for way, count in ways.most_common())
        )
    late = [after.connections for seconds, _, after in one.waits if seconds >= one.pace.limit]
    if late:
        said.append(
            f"{one.order.name}: {len(late)} of {len(one.waits)} drains came to their limit,"
            f" with up to {max(late)} connections open"
        )
    if not one.order.restarts_replica:
        said.append(f"{one.order.name}: {one.failed_checks} of the balancer's checks failed")
    if one.broken:
        said.append(f"{one.order.name}: BROKEN, {one.broken}")
    return said


def _note(rollouts: Sequence[Rollout]) -> str:
    pace: Pace = rollouts[0].pace
    orders = {one.order.name: one.order.says for one in rollouts}
    return _NOTE.format(
        short=(KEPT + NEW) * RATE,
        kept=KEPT,
        new=NEW,
        streams=STREAMS,
        sockets=SOCKETS,
        shortest=pace.shortest,
        longest=pace.longest,
        interval=pace.interval,
        fall=FALL,
        rise=RISE,
        notice=pace.notice,
        limit=pace.limit,
        between=pace.between,
        orders="\n".join(f"    {name:<11}{says}" for name, says in orders.items()),
    )

"""Is every certificate valid for long enough, readable, with its key, and the one that is served?

From disk as Pomerium reads it, from what Envoy has loaded, and from handshakes with the main listener for a few names
in turn. Time passes, so it is judged every minute; files are parsed again only when they changed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from pomhealth.certs import judge, pem, validity
from pomhealth.certs.judge import Fault, Handshake, Sight
from pomhealth.certs.model import DAY, METRICS, UNREADABLE, Pair
from pomhealth.checks.ages import since
from pomhealth.checks.certificates import loaded, on_disk, options_known
from pomhealth.checks.context import Context
from pomhealth.reach import ReachError
from pomhealth.replica.mainlistener import approach, presented
from pomhealth.replica.model import Replica
from pomhealth.status import Evidence, Finding, failed, not_applicable, passed, unseen, warned
from pomhealth.touch import SAYS

ID = "certificates_current"

_NAMED = 10  # certificates told of one by one
_SHAKES = 3  # names asked for in one look, in turn
_DEADLINE = 0.5  # seconds, for one handshake
_TURN = "certificate names in turn"
_ALIKE = 1.0  # seconds by which two ways to tell the same time may differ
_FILES = ("CERTIFICATE_FILE", "KEY_FILE")


async def look(context: Context) -> Finding:
    replica = context.replica
    disk = await on_disk(context)
    envoys = await loaded(context, disk)
    pairs = _seen_before(context, disk.pairs)
    if envoys.certificates is None and not options_known(replica):
        return unseen(envoys.why)
    if replica.options.true("insecure_server") and not pairs and not envoys.certificates:
        return not_applicable("insecure_server is set: this replica serves no TLS")
    sight = Sight(
        pairs=pairs,
        loaded=envoys.certificates,
        handshakes=await _handshakes(context, pairs),
        refused=replica.options.problems,
        now=time.time(),
        days=context.settings.certificate_days,
    )
    found = judge.faults(sight)
    silent = next((pair for pair in pairs if pair.silent), None)
    if found:
        finding = _faulty(found, sight, replica)
    else:
        finding = _silent(silent, sight) if silent else _sound(sight, disk.unread)
    return replace(
        finding, cost=envoys.seconds, certificates=validity.listed(pairs, envoys.certificates or ())
    )


def _seen_before(context: Context, pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """The pairs, with the moment at which we saw them change where the files' own times tell of another.

    A link that is swapped puts an old file in place, and the clock may be set.
    """
    now = time.time()
    found = []
    for pair in pairs:
        mark = (pair.leaf.fingerprint if pair.leaf else "", pair.changed)
        changed = now - since(context.notes, f"certificate {pair.source.where}", mark, pair.changed)
        found.append(replace(pair, changed=changed) if abs(changed - pair.changed) > _ALIKE else pair)
    return tuple(found)


async def _handshakes(context: Context, pairs: Sequence[Pair]) -> tuple[Handshake, ...]:
    """What the main listener presents for some of the names on disk, others each time."""
    replica = context.replica
    if not replica.same_network or not replica.envoys or replica.options.true("insecure_server"):
        return ()
    names = list(dict.fromkeys(name for pair in pairs for name in _asked_by(pair)))
    turn = context.notes.recall(_TURN) or 0
    context.notes.keep(_TURN, turn + _SHAKES)
    chosen = dict.fromkeys(names[(turn + one) % len(names)] for one in range(_SHAKES)) if names else {}
    found = await asyncio.gather(*(_handshake(replica, name) for name in chosen))
    return tuple(one for one in found if one is not None)


def _asked_by(pair: Pair) -> tuple[str, ...]:
    """The names by which users ask for this certificate; one that a wildcard stands for is made up."""
    if pair.source.role == METRICS or pair.leaf is None or pair.complaint is not None:
        return ()
    names = (f"pomhealth{name[1:]}" if name.startswith("*.") else name for name in pair.leaf.names)
    return tuple(name for name in names if "*" not in name and name.isascii())


async def _handshake(replica: Replica, name: str) -> Handshake | None:
    to = approach(replica, name)
    if to is None:
        return None
    try:
        got = pem.certificate(await presented(to, deadline=_DEADLINE))
    except (ReachError, UnicodeError, ValueError):
        return None  # who does not answer is told by envoy.server and xds.listener
    return Handshake(to.where, name, got) if got is not None else None


def _silent(pair: Pair, sight: Sight) -> Finding:
    """A file that cannot be read since its file system hangs: Pomerium could not read it either."""
    return failed(
        UNREADABLE,
        f"the certificate {pair.source.where} cannot be read: {SAYS}",
        Evidence(pair.source.where, pair.unseen, "a certificate and a key that can be read"),
        steps=(
            f"See what it is mounted from: `findmnt -T {pair.source.files[0]}`, and have that answer again.",
        ),
        attributes=_attributes(sight),
        names=tuple((word, text) for word, text in zip(_FILES, pair.source.files, strict=True) if text),
        silent=True,
    )


def _sound(sight: Sight, unread: str) -> Finding:
    unseen_here = [pair.unseen for pair in sight.pairs if pair.unseen] + ([unread] if unread else [])
    judged = any(pair.leaf for pair in sight.pairs) or sight.loaded
    if unseen_here and not judged:
        return unseen(f"the certificates cannot be judged: {unseen_here[0]}")
    first = judge.earliest(sight)
    if first is None:
        return passed(
            "no certificate is configured: Pomerium makes one of its own", attributes=_attributes(sight)
        )
    also = f"; not all could be read from here: {unseen_here[0]}" if unseen_here else ""
    return passed(
        f"the first certificate to end is the one for {first.title}: {judge.left(first, sight.now)}{also}",
        attributes=_attributes(sight),
    )


def _faulty(found: Sequence[Fault], sight: Sight, replica: Replica) -> Finding:
    worst = found[0]
    told = [Evidence(fault.source, fault.observed, fault.expected) for fault in found[:_NAMED]]
    if len(found) > _NAMED:
        told.append(Evidence("further certificates", f"and {len(found) - _NAMED} more", "none with a fault"))
    where = f" ({worst.source})" if worst.source != worst.title else ""
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return (warned if worst.cause in ("served-stale", "expiring") else failed)(
        worst.cause,
        f"{_SAYS[worst.cause].format(title=worst.title)}{where}{more}{_goes_on(replica)}",
        told[0],
        *told[1:],
        steps=_steps(worst, replica),
        attributes=_attributes(sight),
        names=_names(worst),
    )


_SAYS = {
    "expired": "the certificate for {title} has ended",
    "unreadable": "the certificate {title} cannot be used",
    "key-mismatch": "the key does not belong to the certificate for {title}",
    "not-yet-valid": "the certificate for {title} is not valid yet",
    "served-stale": "users still get an old certificate for {title}",
    "expiring": "the certificate for {title} ends soon",
}


def _goes_on(replica: Replica) -> str:
    """What Pomerium does meanwhile, where it refuses the pair and so the whole file."""
    if not any(problem.check == ID for problem in replica.options.problems):
        return ""
    if replica.main is None and not replica.envoys:
        return "; Pomerium would not start with it"
    return "; Pomerium refuses the configuration with it and goes on with what it had"


def _steps(worst: Fault, replica: Replica) -> tuple[str, ...]:
    others = [problem for problem in replica.options.problems if problem.check != ID]
    if worst.cause != "served-stale" or not others:
        return ()
    first = others[0]
    return (
        f"Pomerium takes no new certificate while it refuses its configuration; mend {first.where}: {first.text}.",
    )


def _names(worst: Fault) -> tuple[tuple[str, str], ...]:
    host = worst.title.partition(",")[0].partition(" and ")[0].replace("*.", "any.")
    pairs = (
        ("CERTIFICATE_FILE", worst.file),
        ("KEY_FILE", worst.key),
        ("ROUTE_HOST", host if "/" not in host else ""),
    )
    return tuple((word, text) for word, text in pairs if text)


def _attributes(sight: Sight) -> tuple[tuple[str, str], ...]:
    serials = {pair.leaf.serial for pair in sight.pairs if pair.leaf} | {
        one.serial for one in sight.loaded or ()
    }
    first = judge.earliest(sight)
    count = (("certificates", str(len(serials))),)
    if first is None:
        return count
    days = str(int((first.not_after - sight.now) / DAY))
    return (*count, ("earliest_end", judge.date(first.not_after)), ("earliest_end_days", days))

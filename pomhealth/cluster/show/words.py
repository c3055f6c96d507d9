"""What is said of a cluster and its replicas, in words. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from pomhealth.cluster.show.model import Cluster, Told
from pomhealth.releases.number import parse
from pomhealth.status import Outcome

STATES: Mapping[str, tuple[str, Outcome]] = {
    "ready": ("ready", Outcome.PASS),
    "not-ready": ("not ready", Outcome.FAIL),
    "draining": ("draining", Outcome.WARN),
    "stale": ("stale", Outcome.WARN),
    "stopped": ("stopped", Outcome.SKIPPED),
    "forgotten": ("forgotten", Outcome.SKIPPED),
    "no-agent": ("no agent", Outcome.UNKNOWN),
}
_FINGERPRINT = 7  # letters that a person can compare
_LONGEST_NAME = 64  # letters, as Linux has it for its own
_LONGEST_VERSION = 14
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


@dataclass(frozen=True, slots=True)
class Row:
    """A replica as it is listed.

    `version_is` and `config_is` are "older", "newer" or "other" where most replicas have another one than this. The
    smaller its `urgency`, the sooner it is to be read.
    """

    name: str
    state: str
    outcome: Outcome
    finding: str
    version: str
    config: str
    seen: str
    own: bool = False
    urgency: int = 0
    version_is: str = ""
    config_is: str = ""


def rows(cluster: Cluster) -> tuple[Row, ...]:
    """A row for each replica, in their order."""
    known = [one for one in cluster.replicas if one.present]
    versions = _compared((one.pomerium for one in known), _newer_release)
    configs = _compared((one.config for one in known), _newer_config(known))
    hosts = Counter(name(one) for one in cluster.replicas)
    return tuple(
        _row(one, cluster.at, versions, configs, alone=hosts[name(one)] == 1) for one in cluster.replicas
    )


def name(one: Told) -> str:
    """Its host, as far as it is read at a glance."""
    return one.host if len(one.host) <= _LONGEST_NAME else f"{one.host[: _LONGEST_NAME - 3]}..."


def finding(one: Told, at: float) -> str:
    """The worst that is known of a replica, in a few words; "" where all is well."""
    worst = one.ailments[0].name if one.ailments else ""
    more = f" (+{len(one.ailments) - 1})" if len(one.ailments) > 1 else ""
    was = f"was {worst}{more}" if worst else f"was {'ready' if one.said_ready else 'not ready'}"
    if one.state == "no-agent":
        return one.seen_by or "it shows in the storage alone"
    if one.state == "stopped":
        return f"its agent was stopped; {was}"
    if one.state in ("stale", "forgotten"):
        return f"no sign of life for {span(at - one.last_seen)}; {was}"
    if one.state == "not-ready" and not worst:
        return "no check says why"
    return worst + more


def total(cluster: Cluster) -> str:
    """How many there are, in one line."""
    counts = Counter(one.state for one in cluster.replicas)
    several = "" if len(cluster.replicas) == 1 else "s"
    said = [f"{len(cluster.replicas)} replica{several}", f"{counts['ready']} ready"]
    said += [f"{counts[state]} {STATES[state][0]}" for state in STATES if state != "ready" and counts[state]]
    expected = f"; expected {cluster.expected}" if cluster.expected else ""
    return f"{', '.join(said)}{expected}."


def below(cluster: Cluster) -> tuple[str, ...]:
    """What else there is to say of the whole, each in a line or more."""
    said = []
    if cluster.turn:
        said.append(
            f"{cluster.turn} may restart until {clock(cluster.turn_ends)}: it holds the rollout's lease."
        )
    if cluster.hidden:
        several = "replica was" if cluster.hidden == 1 else "replicas were"
        said.append(f"{cluster.hidden} {several} silent for more than 24 hours: --all shows them.")
    if cluster.notice:
        said.append(f"{cluster.notice[:1].upper()}{cluster.notice[1:]}.")
        said += [f"{place}. {step}" for place, step in enumerate(cluster.fix, 1)]
    return tuple(said)


def span(seconds: float) -> str:
    """How long, as a person says it."""
    if seconds < 2 * _MINUTE:
        return f"{max(seconds, 0):.0f} s"
    if seconds < 2 * _HOUR:
        return f"{seconds // _MINUTE:.0f} min"
    return f"{seconds // _HOUR:.0f} h" if seconds < 2 * _DAY else f"{seconds // _DAY:.0f} days"


def clock(seconds: float) -> str:
    """The time of day."""
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%H:%M:%S} UTC"


def date(seconds: float) -> str:
    """The day and the time."""
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


def fingerprint(text: str) -> str:
    """As much of it as a person compares."""
    return text[:_FINGERPRINT]


Compared = Mapping[str, str]
Newer = Callable[[str, str], bool | None]


def _row(one: Told, at: float, versions: Compared, configs: Compared, *, alone: bool) -> Row:
    said, outcome = STATES[one.state]
    return Row(
        name=name(one) if alone or not one.id else f"{name(one)} ({one.id[:8]})",
        state=said,
        outcome=outcome,
        finding=finding(one, at),
        version=one.pomerium[:_LONGEST_VERSION],
        config=fingerprint(one.config),
        seen=f"{span(at - one.last_seen)} ago" if one.last_seen else "",
        own=one.own,
        urgency=list(STATES).index(one.state) if one.state != "ready" else len(STATES) - bool(one.ailments),
        version_is=versions.get(one.pomerium, "") if one.present else "",
        config_is=configs.get(one.config, "") if one.present else "",
    )


def _compared(values: Iterable[str], newer: Newer) -> Compared:
    """Of each value that most do not have, what it is beside the one that most have: "older", "newer", "other"."""
    counts = Counter(value for value in values if value)
    if len(counts) < 2:
        return {}
    most, _ = counts.most_common(1)[0]
    words = {True: "newer", False: "older", None: "other"}
    return {value: words[newer(value, most)] for value in counts if value != most}


def _newer_release(one: str, other: str) -> bool | None:
    first, second = parse(one), parse(other)
    return None if first is None or second is None else first > second


def _newer_config(known: Sequence[Told]) -> Newer:
    """That configuration is the newer which was seen first later."""
    since: dict[str, float] = {}
    for one in known:
        since[one.config] = min(since.get(one.config, one.config_since), one.config_since)

    def newer(one: str, other: str) -> bool | None:
        return since[one] > since[other] if since[one] != since[other] else None

    return newer

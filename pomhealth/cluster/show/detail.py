"""One replica of the cluster, with all that is known of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pomhealth.cluster.show.model import Cluster, Illness, Told
from pomhealth.cluster.show.words import STATES, below, date, finding, span
from pomhealth.report.style import Style
from pomhealth.status import Outcome

_STOPS = {"live": " (stops /healthz and /readyz)", "ready": " (stops /readyz)"}
_OUTCOMES = {one.value: one for one in Outcome}


def detail(one: Told, cluster: Cluster, style: Style) -> str:
    """The text. Of `cluster` only what stands beside the replica is used."""
    said, outcome = STATES[one.state]
    why = finding(one, cluster.at)
    head = f"{one.host}: {said}{f': {why}' if why else ''}"
    lines = [f"{style.mark(outcome)} {style.strong(style.wrap(head, '  ').lstrip())}"]
    lines += [style.wrap(text, f"  {name:<14} ", " " * 17) for name, text in _facts(one, cluster.at)]
    for illness in one.ailments:
        lines += ["", *_illness(illness, style)]
    if one.checks:
        lines += ["", style.strong("Checks"), *_checks(one, style)]
    more = below(cluster)
    return "\n".join([*lines, *([""] if more else []), *map(style.wrap, more)]) + "\n"


def _facts(one: Told, at: float) -> Iterator[tuple[str, str]]:
    """What is known, by what it is."""
    versions = (("Pomerium", one.pomerium), ("Envoy", one.envoy), ("agent", one.agent))
    facts = [
        ("id", f"{one.id} (the replica of the agent that answers)" if one.own else one.id),
        ("last seen", f"{span(at - one.last_seen)} ago, {date(one.last_seen)}" if one.last_seen else ""),
        ("first seen", date(one.first_seen) if one.first_seen else ""),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions if version)),
        ("configuration", f"{one.config}{f', since {date(one.config_since)}' if one.config_since else ''}"),
        *(("address", f"{role} {where}") for role, where in one.addresses.items()),
        ("metrics", one.metrics),
        ("database", f"its agent comes from {one.peer}" if one.peer else ""),
        ("clock", _clock(one.clock)),
        ("other id", f"{one.instead_of}, which another living replica has" if one.instead_of else ""),
    ]
    return ((name, text) for name, text in facts if text)


def _clock(ahead: float | None) -> str:
    if ahead is None:
        return ""
    return f"{abs(ahead):.2f} s {'ahead of' if ahead >= 0 else 'behind'} the database's"


def _illness(one: Illness, style: Style) -> Iterator[str]:
    outcome = _OUTCOMES[one.outcome]
    stops = _STOPS.get(one.gate, "") if outcome is Outcome.FAIL else ""
    yield style.wrap(f"{one.name}{stops}", f"{style.mark(outcome)} ", "  ")
    if one.summary:
        yield style.wrap(one.summary, "    ")
    code = "/".join(part for part in (one.id, one.cause) if part)
    yield style.wrap(f"More: `pomhealth explain {code}`", "    ")


def _checks(one: Told, style: Style) -> Iterator[str]:
    for id_, state in one.checks.items():
        outcome = _OUTCOMES.get(state.partition(" ")[0], Outcome.UNKNOWN)
        yield style.wrap(f"{id_}: {state}", f"  {style.mark(outcome)} ", "      ")

"""The verdict over all replicas in a sentence, and never more than is known. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pomhealth.cluster.model import Lease, Roster
from pomhealth.publish.page.alerts import Alert
from pomhealth.publish.page.cluster.rows import cut, when
from pomhealth.publish.page.cluster.survey import COUNTED, LAST, said
from pomhealth.publish.page.icon import icon
from pomhealth.publish.page.pieces import Piece, inline, pieces
from pomhealth.publish.page.verdict import SIGNS, Named, Verdict
from pomhealth.publish.page.words import moment
from pomhealth.publish.replicas import fix
from pomhealth.publish.view import View

REGISTRY = "cluster_registry"  # the check that tells why the registry cannot be used
_WHY = 300  # characters


@dataclass(frozen=True, slots=True)
class Todo:
    """What to do: `steps` towards the whole view, `alerts`; `none` is said where there is neither."""

    steps: tuple[tuple[Piece, ...], ...]
    alerts: tuple[Alert, ...]
    none: str


def in_short(view: View, counts: Mapping[str, int]) -> str:
    """For the replica's own page; "" where the cluster is off."""
    roster = view.roster
    if not roster.wanted:
        return ""
    if not roster.complete:
        return (
            "Cluster: what is known of it is incomplete" if roster.trouble else "Cluster: not looked at yet"
        )
    return f"Cluster: {_ready(counts):,} of {max(_all(counts), view.expected):,} ready"


def verdict(view: View, counts: Mapping[str, int], alerts: tuple[Alert, ...]) -> Verdict:
    """What stands at the top of the page; `alerts` are those about the cluster, which stand below."""
    roster = view.roster
    state, headline, detail = _said(view, counts, alerts)
    return Verdict(
        state=state,
        subject=_subject(roster),
        headline=headline,
        detail=inline(detail),
        why=(),
        besides=tuple(Named(one.id, one.css, one.cause or one.word) for one in alerts),
        more=0,
        notice=inline(view.notice),
        counts=_counts(counts, roster),
        title=f"{SIGNS[state]} {headline} · pomhealth",
        icon=icon(state),
    )


def todo(roster: Roster, counts: Mapping[str, int], alerts: tuple[Alert, ...]) -> Todo:
    """What a person should act on now, for all replicas; what ails one of them stands with it."""
    told = roster.complete or any(one.id == REGISTRY for one in alerts)
    steps = () if told else tuple(map(pieces, fix(roster)))
    each = roster.complete and _ready(counts) < _all(counts)
    none = "What there is to do stands with each replica below." if each else "Nothing."
    return Todo(steps, alerts, none)


def rollout(roster: Roster) -> str:
    """Who may restart its replica now; "" where nobody asked to."""
    lease = roster.lease
    if lease is None or lease.until <= roster.at:
        return ""
    until = moment(when(lease.until)) or "further notice"
    return f"{_holder(lease, roster)} has leave to restart its replica until {until}; others wait for it."


def _holder(lease: Lease, roster: Roster) -> str:
    host = next((member.account.host for member in roster.members if member.id == lease.holder), "")
    return cut(host, 100) or f"the replica with the id {cut(lease.holder, 40)}"


def _subject(roster: Roster) -> str:
    me = roster.me
    return f"The cluster, as {cut(me.account.host, 100)} sees it" if me is not None else "The cluster"


def _said(view: View, counts: Mapping[str, int], alerts: tuple[Alert, ...]) -> tuple[str, str, str]:
    """The state, the headline and a sentence more."""
    roster = view.roster
    if not roster.wanted:
        return "blind", "The cluster view is off", "This agent tells of its own replica only."
    if not roster.complete:
        return _in_part(roster)
    all_, ready = _all(counts), _ready(counts)
    if not all_:
        return "blind", "No replica is registered", ""
    headline = _headline(all_, ready)
    lacking = view.expected - all_
    detail = f"{view.expected:,} are expected: {_are(lacking)} missing." if lacking > 0 else ""
    if not ready:
        return "not-ready", headline, detail
    well = ready == all_ and lacking <= 0 and not alerts
    return "ready" if well else "concern", headline, detail


def _in_part(roster: Roster) -> tuple[str, str, str]:
    trouble = roster.trouble
    if trouble is None:
        return "starting", "The other replicas are being looked for", "The registry has not been read yet."
    why = " ".join(cut(trouble.why, _WHY).split()).rstrip(".")
    at = moment(when(roster.at))
    as_of = f"What is shown was so at {at}." if at else "Nothing is known of other replicas."
    return "blind", "This view is incomplete", f"The registry cannot be used: {why}. {as_of}"


def _headline(all_: int, ready: int) -> str:
    if all_ == 1:
        return f"The only replica is {'ready' if ready else 'not ready'}"
    if ready == all_:
        return "Both replicas are ready" if all_ == 2 else f"All {all_:,} replicas are ready"
    return f"{all_:,} replicas, {f'{ready:,}' if ready else 'none'} ready"


def _are(number: int) -> str:
    return "1 is" if number == 1 else f"{number:,} are"


def _counts(counts: Mapping[str, int], roster: Roster) -> str:
    """How many replicas are how, unless that is not known, or said already."""
    if not roster.complete or _ready(counts) == sum(counts.values()):
        return ""
    told = [(how, counts.get(how, 0)) for how in ("ready", *COUNTED[:-1], LAST[0])]
    return ", ".join(f"{number:,} {said(how)}" for how, number in told if number)


def _all(counts: Mapping[str, int]) -> int:
    return sum(counts.get(how, 0) for how in COUNTED)


def _ready(counts: Mapping[str, int]) -> int:
    return counts.get("ready", 0)

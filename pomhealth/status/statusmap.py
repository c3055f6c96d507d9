"""The component status map: a value, and what it means. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from pomhealth.status.component import Component, Report
from pomhealth.status.finding import Finding, Gate, Outcome

_BAD = (Outcome.FAIL, Outcome.UNKNOWN)
_BY_GATE = {Gate.LIVE: 0, Gate.READY: 2, Gate.ALERT: 4}
_BY_OUTCOME = {Outcome.WARN: 6, Outcome.UNKNOWN: 7, Outcome.SKIPPED: 8, Outcome.PASS: 9}


@dataclass(frozen=True, slots=True)
class Entry:
    """One component as it is told: roots and followers sorted out.

    `finding` is None while nothing has been seen yet; `blocked_by` names the root whose failure this one follows;
    `followers` the ids that are skipped because of this one.
    """

    component: Component
    finding: Finding | None
    blocked_by: str = ""
    followers: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.component.id

    @property
    def outcome(self) -> Outcome:
        return Outcome.UNKNOWN if self.finding is None else self.finding.outcome

    @property
    def pending(self) -> bool:
        """Nothing has been seen yet, though something could be."""
        return self.finding is None or self.finding.early

    @property
    def unobserved(self) -> bool:
        """It cannot be seen from here: a right, a version or a namespace is lacking."""
        return not self.pending and self.outcome is Outcome.UNKNOWN

    @property
    def applies(self) -> bool:
        return self.finding is None or self.finding.applies

    @property
    def urgency(self) -> int:
        """The smaller, the sooner to read: what fails and stops liveness, readiness, nothing; then warnings; the rest.

        What was not looked at yet stands right after what fails with the same gate.
        """
        if self.pending:
            return _BY_GATE[self.component.gate] + 1
        return _BY_GATE[self.component.gate] if self.outcome is Outcome.FAIL else _BY_OUTCOME[self.outcome]


@dataclass(frozen=True)
class StatusMap:
    """Every component by id. Changed only by making a new one."""

    components: Mapping[str, Component] = field(default_factory=dict)

    @cached_property
    def entries(self) -> Mapping[str, Entry]:
        """Every component as it is told, in the catalogue's order."""
        roots = {id_: _root(id_, self.components) for id_ in self.components}
        followers: dict[str, list[str]] = {}
        for id_, root in roots.items():
            if root:
                followers.setdefault(root, []).append(id_)
        return {
            id_: _entry(component, roots[id_], tuple(followers.get(id_, ())))
            for id_, component in self.components.items()
        }

    @cached_property
    def blind(self) -> bool:
        """Whether nothing at all of what readiness depends on can be seen from here.

        Nothing is known then, which is no reason to send traffic: what cannot be seen counts, for once, as unknown.
        """
        return all(
            entry.unobserved
            for entry in self.entries.values()
            if entry.component.gate is not Gate.ALERT and entry.applies
        )

    def counting(self, *gates: Gate) -> tuple[Entry, ...]:
        """The entries that count for these gates: they apply, and they can be seen or soon will be."""
        return tuple(
            entry
            for entry in self.entries.values()
            if entry.component.gate in gates and entry.applies and (self.blind or not entry.unobserved)
        )

    @property
    def ready(self) -> bool:
        return not self.blind and not self.stopping(Gate.LIVE, Gate.READY)

    @property
    def live(self) -> bool:
        """Would a restart help? Something not looked at yet is no reason for one."""
        return not any(entry.outcome is Outcome.FAIL for entry in self.counting(Gate.LIVE))

    @property
    def looked(self) -> bool:
        """Whether everything that counts has been looked at, and at least something does."""
        counting = self.counting(Gate.LIVE, Gate.READY)
        return bool(counting) and not any(entry.pending for entry in counting)

    def stopping(self, *gates: Gate, exclude: Iterable[str] = ()) -> tuple[Entry, ...]:
        """The entries that keep these gates closed by themselves: failing, or not looked at yet.

        What follows a failing root is not among them, the root is; but to exclude a root excuses nobody else.
        """
        excluded = frozenset(exclude)
        roots = {
            id_ for id_ in excluded if id_ in self.components and self.components[id_].gate is not Gate.ALERT
        }
        return tuple(
            entry
            for entry in self.counting(*gates)
            if entry.id not in excluded and (entry.outcome in _BAD or entry.blocked_by in roots)
        )

    def alerts(self) -> tuple[Entry, ...]:
        """What a person should act on now, worst first; of equals the oldest first."""
        told = (entry for entry in self.entries.values() if entry.outcome in (Outcome.FAIL, Outcome.WARN))
        return tuple(sorted(told, key=lambda entry: (entry.urgency, entry.component.since)))

    @cached_property
    def _calm(self) -> bool:
        """Whether nothing fails and nothing follows a root: then no entry depends on another."""
        return not any(entry.outcome is Outcome.FAIL or entry.blocked_by for entry in self.entries.values())

    def turns(self, before: StatusMap, id_: str) -> bool:
        """Whether there is more to tell than of `before`, which differs in `id_` alone, than words and a time."""
        if not (self._calm and before._calm):
            return True
        old, new = before.components[id_].finding, self.components[id_].finding
        return old is None or new is None or (old.outcome, old.cause) != (new.outcome, new.cause)

    def without(self, id_: str) -> StatusMap:
        """The map without this component."""
        return StatusMap({one: component for one, component in self.components.items() if one != id_})

    def with_component(self, component: Component) -> StatusMap:
        """The map with this component in place of the one before; what is worked out of the others is kept.

        It is made several times a second, and mostly all is well.
        """
        after = StatusMap({**self.components, component.id: component})
        found = component.finding
        if found is not None and found.outcome is not Outcome.FAIL and not found.blocked_by and self._calm:
            entries = {**self.entries, component.id: Entry(component, found)}
            after.__dict__.update(entries=entries, _calm=True)
        return after


def observe(status: StatusMap, id_: str, finding: Finding, *, at: float) -> StatusMap:
    """The map after a settled finding for `id_`, looked at `at` (seconds since the epoch)."""
    before = status.components[id_]
    return status.with_component(_turned(before, replace(before, measured=finding, checked=at), at))


def report(
    status: StatusMap, reports: Mapping[str, Report], gates: Mapping[str, Gate], *, at: float
) -> StatusMap:
    """The map after a new report of the replica's own, which replaces the one before.

    An id that is not in the map joins it, gated by `gates`, else as Pomerium gates it: what it requires stops
    readiness, the rest is only told. One of which nothing is known any more leaves, unless it is measured.
    """
    after = dict(status.components)
    for id_, said in reports.items():
        before = after.get(id_)
        known = before or Component(id_, gates.get(id_, Gate.READY if said.required else Gate.ALERT))
        checked = known.checked if known.measures else at
        failing = 0.0 if said.healthy else known.failing_since or at
        insists = not failing or at - failing >= known.patience
        told = replace(known, reported=said, failing_since=failing, insists=insists, checked=checked)
        turned = _turned(before, told, at)
        measured = turned.measured is not None and turned.finding is turned.measured
        after[id_] = (
            replace(turned, proven=known.proven) if measured else turned
        )  # it may be of the replica before
    for id_, component in status.components.items():
        if component.reported is None or id_ in reports:
            continue
        silent = replace(component, reported=None, failing_since=0.0, insists=True)
        if silent.finding is None and not silent.measures:
            del after[id_]
        else:
            after[id_] = _turned(component, silent, at)
    return StatusMap(after)


def forget(status: StatusMap, ids: Iterable[str], *, at: float) -> StatusMap:
    """The map with what was measured of these ids taken back: they are to be looked at anew."""
    after = dict(status.components)
    for id_ in ids:
        after[id_] = _turned(after[id_], replace(after[id_], measured=None), at)
    return StatusMap(after)


def restarted(status: StatusMap, stay: Iterable[str], *, at: float) -> StatusMap:
    """The map when another process has taken the replica's place.

    Nothing is proven of it, and its report is still to come; what was measured stands until it is measured anew.
    Of what only a report tells, the ids in `stay` wait for the next one, the others leave.
    """
    staying = frozenset(stay)
    after = {}
    for id_, component in status.components.items():
        if component.measures:
            after[id_] = replace(component, proven=False, reported=None, failing_since=0.0, insists=True)
        elif id_ in staying:
            after[id_] = replace(component, proven=False, reported=None, measured=None, since=at)
    return StatusMap(after)


def shifted(status: StatusMap, by: float) -> StatusMap:
    """The map with every time in it moved by so many seconds: the clock was set, and order and durations stay."""
    return StatusMap(
        {
            id_: replace(
                component,
                since=_later(component.since, by),
                checked=_later(component.checked, by),
                failing_since=_later(component.failing_since, by),
            )
            for id_, component in status.components.items()
        }
    )


def _later(moment: float, by: float) -> float:
    return moment + by if moment else 0.0  # 0 stands for never


def _turned(before: Component | None, after: Component, at: float) -> Component:
    """`after` with the time since when its state stands, and whether it is proven."""
    new = after.finding
    old = before.finding if before else None
    same = old is not None and new is not None and (old.outcome, old.cause) == (new.outcome, new.cause)
    if not same and (old is not None or new is not None):
        after = replace(after, since=at)
    if new is not None and new.outcome in (Outcome.PASS, Outcome.WARN) and not after.proven:
        after = replace(after, proven=True)
    return after


def _root(id_: str, components: Mapping[str, Component], below: tuple[str, ...] = ()) -> str:
    """The topmost failing check that `id_` needs, if `id_` cannot be trusted because of it; else ''.

    `below` are the checks that ask for it: two that name one another have no root in one another.
    """
    component = components[id_]
    found = component.finding
    if id_ in below or (found is not None and not found.applies):
        return ""
    path = (*below, id_)
    for need in component.needs:
        if need not in components:
            continue
        root = _root(need, components, path) or need
        if root not in path and _overshadowed(component, components.get(root)):
            return root
    by = found.blocked_by if found is not None else ""
    if not by or by in path:
        return ""
    return (by in components and _root(by, components, path)) or by


def _overshadowed(component: Component, root: Component | None) -> bool:
    """Whether a component says nothing of its own while this root fails.

    It does not pass, or passed only before, or passes by the replica's word alone: that stays green for long.
    """
    if root is None or root.finding is None or root.finding.outcome is not Outcome.FAIL:
        return False
    found = component.finding
    if found is None or found.outcome in (*_BAD, Outcome.SKIPPED):
        return True
    seen = component.measured is not None and component.measured.outcome is not Outcome.UNKNOWN
    return not seen or component.checked < root.since


def _entry(component: Component, root: str, followers: tuple[str, ...]) -> Entry:
    finding = component.finding
    if root:
        own = f" ({finding.summary})" if finding and finding.outcome is Outcome.FAIL else ""
        finding = Finding(Outcome.SKIPPED, f"not judged while {root} fails{own}", blocked_by=root)
    return Entry(component, finding, root, followers)

"""A report's content, for text and JSON alike: what is told of each check, and what it adds up to. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pomhealth.catalogue import Catalogue, Check, Step, advice, cause_of
from pomhealth.replica.model import SOMEWHERE, Platform
from pomhealth.status import Entry, Evidence, Finding, Gate, Outcome, StatusMap

OTHER = "Reported by the replica"  # the area of ids that this release does not know
_NOT_LOOKED = Finding(Outcome.UNKNOWN, "not looked at in the time given")


@dataclass(frozen=True, slots=True)
class Item:
    """What is told of one check. `steps` is what to do, in order, `who` (a key of the catalogue's CURERS) who can;
    `reported` what the replica says, where it differs.
    """

    entry: Entry
    area: str
    docs: str
    summary: str
    says: str
    evidence: tuple[Evidence, ...]
    steps: tuple[Step, ...]
    who: str
    reported: str
    followers: tuple[Item, ...] = ()

    @property
    def id(self) -> str:
        return self.entry.id

    @property
    def outcome(self) -> Outcome:
        return self.entry.outcome

    @property
    def cause(self) -> str:
        return self.entry.finding.cause if self.entry.finding else ""

    @property
    def stops(self) -> bool:
        """Whether it is what keeps /readyz at 503."""
        return _is_error(self) and self.entry.component.gate is not Gate.ALERT


def items(
    status: StatusMap, catalogue: Catalogue, ids: Iterable[str] = (), platform: Platform = SOMEWHERE
) -> tuple[Item, ...]:
    """Everything that a report tells, worst first, else in the catalogue's order; each follower with its root.

    With `ids` only these, and the roots that they follow. What has no meaning for this replica is left out.
    Steps are told in the commands of the replica's `platform`.
    """
    wanted = set(ids)
    wanted |= {
        entry.blocked_by for id_, entry in status.entries.items() if id_ in wanted and entry.blocked_by
    }
    told = {
        id_: entry for id_, entry in status.entries.items() if entry.applies and (not wanted or id_ in wanted)
    }
    order = {check.id: place for place, check in enumerate(catalogue)}

    def place(id_: str) -> tuple[int, int, str]:
        check = catalogue.find(id_)
        return (told[id_].urgency, order[check.id] if check else len(order), id_)

    def item(id_: str) -> Item:
        entry = told[id_]
        under = tuple(item(one) for one in sorted(told, key=place) if told[one].blocked_by == id_)
        return _item(entry, catalogue.find(id_), under, platform)

    return tuple(item(id_) for id_ in sorted(told, key=place) if told[id_].blocked_by not in told)


def every(tops: Iterable[Item]) -> tuple[Item, ...]:
    """Each item followed by its followers."""
    return tuple(one for top in tops for one in (top, *every(top.followers)))


def failing(tops: Iterable[Item]) -> tuple[Item, ...]:
    """The errors: what fails, whatever it gates, and what was not looked at."""
    return tuple(item for item in every(tops) if _is_error(item))


def blind(tops: Iterable[Item]) -> bool:
    """Whether nothing of what readiness depends on can be seen: then the agent does not call it ready either."""
    counting = [item for item in every(tops) if item.entry.component.gate is not Gate.ALERT]
    return all(item.entry.unobserved for item in counting)


def warnings(tops: Iterable[Item]) -> tuple[Item, ...]:
    return tuple(item for item in every(tops) if item.outcome is Outcome.WARN)


def _is_error(item: Item) -> bool:
    return item.outcome is Outcome.FAIL or item.entry.pending


def _item(entry: Entry, check: Check | None, followers: tuple[Item, ...], platform: Platform) -> Item:
    finding = entry.finding or _NOT_LOOKED
    cause = cause_of(finding, check)
    reported = ""
    if entry.component.contradicted and entry.component.reported is not None:
        said = entry.component.reported
        reported = said.error.strip() or said.status
    return Item(
        entry=entry,
        area=check.area if check else OTHER,
        docs=check.docs if check else "",
        summary=finding.summary,
        says=cause.says if cause else "",
        evidence=finding.evidence,
        steps=advice(finding, check, platform.kind, platform.names),
        who=cause.who if cause else "",
        reported=reported,
        followers=followers,
    )

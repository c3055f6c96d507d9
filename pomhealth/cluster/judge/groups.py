"""Members by what they have, and which of them have the older. Pure.

That something is newer is said only where a member was seen to change to it. When a replica was first seen says nothing
of the age of what it had then: agents are installed one after the other, and a replica may come with an old file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pomhealth.cluster.model import BEAT, Member


@dataclass(frozen=True, slots=True)
class Group:
    """Members that have the same.

    `since` is when the first of them was seen with it, `adopted` when one of them changed to it as the last, 0 where
    none was seen to change.
    """

    what: str
    members: tuple[Member, ...]
    since: float
    adopted: float


@dataclass(frozen=True, slots=True)
class Difference:
    """More than one group, the largest first.

    `newest` is what was changed to as the last, None where nobody was seen to change, or two changes came too close.
    `behind` have kept another although they were there, `joined` came later with another. `began` is when there were
    two for the first time, `moved` when a member came to what it has as the last.
    """

    groups: tuple[Group, ...]
    newest: Group | None
    behind: tuple[Member, ...]
    joined: tuple[Member, ...]
    began: float
    moved: float

    def counts_in(self, now: float, calm: float, most: float) -> float:
        """Seconds until it counts: once nothing has moved for `calm` seconds, or it has lasted for `most`; 0 for now."""
        return max(0.0, min(self.moved + calm, self.began + most) - now)


def difference(
    members: Iterable[Member], what: Callable[[Member], str], since: Callable[[Member], float]
) -> Difference | None:
    """How these differ, None where they do not. A member of which it is not known what it has ("") says nothing."""
    known: dict[str, list[Member]] = {}
    for member in members:
        if what(member):
            known.setdefault(what(member), []).append(member)
    if len(known) < 2:
        return None
    groups = sorted(
        (_group(one, having, since) for one, having in known.items()),
        key=lambda group: (-len(group.members), group.since, group.what),
    )
    newest = _newest(groups)
    others = [one for group in groups if group is not newest for one in group.members] if newest else []
    return Difference(
        groups=tuple(groups),
        newest=newest,
        behind=tuple(one for one in others if newest and one.first_seen <= newest.adopted),
        joined=tuple(one for one in others if newest and one.first_seen > newest.adopted),
        began=sorted(group.since for group in groups)[1],
        moved=max(since(one) for having in known.values() for one in having),
    )


def _group(what: str, members: list[Member], since: Callable[[Member], float]) -> Group:
    changed = [since(one) for one in members if since(one) > one.first_seen + BEAT]
    return Group(what, tuple(members), min(map(since, members)), max(changed, default=0.0))


def _newest(groups: list[Group]) -> Group | None:
    second, last = sorted(groups, key=lambda group: group.adopted)[-2:]
    return last if last.adopted > second.adopted + BEAT else None

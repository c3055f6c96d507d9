"""What replicas and moments are called in findings. Pure.

What other agents wrote is input: a host's name is cut, and what cannot be seen in it is shown as such.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone

from pomhealth.cluster.model import Member, Roster

OURS = "this replica"
NAMED = 4  # replicas that are named in one sentence
_LONGEST = 80  # characters of a word
_ID = 8  # characters of an id, which tell replicas on one host apart
_LAST = 253402300799.0  # seconds since the epoch: the end of the year 9999
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class Names:
    """The names of a roster's members: the host's, with the beginning of the id where several share one."""

    def __init__(self, roster: Roster) -> None:
        self._mine = roster.mine
        self._hosts = Counter(member.account.host for member in roster.members)

    def of(self, member: Member) -> str:
        """The name of this one: "this replica" for the own."""
        return OURS if member.id == self._mine else self.full(member)

    def full(self, member: Member) -> str:
        """The same, by its host even if it is the own."""
        host, id_ = shown(member.account.host), member.id[:_ID]
        if not host:
            return f"replica {id_}"
        return f"{host} ({id_})" if self._hosts[member.account.host] > 1 else host

    def all(self, members: Iterable[Member], most: int = NAMED) -> str:
        """These in one clause, the own first: "this replica, web-2 and 7 more"."""
        ordered = sorted(members, key=lambda member: member.id != self._mine)
        return several([self.of(member) for member in ordered[:most]], len(ordered))


def several(names: Sequence[str], count: int = 0) -> str:
    """The names in one clause; `count` is how many there are, where not all are named."""
    more = max(0, count - len(names))
    if more:
        return f"{', '.join(names)} and {more} more"
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part) if names else ""


def shown(text: str) -> str:
    """Somebody else's word within bounds: what cannot be printed becomes "?"."""
    text = "".join(letter if letter.isprintable() else "?" for letter in text[: 2 * _LONGEST]).strip()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def host_name(members: Sequence[Member]) -> tuple[tuple[str, str], ...]:
    """What HOST stands for in the steps: the first one's name, where a shell would read it as nothing else."""
    safe = (one.account.host for one in members if _SAFE.fullmatch(one.account.host))
    host = next(safe, "")
    return (("HOST", host),) if host else ()


def moment(seconds: float) -> str:
    """A time of the database's clock, to the second: "2026-11-22 02:41:10 UTC"."""
    if not 0.0 < seconds < _LAST:
        return "an unknown time"
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"

"""What an agent does with the registry: makes its tables, keeps its own row, reads the others'."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from pomhealth.cluster.model import Account, Lease, Member
from pomhealth.cluster.registry import schema, statements
from pomhealth.cluster.registry.rows import lease, moment, read, with_certificates
from pomhealth.cluster.registry.sql import Ask, Away, Row, Session
from pomhealth.cluster.registry.trouble import newer, no_tables

ANSWER = 3.0  # seconds for an answer
MAKING = 10.0  # seconds for the tables: another agent may be at it
_PAGES = 500  # of all rows, at most: 50,000 replicas


@dataclass(frozen=True, slots=True)
class Written:
    """The own row was written: when, by the database's clock, and its revision."""

    at: float
    revision: int


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has a row: the agent's run and mark, and its last sign of life."""

    run: str
    mark: str
    last_seen: float


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign of life, as far as it shows."""

    id: str
    last_seen: float
    revision: int
    stopped: bool


@dataclass(frozen=True, slots=True)
class Beat:
    """What one beat brought: `written` is None where the row is no longer ours."""

    at: float
    written: Written | None
    signs: tuple[Sign, ...]
    lease: Lease | None


class Registry:
    """One agent's way to the tables; `run` tells this process apart from others with the same id. All raise Away."""

    def __init__(self, session: Session, run: str) -> None:
        self._session = session
        self._run = run

    async def prepare(self) -> None:
        """Sees to it that the tables are there, all of them, in a shape that this release knows."""
        try:
            rows, whole = await self._ask(statements.STEP, statements.WHOLE)
        except Away as away:
            if not no_tables(away.trouble):
                raise
            rows, whole = (), ()
        if not rows or self._behind(rows[0]) or whole[0][0] != "t":
            await self._make()

    async def claim(self, id_: str, mark: str, account: Account) -> Written | None:
        """Takes the row of this id; None where another living agent has it."""
        asks = (statements.claim(id_, self._run, mark, account), statements.tell(id_), statements.SWEEP)
        return _written((await self._ask(*asks))[0])

    async def write(self, id_: str, account: Account, *, tell: bool) -> Written | None:
        """Writes the own row anew; None where it is no longer ours. `tell` has the others look at it at once."""
        asks = (statements.write(id_, self._run, account),)
        return _written((await self._ask(*asks, *((statements.tell(id_),) if tell else ())))[0])

    async def beat(self, id_: str, *, everybody: bool) -> Beat:
        """Gives a sign of life, and takes in those of the others: of `everybody`, or of who is silent."""
        own, now, signs, leases = await self._ask(
            statements.beat(id_, self._run),
            statements.NOW,
            statements.signs(everybody=everybody),
            statements.LEASE,
        )
        return Beat(
            at=float(now[0][0] or 0.0),
            written=_written(own),
            signs=tuple(map(_sign, signs)),
            lease=lease(leases[0]) if leases else None,
        )

    async def owner(self, id_: str) -> tuple[Owner | None, float]:
        """Who has the row of this id, and what time it is there."""
        rows, now = await self._ask(statements.owner(id_), statements.NOW)
        return (Owner(rows[0][0] or "", rows[0][1] or "", float(rows[0][2] or 0.0)) if rows else None), float(
            now[0][0] or 0.0
        )

    async def lease(self) -> tuple[Lease | None, float]:
        """Who may restart a replica now, and what time it is there."""
        leases, now = await self._ask(statements.LEASE, statements.NOW)
        return (lease(leases[0]) if leases else None), float(now[0][0] or 0.0)

    async def signs(self) -> tuple[tuple[Sign, ...], float]:
        """Everybody's sign of life, and what time it is there."""
        signs, now = await self._ask(statements.signs(everybody=True), statements.NOW)
        return tuple(map(_sign, signs)), float(now[0][0] or 0.0)

    async def load(self) -> tuple[tuple[Member, ...], float]:
        """Every member, and what time it is there."""
        members: list[Member] = []
        last = ""
        for _ in range(_PAGES):
            rows, now = await self._ask(statements.load(last), statements.NOW)
            members += _members(rows)
            if len(rows) < statements.PAGE:
                break
            last = rows[-1][0] or ""
        return tuple(members), float(now[0][0] or 0.0)

    async def fetch(self, ids: Iterable[str]) -> tuple[tuple[Member, ...], float]:
        """The members with these ids, and what time it is there."""
        left = iter(tuple(ids))
        members: list[Member] = []
        at = 0.0
        while page := list(islice(left, statements.PAGE)):
            rows, now = await self._ask(statements.fetch(page), statements.NOW)
            members += _members(rows)
            at = float(now[0][0] or 0.0)
        return tuple(members), at

    async def certificates(self, members: Sequence[Member]) -> tuple[Member, ...]:
        """These members with their certificates."""
        (rows,) = await self._ask(statements.certificates([one.id for one in members]))
        known = {row[0]: row[1] for row in rows}
        return tuple(with_certificates(one, known.get(one.id)) for one in members)

    async def _make(self) -> None:
        """Takes the steps that are missing; one agent at a time."""
        await self._session.ask(*statements.MAKING, deadline=MAKING)
        try:
            there = (await self._ask(statements.ANY_STEP))[0][0][0] == "t"
            rows, whole = await self._ask(statements.STEP, statements.WHOLE) if there else ((), ())
            all_there = bool(whole) and whole[0][0] == "t"
            if not rows or self._behind(rows[0]) or not all_there:
                known = int(rows[0][0] or 0) if rows and all_there else 0
                begin = () if there else tuple(map(Ask, schema.BEGIN))
                steps = tuple(
                    Ask(statement)
                    for number, step in enumerate(schema.STEPS[known:], known + 1)
                    for statement in (*step.statements, schema.taken(number))
                )
                await self._session.ask(*begin, *steps, deadline=MAKING)
            await self._ask(statements.MADE)
        except BaseException:
            await self._undo()
            raise

    async def _undo(self) -> None:
        """Ends the transaction."""
        with contextlib.suppress(Away):
            await self._ask(statements.UNDO)

    def _behind(self, row: Row) -> bool:
        """Whether this release knows more steps. Raises Away where it knows too few."""
        step, least = int(row[0] or 0), int(row[1] or 0)
        if least > len(schema.STEPS):
            raise Away(newer(least, None))
        return step < len(schema.STEPS)

    async def _ask(self, *asks: Ask) -> Sequence[Sequence[Row]]:
        return await self._session.ask(*asks, deadline=ANSWER)


def _written(rows: Sequence[Row]) -> Written | None:
    return Written(float(rows[0][0] or 0.0), int(rows[0][1] or 0)) if rows else None


def _members(rows: Sequence[Row]) -> list[Member]:
    return [member for member in map(_member, rows) if member is not None]


def _member(row: Row) -> Member | None:
    try:
        return read(row)
    except ValueError:
        return None  # it is no row that an agent wrote


def _sign(row: Row) -> Sign:
    return Sign(row[0] or "", moment(row[1]), int(row[2] or 0), row[3] == "t")

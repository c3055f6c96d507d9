"""Reads the catalogue: one TOML file an area, one table a check."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from pomhealth.catalogue.step import PLATFORMS, Names, Step
from pomhealth.status.finding import Finding, Gate, Outcome

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DOCS = "docs/checks.md"
CURERS = {
    "operator": "whoever runs the replica",
    "database": "whoever runs the database",
    "network": "whoever runs the network, its firewall and its DNS",
    "certificates": "whoever has the certificates issued",
    "identity": "whoever administers the identity provider",
    "zero": "whoever administers the cluster in the Pomerium Zero console",
    "pomerium": "Pomerium's support",
}
CONFIG, PROCESS, STORAGE, PLACES, CLUSTER = "config", "process", "storage", "places", "cluster"


class CatalogueError(Exception):
    """The catalogue's files hold something that this release does not know."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One way in which a check can be found wanting.

    `steps` is what a person does about it, in order; `who` (a key of CURERS) tells which person can.
    """

    code: str
    outcome: Outcome
    says: str
    steps: tuple[Step, ...]
    who: str = "operator"


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `interval` is the seconds between two looks (0: only the replica's report tells), `deadline` the
    seconds that one look may take, `retry` the seconds until the next look while it fails, `dear` whether a look
    costs more the larger the configuration is, `keeps` whether such a look goes on with Envoy's last answer while a new
    one would be too dear, `needs` the checks without which it says nothing, `follows` those that
    its finding may name as its root, `report_cause` the
    cause code of a failing report of the replica's own, `pending_cause` that of one which says no more than that it is
    not RUNNING yet ("" for `report_cause`), `joint` whether such a report counts even where we measured
    nothing wrong (it sees what we cannot), `patience` the seconds for which it must have failed before it counts,
    `zero` whether it is only for Pomerium Zero's replicas, `offline` whether
    a configuration that no replica runs is enough to look at, `own` whether it tells of what the agent itself does, and
    only while it does it, `reading` where Pomerium documents the matter, and
    `triggers` the events after which it is looked at at once: CONFIG (the configuration changed), PROCESS (one of
    the replica's processes ended), STORAGE (something came on the storage connection), PLACES (a directory to which the
    replica saves is another, or mounted otherwise), CLUSTER (another replica of the cluster turned).
    """

    id: str
    area: str
    question: str
    means: str
    gate: Gate
    interval: float
    deadline: float
    retry: float
    dear: bool
    needs: tuple[str, ...]
    report_cause: str
    causes: Mapping[str, Cause]
    pending_cause: str = ""
    keeps: bool = False
    zero: bool = False
    joint: bool = False
    patience: float = 0.0
    offline: bool = False
    own: bool = False
    reading: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()

    @property
    def measured(self) -> bool:
        return self.interval > 0

    @property
    def docs(self) -> str:
        """Where the documentation of this check stands, in the project's tree."""
        return f"{DOCS}#{anchor(self.id)}"


STRANGER = Cause(
    "reported",
    Outcome.FAIL,
    "The replica reports this by itself, under an id that this release of pomhealth has no words for: Pomerium is newer"
    " than it. What the replica says is all that is known.",
    (
        Step(
            "Look the id up in Pomerium's documentation: https://www.pomerium.com/docs/internals/health-checks."
        ),
        Step("A newer pomhealth may know what to do about it."),
    ),
)


def cause_of(finding: Finding, check: Check | None) -> Cause | None:
    """What the catalogue has of a finding's cause; words for any where it does not know the check at all."""
    if check is None:
        return STRANGER if finding.cause else None
    return check.causes.get(finding.cause)


def advice(finding: Finding, check: Check | None, platform: str = "", names: Names = ()) -> tuple[Step, ...]:
    """What to do about a finding: the steps of just this case, then the catalogue's with its names filled in.

    `platform` is a key of PLATFORMS, "" where it is not known; `names` what that platform calls the replica.
    """
    cause = cause_of(finding, check)
    general = (
        step.filled(finding.names).narrowed(platform, names) for step in (cause.steps if cause else ())
    )
    return (*(Step(step) for step in finding.steps), *general)


def steps(finding: Finding, check: Check | None, platform: str = "", names: Names = ()) -> tuple[str, ...]:
    """The same, each step in one line."""
    return tuple(step.for_platform() for step in advice(finding, check, platform, names))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every check by id, in the order in which a report shows them."""

    checks: Mapping[str, Check]

    def __iter__(self) -> Iterator[Check]:
        return iter(self.checks.values())

    def find(self, id_: str) -> Check | None:
        """The check with this id; a family such as "identity-provider.<name>" answers for each of its members."""
        exact = self.checks.get(id_)
        if exact is not None:
            return exact
        families = (check for check in self if check.id.endswith(">"))
        return next((check for check in families if id_.startswith(check.id[: check.id.index("<")])), None)


def anchor(id_: str) -> str:
    """The heading anchor that Markdown renderers make of an id."""
    return "".join(letter for letter in id_.lower() if letter.isalnum() or letter in "-_")


_CHECK_KEYS = {one.name for one in fields(Check)} - {"id", "area", "causes"} | {"cause"}
_CAUSE_KEYS = {"says", "warn", "who", "steps"}


@cache
def catalogue() -> Catalogue:
    """The catalogue that this release ships."""
    checks: dict[str, Check] = {}
    files = Path(__file__).parent.glob("*.toml")
    for file in sorted(files, key=lambda file: file.name):
        document = tomllib.loads(file.read_text(encoding="utf-8"))
        for id_, table in document["check"].items():
            if id_ in checks:
                raise CatalogueError(f"{file.name}: {id_} stands in another file too")
            checks[id_] = read_check(id_, document["area"], table)
    return Catalogue(checks)


def read_check(id_: str, area: str, table: Mapping[str, Any]) -> Check:
    """One check as the file has it. Raises CatalogueError for a key, a platform or a person that it does not know."""
    _only(id_, table, _CHECK_KEYS)
    return _check(id_, area, table)


def _only(where: str, table: Mapping[str, Any], known: Iterable[str]) -> None:
    unknown = ", ".join(sorted(set(table) - set(known)))
    if unknown:
        raise CatalogueError(f"{where}: unknown: {unknown}")


def _check(id_: str, area: str, table: Mapping[str, Any]) -> Check:
    causes = {code: _cause(f"{id_}/{code}", code, cause) for code, cause in table.get("cause", {}).items()}
    interval = float(table.get("interval", 0))
    return Check(
        id=id_,
        area=area,
        question=table["question"],
        means=table["means"],
        gate=Gate(table["gate"]),
        interval=interval,
        deadline=float(table.get("deadline", 1.0)),
        retry=float(table.get("retry", min(interval, 1.0))),
        dear=table.get("dear", False),
        needs=tuple(table.get("needs", ())),
        report_cause=table.get("report_cause", "reported"),
        pending_cause=table.get("pending_cause", ""),
        keeps=table.get("keeps", False),
        zero=table.get("zero", False),
        joint=table.get("joint", False),
        patience=float(table.get("patience", 0)),
        offline=table.get("offline", False),
        own=table.get("own", False),
        reading=tuple(table.get("reading", ())),
        follows=tuple(table.get("follows", ())),
        triggers=tuple(table.get("triggers", ())),
        causes=causes,
    )


def _cause(where: str, code: str, table: Mapping[str, Any]) -> Cause:
    _only(where, table, _CAUSE_KEYS)
    outcome = Outcome.WARN if table.get("warn", False) else Outcome.FAIL
    who = table.get("who", "")
    if who not in CURERS:
        raise CatalogueError(f"{where}: who can cure it is not told, or nobody is called {who!r}")
    return Cause(code, outcome, table["says"], tuple(_step(where, step) for step in table["steps"]), who)


def _step(where: str, step: str | Mapping[str, str]) -> Step:
    """A step as written: one text, or {say = "…", linux = "…", docker = "…", kubernetes = "…", ecs = "…"}."""
    if isinstance(step, str):
        return Step(step)
    _only(where, step, ("say", *PLATFORMS))
    return Step(step["say"], {platform: step[platform] for platform in PLATFORMS if platform in step})

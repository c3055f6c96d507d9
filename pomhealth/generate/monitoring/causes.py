"""An alert for each cause of the catalogue. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from pomhealth.catalogue import Catalogue, Cause, Check
from pomhealth.catalogue.load import CURERS
from pomhealth.catalogue.step import Step
from pomhealth.generate.monitoring.alert import Alert, Group, camel, quoted, verbatim
from pomhealth.status import DRAINING, Outcome

# What an operator lets stop /readyz or /healthz pages, whichever gate the catalogue gives it.
BY_GATE = '{{ if eq $labels.gate "alert" }}warning{{ else }}critical{{ end }}'
_FAMILY = re.compile(r"<.*>")


@dataclass(frozen=True, slots=True)
class Holds:
    """For how long a cause must stand until it is an alert, by what it is.

    The agent has waited out what is only a moment's silence. A minute more lets a restart and a failover pass; a
    quarter of an hour a rolling upgrade, in which there are fewer replicas and two configurations; an hour a drain.
    """

    fails: str = "1m"
    warns: str = "15m"
    drains: str = "1h"


def groups(catalogue: Catalogue, docs_url: str, holds: Holds) -> Iterator[Group]:
    """A group for each area. `docs_url` stands before the path of the documentation in the project."""
    for area, checks in groupby(catalogue, key=lambda check: check.area):
        alerts = [
            _alert(check, cause, docs_url, holds) for check in checks for cause in check.causes.values()
        ]
        yield Group("pomhealth-" + "-".join(area.lower().split()), alerts)


def numbered(steps: Iterable[Step]) -> str:
    """What to do, one step a line."""
    return "\n".join(f"{number}. {step.for_platform()}" for number, step in enumerate(steps, 1))


def _alert(check: Check, cause: Cause, docs_url: str, holds: Holds) -> Alert:
    fails = cause.outcome is Outcome.FAIL
    drains = cause.code == DRAINING
    hold = holds.drains if drains else holds.fails if fails else holds.warns
    return Alert(
        name=camel(check.id, cause.code),
        expression=f"pomhealth_check_cause{{{_selector(check)}, cause={quoted(cause.code)}}} == 1",
        hold=hold,
        labels={
            "severity": BY_GATE if fails and not drains else "warning",
            "outcome": cause.outcome.value,
        },
        annotations={
            "summary": f"{{{{ $labels.instance }}}}: {_named(check)}: {cause.code}",
            "description": verbatim(cause.says),
            "steps": verbatim(numbered(cause.steps)),
            "who": CURERS[cause.who],
            "explain": f"pomhealth explain {_named(check)}/{cause.code}",
            "runbook_url": docs_url + check.docs,
        },
    )


def _selector(check: Check) -> str:
    """The label of the check; a family's members have each their own."""
    if "<" not in check.id:
        return f"check={quoted(check.id)}"
    return f"check=~{quoted(re.escape(_FAMILY.sub('', check.id)) + '.+')}"


def _named(check: Check) -> str:
    return "{{ $labels.check }}" if "<" in check.id else check.id

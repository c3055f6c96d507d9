"""The rules as a file: for Prometheus's `rule_files`, or as the PrometheusRule of the Prometheus Operator. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from pomhealth.catalogue import Catalogue
from pomhealth.generate.monitoring import causes, whole
from pomhealth.generate.monitoring.alert import Group, verbatim
from pomhealth.generate.monitoring.causes import Holds

_HEADING = "# Made from pomhealth's catalogue: `pomhealth generate prometheus`. docs/monitoring.md says how to put it to use.\n"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What an operator may say: the job that scrapes the agents, where the project's documentation is read (an URL
    that ends before `docs/`), and whether the Prometheus Operator is to take the rules.
    """

    job: str = "pomhealth"
    docs_url: str = ""
    operator: bool = False


def groups(catalogue: Catalogue, wishes: Wishes, holds: Holds | None = None) -> tuple[Group, ...]:
    """All groups, what pages first."""
    holds = holds or Holds()
    url = verbatim(wishes.docs_url.rstrip("/") + "/") if wishes.docs_url else ""
    return (*whole.groups(wishes.job, url, holds), *causes.groups(catalogue, url, holds))


def text(made: Sequence[Group], *, operator: bool = False) -> str:
    """The file."""
    document: dict[str, Any] = {
        "groups": [{"name": one.name, "rules": [alert.rule() for alert in one.alerts]} for one in made]
    }
    if operator:
        document = {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": {"name": "pomhealth", "labels": {"app.kubernetes.io/name": "pomhealth"}},
            "spec": document,
        }
    return _HEADING + yaml.dump(document, Dumper=_Readable, sort_keys=False, width=110, allow_unicode=True)


class _Readable(yaml.SafeDumper):
    """Writes a text of several lines as it reads."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  (the same text twice stands there twice)
        return True


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _string)

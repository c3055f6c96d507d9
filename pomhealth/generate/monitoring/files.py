"""What `pomhealth generate prometheus` and `pomhealth generate grafana` make. Pure."""

from __future__ import annotations

import posixpath
import shlex

from pomhealth.catalogue import Catalogue
from pomhealth.generate.monitoring import dashboard, rules
from pomhealth.generate.monitoring.rules import Wishes
from pomhealth.generate.render import File

KINDS = ("prometheus", "grafana")
_RULES, _DASHBOARD = "pomhealth-rules.yaml", "pomhealth.json"
_USUAL = {"prometheus": "/etc/prometheus", "grafana": "/var/lib/grafana/dashboards"}


def files(kind: str, catalogue: Catalogue, wishes: Wishes) -> tuple[File, ...]:
    """The one file of a kind."""
    if kind == "grafana":
        return (File(_DASHBOARD, dashboard.text()),)
    return (File(_RULES, rules.text(rules.groups(catalogue, wishes), operator=wishes.operator)),)


def usual(kind: str, wishes: Wishes) -> str:
    """The directory in which the file belongs, where the operator says none."""
    return "." if wishes.operator else _USUAL[kind]


def steps(kind: str, directory: str, wishes: Wishes) -> tuple[str, ...]:
    """What to do once the file is in this directory, one line each."""
    if kind == "grafana":
        return (f"import {_in(directory, _DASHBOARD)} in Grafana: Dashboards, New, Import",)
    path = _in(directory, _RULES)
    if wishes.operator:
        return (f"kubectl -n monitoring apply -f {path}",)
    return (
        f"promtool check rules {path}",
        f"name {path} under `rule_files` in prometheus.yml",
        "systemctl reload prometheus",
    )


def _in(directory: str, name: str) -> str:
    return shlex.quote(posixpath.normpath(posixpath.join(directory, name)))

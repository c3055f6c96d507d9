"""What `pomhealth generate prometheus` and `pomhealth generate grafana` make. Pure."""

from __future__ import annotations

import posixpath
import shlex
from functools import partial

from pomhealth.catalogue import Catalogue
from pomhealth.generate.monitoring import dashboard, rules
from pomhealth.generate.monitoring.rules import Wishes
from pomhealth.generate.render import File
from pomhealth.generate.sheet import Sheet

KINDS = ("prometheus", "grafana")
_RULES, _DASHBOARD = "pomhealth-rules.yaml", "pomhealth.json"
_USUAL = {"prometheus": "/etc/prometheus", "grafana": "/var/lib/grafana/dashboards"}
_ABOUT = {
    "prometheus": "Alert rules for Prometheus, one for each cause that pomhealth knows.",
    "grafana": "A dashboard for Grafana; it asks for the data source when it is opened.",
}


def sheet(kind: str, catalogue: Catalogue, wishes: Wishes) -> Sheet:
    """What is made of this kind."""
    where = "." if wishes.operator else _USUAL[kind]
    made = files(kind, catalogue, wishes)
    return Sheet(kind, _ABOUT[kind], made, where, partial(_steps, kind, wishes), _options(wishes))


def files(kind: str, catalogue: Catalogue, wishes: Wishes) -> tuple[File, ...]:
    """The one file of a kind."""
    if kind == "grafana":
        return (File(_DASHBOARD, dashboard.text()),)
    return (File(_RULES, rules.text(rules.groups(catalogue, wishes), operator=wishes.operator)),)


def _steps(kind: str, wishes: Wishes, directory: str) -> tuple[str, ...]:
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


def _options(wishes: Wishes) -> tuple[str, ...]:
    """The wishes as they were given."""
    usual = Wishes()
    job = ("--job", wishes.job) if wishes.job != usual.job else ()
    url = ("--docs-url", wishes.docs_url) if wishes.docs_url else ()
    return (*job, *url, *(("--operator",) if wishes.operator else ()))

"""The dashboard as a file. Pure."""

from __future__ import annotations

import json

from pomhealth.generate.monitoring.contents import PANELS
from pomhealth.generate.monitoring.panels import DATASOURCE, Json, laid_out
from pomhealth.generate.monitoring.styles import HERE

SCHEMA = 41  # Grafana 12's; an older Grafana reads it as its own


def text() -> str:
    """The file."""
    return json.dumps(_dashboard(), indent=2, ensure_ascii=False) + "\n"


def _dashboard() -> Json:
    return {
        "uid": "pomhealth",
        "title": "Pomerium replicas",
        "description": "What pomhealth measures of each replica: its verdict, its checks, its certificates.",
        "tags": ["pomerium", "pomhealth"],
        "schemaVersion": SCHEMA,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": _variables()},
        "annotations": {"list": []},
        "links": [],
        "panels": laid_out(PANELS),
    }


def _variables() -> list[Json]:
    source = {
        "name": "DS_PROMETHEUS",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
        "multi": False,
        "includeAll": False,
    }
    asked = (
        ("job", "Job", "label_values(pomhealth_ready, job)"),
        ("instance", "Replica", 'label_values(pomhealth_ready{job=~"$job"}, instance)'),
        ("check", "Check", f"label_values(pomhealth_check_state{{{HERE}}}, check)"),
    )
    return [source, *(_variable(*one) for one in asked)]


def _variable(name: str, label: str, query: str) -> Json:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery", "qryType": 5},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }

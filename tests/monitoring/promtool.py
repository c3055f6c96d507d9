"""promtool's unit tests of rules: what fires when, with which labels and annotations."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pomhealth.catalogue import catalogue
from pomhealth.generate.monitoring import rules
from pomhealth.generate.monitoring.rules import Wishes
from tests.tools import promtool

_DEADLINE = 120.0  # seconds
_NAME = re.compile(r"pomhealth_\w+")


@dataclass(frozen=True, slots=True)
class Fires:
    """One alert that fires: its labels besides its name, and its annotations."""

    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """Series, and `at` each minute exactly the alerts that fire then; `alerts` that fire beside others; `queries` besides."""

    title: str
    series: Sequence[Mapping[str, str]]
    at: Mapping[int, Sequence[Fires]]
    alerts: Mapping[int, Sequence[Fires]] = field(default_factory=dict)
    queries: Sequence[Mapping[str, Any]] = ()

    def written(self, used: Container[str], every: str) -> dict[str, Any]:
        """As promtool reads it, with the series of these names alone."""
        return {
            "name": self.title,
            "interval": every,
            "input_series": [one for one in self.series if one["series"].partition("{")[0] in used],
            "alert_rule_test": [
                {
                    "eval_time": f"{minute}m",
                    "alertname": one.name,
                    "exp_alerts": [
                        {"exp_labels": dict(one.labels), "exp_annotations": dict(one.annotations)}
                    ],
                }
                for minute, fires in (*self.at.items(), *self.alerts.items())
                for one in fires
            ],
            "promql_expr_test": [
                *(_exactly(minute, fires) for minute, fires in self.at.items()),
                *(dict(query) for query in self.queries),
            ],
        }


def complaints(cases: Sequence[Case], directory: Path, every: str = "1m") -> str:
    """What promtool has to say against the rules in these cases; "" when each comes out as written.

    Series and evaluations are `every` so long.
    """
    made = directory / "rules.yaml"
    text = rules.text(rules.groups(catalogue(), Wishes()))
    made.write_text(text, encoding="utf-8")
    asked = " ".join(str(query["expr"]) for case in cases for query in case.queries)
    used = {"up", *_NAME.findall(f"{text} {asked}")}
    tests = directory / "tests.yaml"
    document = {
        "rule_files": [str(made)],
        "evaluation_interval": every,
        "tests": [case.written(used, every) for case in cases],
    }
    tests.write_text(json.dumps(document), encoding="utf-8")  # JSON is YAML
    done = subprocess.run(
        [promtool(), "test", "rules", tests], capture_output=True, text=True, timeout=_DEADLINE, check=False
    )
    return (done.stdout + done.stderr)[-4000:] if done.returncode else ""


def _exactly(minute: int, fires: Sequence[Fires]) -> dict[str, Any]:
    names = sorted(one.name for one in fires)
    samples = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in names]
    return {
        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": f"{minute}m",
        "exp_samples": samples,
    }

"""Answers of /metrics, read back by the official client's own parsers."""

from __future__ import annotations

import subprocess

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from pomhealth.publish.metrics.exposition import exposed
from pomhealth.publish.view import View
from tests.tools import promtool

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parsed(text: str) -> list[Metric]:
    """The families in a text of either format. Raises ValueError for what breaks its rules."""
    return list((openmetrics if text.endswith("# EOF\n") else plain)(text))


def series(text: str) -> Series:
    """Each sample's value by its name and labels, each of which must stand once."""
    found: Series = {}
    for family in parsed(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found


def scraped(view: View, accept: str = "") -> Series:
    return series(exposed(accept, view)[1].decode())


def value(found: Series, name: str, /, **labels: str) -> float | None:
    """The value of exactly this series, None where there is none."""
    return found.get((name, frozenset(labels.items())))


def ones(found: Series, name: str, /, **labels: str) -> list[dict[str, str]]:
    """The labels of the series of this name, with these among them, that are not 0."""
    return [
        dict(have)
        for (one, have), worth in found.items()
        if one == name and worth and labels.items() <= dict(have).items()
    ]


def complaints(text: str) -> str:
    """What promtool has to say against these names and texts; "" where it accepts them all."""
    said = subprocess.run(
        [promtool(), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    return said.stdout + said.stderr + (f"exit {said.returncode}" if said.returncode else "")

"""The dashboard: each of its queries gives data, from the collector and from a real agent, and it is laid out well."""

from __future__ import annotations

import importlib
import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from pomhealth.generate.monitoring import dashboard
from pomhealth.generate.monitoring.panels import WIDTH
from pomhealth.publish.metrics.families import FAMILIES
from pomhealth.status import Finding, Outcome, Validity, failed
from pomhealth.status.tally import Count
from tests.agent.process import agent, until
from tests.cluster.rosters import WHOLE
from tests.findings import SEEN
from tests.metrics.reading import scraped
from tests.metrics.scraper import Prometheus, scraping
from tests.monitoring.promtool import Case, complaints
from tests.monitoring.replicas import BROKEN, Minutes, series, view
from tests.standin import StandIn

BOARD: dict[str, Any] = json.loads(dashboard.text())
QUERIES = [(panel["title"], target["expr"]) for panel in BOARD["panels"] for target in panel["targets"]]
VARIABLES = {one["name"]: one for one in BOARD["templating"]["list"]}
# What only has data while something happens that does not happen to a replica that is well, or seldom.
_SELDOM = (
    *("timeouts_total", "errors_total", "changes_total", "drain_connections_left", "drain_requests_left"),
    "cluster_",
)


def filled(expression: str, interval: str) -> str:
    """The expression with everything chosen in every variable."""
    for name in ("job", "instance", "check"):
        expression = expression.replace(f"${name}", VARIABLES[name]["allValue"])
    return expression.replace("$__rate_interval", interval)


def ids(query: tuple[str, str]) -> str:
    return query[0]


def test_every_query_has_data_of_what_the_collector_tells(tmp_path: Path) -> None:
    ends = (Validity("a", "/a.pem", "1", 1.0, 86400.0), Validity("b", "/b.pem", problem="no PEM"))
    found: dict[str, Finding | None] = {
        "xds.cluster": failed("rejected", "seen", SEEN),
        "certificates_current": Finding(Outcome.PASS, "fine", certificates=ends),
    }
    more: dict[str, Any] = {"drain": {"connections": 3, "requests": 1}, "roster": WHOLE, "expected": 3}
    story = [
        Minutes(3, scraped(view(found, **more, tally={"proxy.service": Count(1, 0.1, 0.1)}))),
        Minutes(3, scraped(view(found, **more, tally={"proxy.service": Count(9, 2.0, 1.0, 1, 1, 1, 1)}))),
    ]
    queries = [
        {
            "expr": f"count({filled(expression, '5m')}) > bool 0",
            "eval_time": "5m",
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
        for _, expression in QUERIES
        if "process_" not in expression
    ]
    assert complaints([Case("board", series(BROKEN, story), {}, queries=queries)], tmp_path) == ""


def test_every_query_has_data_of_a_real_agent_through_a_real_prometheus(
    standin: StandIn, tmp_path: Path
) -> None:
    replica = standin()
    with (
        agent(tmp_path, "--pid", str(replica.pid)) as one,
        scraping(one.address, tmp_path / "prometheus") as server,
    ):
        asked = {expression: filled(expression, "10s") for _, expression in QUERIES}
        has_data(server, [query for query in asked.values() if not any(word in query for word in _SELDOM)])
        for query in asked.values():
            server.query(query)  # raises for what does not parse
        listed = [
            re.fullmatch(r"label_values\((.+), \w+\)", one["query"]["query"])
            for one in VARIABLES.values()
            if one["type"] == "query"
        ]
        has_data(server, [filled(found[1], "10s") for found in listed if found is not None])
        assert None not in listed


def has_data(server: Prometheus, queries: list[str]) -> None:
    """Each of them, in the end."""
    until(
        lambda: all(server.query(query) for query in queries),
        lambda: [query for query in queries if not server.query(query)],
    )


@pytest.mark.parametrize("query", QUERIES, ids=ids)
def test_queries_name_only_metrics_that_there_are(query: tuple[str, str]) -> None:
    summaries = {f"{one.name}{end}" for one in FAMILIES for end in ("", "_sum", "_count")}
    assert set(re.findall(r"pomhealth_\w+", query[1])) <= summaries


def test_panels_stand_side_by_side_and_none_on_another() -> None:
    places = [panel["gridPos"] for panel in BOARD["panels"]]
    for one, other in combinations(places, 2):
        apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart or below
    assert all(place["x"] + place["w"] <= WIDTH for place in places)
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(places)


def test_the_data_source_is_chosen_by_who_opens_it() -> None:
    assert VARIABLES["DS_PROMETHEUS"]["type"] == "datasource"
    parts = [*BOARD["panels"], *(target for panel in BOARD["panels"] for target in panel["targets"])]
    parts += [one for one in VARIABLES.values() if one["type"] == "query"]
    assert {part["datasource"]["uid"] for part in parts} == {"${DS_PROMETHEUS}"}


def test_grafanas_own_types_know_every_part_of_it() -> None:
    """Read into the types that Grafana publishes, and written again, nothing of it is lost."""
    pytest.importorskip("grafana_foundation_sdk")
    cog = "grafana_foundation_sdk.cog"
    importlib.import_module(f"{cog}.plugins").register_default_plugins()
    model = importlib.import_module("grafana_foundation_sdk.models.dashboard").Dashboard.from_json(BOARD)
    written = json.loads(importlib.import_module(f"{cog}.encoder").JSONEncoder().encode(model))
    assert list(lost(BOARD, written, "")) == []
    assert model.schema_version == dashboard.SCHEMA


def lost(one: Any, other: Any, path: str) -> list[str]:
    """Where `other` does not have what `one` has."""
    if isinstance(one, dict) and isinstance(other, dict):
        missing = [f"{path}.{key}" for key in one if key not in other]
        return missing + [
            at for key in one if key in other for at in lost(one[key], other[key], f"{path}.{key}")
        ]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [
            at
            for place, pair in enumerate(zip(one, other, strict=True))
            for at in lost(*pair, f"{path}[{place}]")
        ]
    return [] if one == other else [path]

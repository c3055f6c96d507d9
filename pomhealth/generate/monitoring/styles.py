"""How the dashboard's panels look, and which series they ask for. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pomhealth.generate.monitoring.panels import Json, Panel, Query, steps, words

HERE = 'job=~"$job", instance=~"$instance"'
CHECK = f'{HERE}, check=~"$check"'
GREEN, YELLOW, RED, BLUE, GREY = "green", "orange", "red", "blue", "#8e8e8e"
STATES = (("pass", GREEN), ("skipped", GREY), ("unknown", BLUE), ("warn", YELLOW), ("fail", RED))
_LEGEND = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True}}
_LINES = {"custom": {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 10, "showPoints": "never"}}
BARS = {"custom": {"drawStyle": "bars", "fillOpacity": 60, "stacking": {"mode": "normal", "group": "A"}}}
_TOOLTIP = {"tooltip": {"mode": "multi", "sort": "desc"}}


def stat(title: str, about: str, expression: str, thresholds: Json, unit: str = "none") -> Panel:
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "background",
        "graphMode": "none",
        "textMode": "value",
    }
    return Panel(
        *("stat", title, about, (4, 4), (Query(expression),)),
        defaults={"unit": unit, "noValue": "none", "thresholds": thresholds, "color": {"mode": "thresholds"}},
        options=options,
    )


def graph(
    title: str, about: str, queries: Sequence[Query], unit: str, *, style: Json = _LINES, width: int = 12
) -> Panel:
    return Panel(
        *("timeseries", title, about, (width, 8), queries),
        defaults={"unit": unit, "min": 0, **style},
        options={**_LEGEND, **_TOOLTIP},
    )


def timeline(
    title: str, about: str, query: Query, rows: int, values: Sequence[tuple[int, str, str]]
) -> Panel:
    return Panel(
        *("state-timeline", title, about, (24, rows), (query,)),
        defaults={
            "mappings": words(*values),
            "color": {"mode": "thresholds"},
            "thresholds": steps((None, GREY)),
            "custom": {"fillOpacity": 80, "lineWidth": 0},
        },
        options={"mergeValues": True, "showValue": "auto", "rowHeight": 0.9, "alignValue": "left", **_LEGEND},
    )

"""How /metrics answers: in which format, and by the rules of the field."""

from __future__ import annotations

import pytest

from pomhealth.publish.message import Request
from pomhealth.publish.metrics.families import FAMILIES
from pomhealth.publish.routes import answer
from pomhealth.publish.view import View
from pomhealth.status import failed, passed
from tests.findings import SEEN
from tests.metrics.reading import OPENMETRICS, complaints, parsed, series
from tests.publish.views import view

HEALTHY = view({"envoy.server": passed("fine")})
BROKEN = view({"envoy.server": failed("hung", "no answer", SEEN)})
PROMETHEUS = (  # what Prometheus 2.42 and 3 send
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;q=0.4,*/*;q=0.1",
)


def asked(accept: str, one: View = HEALTHY) -> tuple[str, str]:
    response = answer(Request("GET", "/metrics", (), accept, keep=True, body=False), one)
    assert response.status == 200
    return response.kind, response.body.decode()


@pytest.mark.parametrize("accept", ["", "*/*", "text/html", "text/plain;version=0.0.4"])
def test_who_asks_for_nothing_special_gets_the_text_that_every_prometheus_reads(accept: str) -> None:
    kind, body = asked(accept)
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    assert not body.endswith("# EOF\n")


@pytest.mark.parametrize("accept", [OPENMETRICS, *PROMETHEUS])
def test_who_asks_for_openmetrics_gets_it(accept: str) -> None:
    kind, body = asked(accept)
    assert kind.startswith("application/openmetrics-text; version=1.0.0; charset=utf-8")
    assert body.endswith("# EOF\n")


@pytest.mark.parametrize("version", ["abc", "1.0.0\xe9", "", "1..0", "-1", "1;=;"])
@pytest.mark.parametrize("form", ["application/openmetrics-text", "text/plain"])
def test_a_version_that_is_none_is_no_reason_not_to_answer(form: str, version: str) -> None:
    _, body = asked(f"{form}; version={version}")
    assert series(body)


def test_both_formats_tell_the_same() -> None:
    process = "process_"  # goes on meanwhile
    plain, modern = (
        {key: worth for key, worth in series(asked(accept)[1]).items() if not key[0].startswith(process)}
        for accept in ("", OPENMETRICS)
    )
    assert plain == modern


def test_every_family_is_named_with_its_type_and_a_help_text_even_where_it_has_no_series() -> None:
    found = {family.name: family for family in parsed(asked("")[1])}
    for family in FAMILIES:
        told = found[family.name.removesuffix("_total")]
        assert (told.type, told.documentation) == (family.kind.value, family.help)


@pytest.mark.parametrize("one", [HEALTHY, BROKEN], ids=["healthy", "broken"])
def test_promtool_has_nothing_to_say_against_a_name(one: View) -> None:
    assert complaints(asked("", one)[1]) == ""

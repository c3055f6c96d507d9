"""Label values stay short and printable, and every series stays one of its own, whatever the texts are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pomhealth.publish.metrics.label import LONGEST, label
from pomhealth.status import Report, Validity, passed
from tests.metrics.reading import OPENMETRICS, Series, scraped
from tests.publish.views import view

NASTY = [
    'quote " and backslash \\ and brace }',
    "line\nbreak\rand\ttab",
    "\x1b[31mred\x07",
    "\u202egnp.exe",
    "lone \ud800 surrogate",
    "long " * 1000,
    "long " * 1001,
    "nul \0",
    "</script><script>alert(1)</script>",
    "{}",
    "",
    "other",
    "envoy.server",
    "münchen",
]


def labels(found: Series) -> set[str]:
    return {worth for _, pairs in found for _, worth in pairs}


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_ids_from_a_replicas_report_stay_in_bounds(accept: str) -> None:
    found = scraped(
        view({"envoy.server": passed("fine")}, {text: Report("RUNNING", error=text) for text in NASTY}),
        accept,
    )
    assert all(len(one) <= LONGEST and one.isprintable() for one in labels(found))


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_names_of_certificates_and_files_stay_in_bounds(accept: str) -> None:
    certificates = tuple(
        Validity(text, text, text, 1.0, 5.0, problem) for text in NASTY for problem in ("", "damaged")
    )
    found = scraped(
        view({"certificates_current": replace(passed("fine"), certificates=certificates)}), accept
    )
    assert all(len(one) <= LONGEST and one.isprintable() for one in labels(found))
    assert sum(name == "pomhealth_certificate_readable" for name, _ in found) == len(NASTY)


def test_the_replicas_own_texts_stay_in_bounds() -> None:
    for text in NASTY:
        replica = {"version": text, "services": [text, text], "storage": text, "platform": text}
        assert all(
            len(one) <= LONGEST and one.isprintable() for one in labels(scraped(view({}, replica=replica)))
        )


def test_two_texts_that_are_cleaned_alike_stay_two() -> None:
    assert label("a\n") != label("a\t")
    assert label("x" * 500) != label("x" * 501)
    assert label("plain, 100 % ünïcödé") == "plain, 100 % ünïcödé"

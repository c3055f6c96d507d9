"""docs/metrics.md has every family, as the collector has it, and names none that is not there."""

from __future__ import annotations

import re

from pomhealth.publish.metrics import certificates, label, subjects
from pomhealth.publish.metrics.families import FAMILIES
from tests.metrics.page import PAGE, with_tables

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_collector() -> None:
    assert with_tables(TEXT) == TEXT


def test_each_family_stands_in_one_table() -> None:
    for family in FAMILIES:
        assert TEXT.count(f"\n| `{family.name}` | {family.kind.value} |") == 1


def test_no_series_is_named_that_does_not_exist() -> None:
    names = {family.name for family in FAMILIES}
    names |= {f"{name}{suffix}" for name in names for suffix in ("_sum", "_count")}
    named = set(re.findall(r"\b(?:pomhealth|pomerium)_[a-z_]+\b", TEXT))
    assert named - names == {mark for mark in re.findall(r"<!-- (\w+) -->", TEXT) if mark not in names} - {
        "pomhealth"
    }


def test_the_bounds_are_those_of_the_code() -> None:
    assert f"{subjects.STRANGERS} have series" in TEXT
    assert f"{certificates.MOST} have series" in TEXT
    assert f"at most {label.LONGEST} characters" in TEXT
    assert f'`check="{subjects.OTHER}"`' in TEXT

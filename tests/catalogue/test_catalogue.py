"""The catalogue is whole: each check has its words, its probe, its test and its place in the documentation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pomhealth.agent import plan as plans
from pomhealth.catalogue import PLATFORMS
from pomhealth.catalogue.docs import render
from pomhealth.catalogue.load import CatalogueError, Cause, Check, anchor, catalogue, read_check
from pomhealth.checks import probes
from pomhealth.settings import Settings
from pomhealth.status import Gate, Outcome

UNDOCUMENTED: dict[
    str, str
] = {}  # ids of which Pomerium's documentation has nothing, with what was looked for
ROOT = Path(__file__).parents[2]
CHECKS = list(catalogue())
CAUSES = [
    pytest.param(check, cause, id=f"{check.id}/{cause.code}")
    for check in CHECKS
    for cause in check.causes.values()
]
every_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)


def is_sentence(text: str) -> bool:
    return text == text.strip() and text[-1] in ".?)" and "\n" not in text and "  " not in text


@every_check
def test_a_check_asks_a_question_and_says_what_it_is_good_for(check: Check) -> None:
    assert check.question.endswith("?")
    assert is_sentence(check.question)
    assert is_sentence(check.means)
    assert check.means != check.question


@every_check
def test_a_check_can_be_found_wanting_in_at_least_one_way(check: Check) -> None:
    assert check.causes


@every_check
def test_what_the_replica_reports_of_a_check_has_a_cause_of_its_own(check: Check) -> None:
    """Without it a failing report would be told without a step."""
    assert check.report_cause in check.causes or check.measured


@every_check
def test_a_check_needs_only_checks_that_are_there(check: Check) -> None:
    assert set(check.needs) <= {other.id for other in CHECKS} - {check.id}


@every_check
def test_a_schedule_leaves_time_for_the_look(check: Check) -> None:
    if check.measured:
        assert 0 < check.deadline <= 10
        assert 0 < check.retry <= check.interval


@pytest.mark.parametrize(("check", "cause"), CAUSES)
def test_a_cause_says_what_is_wrong_and_what_to_do(check: Check, cause: Cause) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", cause.code)
    assert is_sentence(cause.says), check.id
    assert cause.steps
    for step in cause.steps:
        for told in (step.for_platform(), *(step.for_platform(platform) for platform in PLATFORMS)):
            assert is_sentence(told), told
            assert told.count("`") % 2 == 0, told
            assert told[0].isupper() or told[0] == "`", told
        assert step.text.endswith(":" if step.on else "."), step.text


@pytest.mark.parametrize(("check", "cause"), CAUSES)
def test_a_step_that_differs_by_platform_is_told_for_each(check: Check, cause: Cause) -> None:
    """Whoever runs the replica on another than those told would be left alone."""
    for step in cause.steps:
        assert set(step.on) in (set(), set(PLATFORMS)), (check.id, step.text)


@every_check
def test_a_check_says_where_pomerium_documents_the_matter(check: Check) -> None:
    assert check.reading or check.id in UNDOCUMENTED
    for address in check.reading:
        assert re.fullmatch(r"https://(www\.)?pomerium\.com/docs/\S+(?<!\.md)", address)


@pytest.mark.parametrize(
    ("spoilt", "says"),
    [
        ({"intervall": 5.0}, "x: unknown: intervall"),
        (
            {"cause": {"a": {"says": "It.", "who": "operator", "steps": [], "warns": True}}},
            "x/a: unknown: warns",
        ),
        (
            {"cause": {"a": {"says": "It.", "who": "nobody", "steps": []}}},
            "x/a: who can cure it is not told, or nobody is called 'nobody'",
        ),
        ({"cause": {"a": {"says": "It.", "steps": []}}}, "x/a: who can cure it is not told"),
        (
            {"cause": {"a": {"says": "It.", "who": "operator", "steps": [{"say": "Do:", "k8s": "`it`."}]}}},
            "x/a: unknown: k8s",
        ),
    ],
)
def test_a_slip_of_the_pen_in_an_entry_does_not_pass(spoilt: dict[str, Any], says: str) -> None:
    entry = {"question": "Is it?", "means": "It is.", "gate": "alert"}
    assert read_check("x", "Area", entry).id == "x"
    with pytest.raises(CatalogueError, match=re.escape(says)):
        read_check("x", "Area", entry | spoilt)


def test_every_measured_check_has_a_probe_and_every_probe_its_words() -> None:
    assert set(probes()) == {check.id for check in CHECKS if check.measured}


@pytest.mark.parametrize("id_", sorted(probes()))
def test_every_probe_has_a_test_that_names_it(id_: str) -> None:
    module = id_.replace(".", "_").replace("-", "_")
    tests = [
        path.read_text(encoding="utf-8")
        for path in (ROOT / "tests").rglob("test_*.py")
        if path != Path(__file__)
    ]
    assert any(f'"{id_}"' in text or f"{module}" in text for text in tests)


@every_check
def test_every_check_has_an_anchor_of_its_own_in_the_documentation(check: Check) -> None:
    headings = re.findall(
        r"^### `(.+)`$", (ROOT / "docs" / "checks.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert [anchor(heading) for heading in headings].count(check.docs.partition("#")[2]) == 1


def test_the_documentation_is_fresh() -> None:
    """`make docs` writes it anew."""
    assert render(catalogue()) == (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")


def test_what_the_agent_itself_does_is_no_matter_of_looks_or_reports() -> None:
    own = [check for check in CHECKS if check.own]
    assert [check.id for check in own] == ["replica.drain"]
    plan = plans.make(catalogue(), probes(), Settings())
    assert not any(check.measured or check.id in plan.checks for check in own)


def test_a_family_answers_for_each_of_its_members() -> None:
    member = catalogue().find("identity-provider.google")
    assert member is not None
    assert member.id == "identity-provider.<name>"
    assert catalogue().find("identity-provide") is None


CODES = {
    "pomerium.process": "not-running stopped hung",
    "envoy.server": "not-running stopped hung not-live draining",
    "envoy.extensions": "reported",
    "proxy.service": "no-answer unexpected-status reported",
    "authorize.service": "no-answer reported",
    "authenticate.service": "no-answer identity-provider(w) reported",
    "databroker.sync.initial": "pending reported",
    "databroker.cluster": "reported",
    "config.databroker.build": "invalid removed-option unknown-option(w) reported",
    "xds.cluster": "rejected",
    "xds.listener": "rejected port-taken permission-denied not-listening shared-port redirect-not-listening(w)",
    "xds.route-configuration": "rejected",
    "xds.other": "rejected",
    "storage.backend": "refused unreachable timeout authentication tls too-many-connections read-only schema-missing "
    "permission-denied not-writable disk-full",
    "storage.backend.notifications": "not-listening(w)",
    "storage.backend.cleanup": "overdue(w)",
    "persistent_backend": "in-memory(w)",
    "certificates_current": "expired expiring(w) not-yet-valid unreadable key-mismatch served-stale(w)",
    "certificates_match_hostnames": "no-match",
    "cluster_config_current": "rejected pending(w) differs(w)",
    "cluster_version_current": "outdated(w) mixed(w)",
    "zero.bootstrap-config.save": "not-writable read-only disk-full wrong-owner missing",
    "zero.connect": "dns refused timeout tls proxy http stream-down",
    "routes.reachable": "nxdomain wrong-address refused timeout tls other-key",
    "zero.resource-bundle.<id>": "reported",
    "zero.telemetry.collect-and-send": "reported",
    "identity-provider.<name>": "reported",
    "cluster_active_replicas": "none fewer(w)",
    "cluster_certificates_match": "differ(w)",
    "cluster_clocks_agree": "differ(w)",
    "cluster_ids_unique": "duplicate(w) watched-twice(w)",
    "cluster_registry": "unreachable(w) authentication(w) permission-denied(w) read-only(w) disk-full(w) "
    "too-many-connections(w) newer-schema(w) refused(w) timeout(w) tls(w)",
    "replica.drain": "draining",
    "systemd.unit": "watchdog-without-restart(w) wait-too-long(w) missing-capability(w)",
}


@every_check
def test_the_codes_of_a_check_are_those_that_others_may_rely_on(check: Check) -> None:
    """Alerts and runbooks name them; a replica's own report may stand beside each as `reported`."""
    told = {
        cause.code + "(w)" * (cause.outcome is Outcome.WARN)
        for cause in check.causes.values()
        if cause.code != "reported"
    }
    assert told == set(CODES[check.id].split()) - {"reported"}


def test_there_is_every_check_that_others_may_rely_on() -> None:
    assert {check.id for check in CHECKS} == set(CODES)


DESIGN = {
    Gate.LIVE: ["pomerium.process", "envoy.server"],
    Gate.READY: [
        "envoy.extensions",
        "proxy.service",
        "authorize.service",
        "authenticate.service",
        "databroker.sync.initial",
        "databroker.cluster",
        "config.databroker.build",
        "xds.cluster",
        "xds.listener",
        "xds.route-configuration",
        "xds.other",
        "storage.backend",
        "replica.drain",
    ],
}


@every_check
def test_what_a_check_stops_is_as_designed(check: Check) -> None:
    """Liveness answers whether a restart would help; it never depends on the storage backend or the network."""
    gate = next((gate for gate, ids in DESIGN.items() if check.id in ids), Gate.ALERT)
    assert check.gate is gate

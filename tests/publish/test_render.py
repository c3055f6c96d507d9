"""What others read: the JSON contract, the plain text, and the lines for the fast client."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from pomhealth.client.answer import read
from pomhealth.publish import render
from pomhealth.publish.entry import tell
from pomhealth.publish.memo import MOST, Memo
from pomhealth.publish.view import View
from pomhealth.replica.model import SOMEWHERE, Platform
from pomhealth.status import (
    Change,
    Component,
    Entry,
    Evidence,
    Finding,
    Gate,
    Outcome,
    Report,
    blocked,
    failed,
    not_applicable,
    passed,
    unseen,
    warned,
)
from tests.findings import SEEN
from tests.publish.views import AT, view

GOOD = passed("fine")
REFUSED = failed(
    "refused",
    "127.0.0.1:5432 refuses connections",
    Evidence("127.0.0.1:5432", "connection refused", "an answer"),
    steps=("start it",),
    attributes=(("backend", "postgres"),),
)


def readyz(shown: View) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(render.flat(shown, render.counted(shown, "ready")))
    return document


def status(shown: View) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(render.status(shown))
    return document


def pomerium_calls_it_healthy(document: dict[str, Any]) -> bool:
    """As a client written for Pomerium's /status judges."""
    statuses = document["statuses"]
    return all(
        not entry.get("error") and entry["status"] == "RUNNING" for entry in statuses.values()
    ) and all(id_ in statuses for id_ in document["checks"])


def test_a_failing_check_has_pomeriums_keys_and_ours() -> None:
    entry = readyz(view({"storage.backend": REFUSED}, proven=True))["storage.backend"]
    assert entry["status"] == "RUNNING"
    assert entry["error"] == "127.0.0.1:5432 refuses connections"
    assert entry["attributes"] == [{"Key": "backend", "Value": "postgres"}]
    assert (entry["outcome"], entry["cause"]) == ("fail", "refused")
    assert entry["summary"] == entry["error"]
    assert entry["fix"][0] == "start it"
    assert len(entry["fix"]) > 1  # the catalogue's own steps follow
    assert entry["since"] == entry["checked"] == "2027-01-15T08:00:00.000Z"
    assert entry["docs"].endswith("#storagebackend")
    assert entry["evidence"] == [
        {"source": "127.0.0.1:5432", "observed": "connection refused", "expected": "an answer"}
    ]
    assert entry["blocked_by"] == ""
    assert "reported" not in entry


def test_a_failure_of_what_never_ran_has_the_status_unknown_as_with_pomerium() -> None:
    assert readyz(view({"storage.backend": REFUSED}))["storage.backend"]["status"] == "UNKNOWN"


def test_what_has_not_been_looked_at_is_unknown_without_an_error() -> None:
    entry = readyz(view({"storage.backend": None}))["storage.backend"]
    assert (entry["status"], entry["outcome"], entry.get("error")) == ("UNKNOWN", "unknown", None)


@pytest.mark.parametrize("finding", [warned("pending", "older", SEEN), failed("rejected", "bad", SEEN)])
def test_what_is_only_told_runs_without_an_error(finding: Finding) -> None:
    shown = view({"cluster_config_current": finding, "storage.backend": GOOD})
    entry = status(shown)["statuses"]["cluster_config_current"]
    assert (entry["status"], entry.get("error")) == ("RUNNING", None)
    assert entry["outcome"] == finding.outcome.value
    assert entry["cause"] == finding.cause
    assert "cluster_config_current" not in readyz(shown)
    assert shown.status.ready


def test_what_cannot_be_seen_is_under_unobserved_with_its_reason_and_nowhere_else() -> None:
    shown = view({"xds.listener": unseen("no right: run as uid 42"), "storage.backend": GOOD})
    document = status(shown)
    assert document["unobserved"] == {"xds.listener": "no right: run as uid 42"}
    assert "xds.listener" not in document["statuses"]
    assert "xds.listener" not in document["checks"]
    assert "xds.listener" not in readyz(shown)
    assert shown.status.ready


def test_what_does_not_apply_is_named_apart() -> None:
    document = status(view({"proxy.service": not_applicable("no proxy here"), "storage.backend": GOOD}))
    assert document["not_applicable"] == {"proxy.service": "no proxy here"}
    assert list(document["statuses"]) == ["storage.backend"]


def test_what_follows_a_root_that_stops_readiness_is_unknown_and_says_so() -> None:
    shown = view(
        {"envoy.server": failed("hung", "no answer", SEEN), "xds.listener": failed("rejected", "?", SEEN)},
        proven=True,
    )
    entry = readyz(shown)["xds.listener"]
    assert (entry["status"], entry["outcome"], entry["blocked_by"]) == ("UNKNOWN", "skipped", "envoy.server")
    assert "error" not in entry
    assert entry["since"] == readyz(shown)["envoy.server"]["since"]


def test_what_follows_a_root_that_stops_nothing_runs() -> None:
    shown = view({"proxy.service": blocked("authorize.service", "503"), "authorize.service": GOOD})
    assert status(shown)["statuses"]["proxy.service"]["status"] == "RUNNING"
    assert shown.status.ready


def test_a_part_that_the_replica_says_is_ending_is_terminating() -> None:
    shown = view(
        {"envoy.server": failed("draining", "Envoy drains", SEEN)},
        {"envoy.server": Report("TERMINATING")},
        proven=True,
    )
    assert readyz(shown)["envoy.server"]["status"] == "TERMINATING"


def test_a_report_that_says_otherwise_stands_beside_the_measurement() -> None:
    shown = view({"storage.backend": REFUSED}, {"storage.backend": Report("RUNNING")})
    assert readyz(shown)["storage.backend"]["reported"] == {"status": "RUNNING"}
    shown = view({"storage.backend": GOOD}, {"storage.backend": Report("RUNNING", error="ping failed")})
    assert readyz(shown)["storage.backend"]["reported"] == {"status": "RUNNING", "error": "ping failed"}
    assert "error" not in readyz(shown)["storage.backend"]


def test_attributes_of_the_report_are_kept() -> None:
    reports = {"databroker.cluster": Report("RUNNING", attributes=(("member", "leader"),), required=True)}
    shown = view({"storage.backend": GOOD}, reports)
    assert readyz(shown)["databroker.cluster"]["attributes"] == [{"Key": "member", "Value": "leader"}]


def test_healthz_counts_only_what_gates_liveness_and_only_failures_stop_it() -> None:
    shown = view({"pomerium.process": None, "storage.backend": REFUSED})
    assert [entry.id for entry in render.counted(shown, "live")] == ["pomerium.process"]
    assert render.is_open(shown, "live")
    assert not render.is_open(shown, "ready")
    assert not render.is_open(view({"pomerium.process": failed("stopped", "stopped", SEEN)}), "live")


def test_startup_is_what_the_board_latched() -> None:
    findings: dict[str, Finding | None] = {"pomerium.process": GOOD, "storage.backend": REFUSED}
    assert render.is_open(view(findings, started=True), "startup")
    assert not render.is_open(view(findings), "startup")


def test_an_excluded_check_neither_stops_nor_shows() -> None:
    shown = view({"pomerium.process": GOOD, "storage.backend": REFUSED})
    assert render.is_open(shown, "ready", ["storage.backend"])
    assert [entry.id for entry in render.counted(shown, "ready", ["storage.backend"])] == ["pomerium.process"]


def test_verbose_lists_each_check_with_its_reason_and_steps() -> None:
    shown = view(
        {
            "pomerium.process": GOOD,
            "storage.backend": REFUSED,
            "xds.listener": warned("redirect-not-listening", "port 80 is taken", SEEN),
            "proxy.service": None,
        },
        notice="something is up",
    )
    text = render.verbose(shown, "ready", ["xds.listener", "xds.listner"]).decode()
    lines = text.splitlines()
    assert lines[0] == "warning: something is up"
    assert lines[1] == "warning: there is no check 'xds.listner'; did you mean xds.listener?"
    assert "[+]pomerium.process ok" in lines
    assert "[-]storage.backend failed: refused: 127.0.0.1:5432 refuses connections" in lines
    assert "    start it" in lines
    assert "[+]xds.listener excluded" in lines
    assert "[-]proxy.service unknown: not looked at yet" in lines
    assert lines[-1] == "readyz check failed"


def test_alerts_are_what_to_act_on_worst_first() -> None:
    shown = view(
        {
            "cluster_config_current": warned("pending", "older", SEEN),
            "storage.backend": REFUSED,
            "envoy.server": failed("hung", "no answer", SEEN),
            "xds.listener": failed("rejected", "?", SEEN),
        }
    )
    document = json.loads(render.alerts(shown))
    assert [alert["id"] for alert in document["alerts"]] == [
        "envoy.server",
        "storage.backend",
        "cluster_config_current",
    ]
    worst, storage, warning = document["alerts"]
    assert worst["stops"] == ["/healthz", "/readyz"]
    assert worst["followers"] == ["xds.listener"]
    assert (storage["stops"], storage["gate"], storage["cause"]) == (["/readyz"], "ready", "refused")
    assert storage["evidence"][0]["source"] == "127.0.0.1:5432"
    assert storage["fix"][0] == "start it"
    assert (warning["stops"], warning["outcome"]) == ([], "warn")
    assert (document["ready"], document["live"]) == (False, False)


MISSING = failed("schema-missing", "pomerium.leases is not there", SEEN)


def steps_told(**more: Any) -> str:
    (alert,) = json.loads(render.alerts(view({"storage.backend": MISSING}, **more)))["alerts"]
    return "\n".join(alert["fix"])


def test_a_finding_tells_who_can_cure_it() -> None:
    shown = view({"storage.backend": MISSING, "envoy.server": GOOD})
    assert json.loads(render.alerts(shown))["alerts"][0]["who"] == "database"
    statuses = status(shown)["statuses"]
    assert (statuses["storage.backend"]["who"], statuses["envoy.server"]["who"]) == ("database", "")


def test_steps_are_in_the_commands_of_the_replicas_platform_with_its_name() -> None:
    told = steps_told(platform=Platform("docker", "/.dockerenv", (("NAME", "4f1c0a2b3d4e"),)))
    assert "restart the replica: `docker restart 4f1c0a2b3d4e`." in told
    assert "systemctl" not in told


def test_where_the_platform_is_not_known_each_ones_commands_are_told_in_one_step() -> None:
    (told,) = [step for step in steps_told().splitlines() if "restart the replica" in step]
    for platform in ("Linux package: `systemctl", "Docker: `docker", "Kubernetes: `kubectl", "ECS: `aws"):
        assert platform in told


def test_status_tells_the_last_changes_newest_first() -> None:
    changes = (
        Change(AT, "storage.backend", Outcome.PASS, "", "fine"),
        Change(AT + 5, "storage.backend", Outcome.FAIL, "refused", "refused", "pass", 5.0),
    )
    history = status(view({"storage.backend": REFUSED}, history=changes))["history"]
    assert [change["is"] for change in history] == ["fail: refused", "pass"]
    assert history[0] == {
        "at": "2027-01-15T08:00:05.000Z",
        "id": "storage.backend",
        "is": "fail: refused",
        "summary": "refused",
        "was": "pass",
        "lasted": 5.0,
        "followers": [],
    }


def test_the_lines_are_one_a_check_with_eight_fields_and_no_break_in_any() -> None:
    odd = failed("refused", "a\ttab and\na break", SEEN, steps=("one\n", "two"))
    shown = view({"storage.backend": odd, "pomerium.process": GOOD, "proxy.service": not_applicable("none")})
    first, *lines = render.lines(shown).decode().splitlines()
    assert first == "pomhealth 1 ready=0 live=1"
    rows = {line.split("\t")[0]: line.split("\t") for line in lines}
    assert set(rows) == {"storage.backend", "pomerium.process"}
    assert {len(row) for row in rows.values()} == {8}
    id_, outcome, stops, gate, cause, summary, fix, blocked_by = rows["storage.backend"]
    assert (id_, outcome, stops, gate, cause) == ("storage.backend", "fail", "1", "ready", "refused")
    assert summary == "a tab and a break"
    assert fix.startswith("one ; two ; ")
    assert blocked_by == ""
    assert rows["pomerium.process"][1:4] == ["pass", "0", "live"]


def test_a_follower_does_not_stop_by_itself_in_the_lines() -> None:
    shown = view(
        {"envoy.server": failed("hung", "no answer", SEEN), "xds.listener": failed("rejected", "?", SEEN)}
    )
    rows = {row.id: row for row in read(render.lines(shown)).rows}
    assert (rows["envoy.server"].stops, rows["xds.listener"].stops) == (True, False)
    assert rows["xds.listener"].blocked_by == "envoy.server"


FINDINGS = (
    GOOD,
    warned("w", "w", SEEN),
    failed("c", "c", SEEN),
    failed("c", "c", SEEN, silent=True),
    unseen("no right"),
    not_applicable("none"),
    blocked("authorize.service", "503"),
    None,
)
IDS = (
    "pomerium.process",
    "cluster_config_current",
    "envoy.server",
    "xds.listener",
    "proxy.service",
    "authorize.service",
    "storage.backend",
)


@pytest.mark.parametrize("seed", range(300))
def test_pomeriums_client_ours_and_readyz_always_agree(seed: int) -> None:
    dice = random.Random(seed)
    findings = {id_: dice.choice((*FINDINGS, GOOD, GOOD, GOOD)) for id_ in IDS}
    ids = (*IDS, "new.part")
    reports = {
        id_: Report(
            dice.choice(("RUNNING", "RUNNING", "UNKNOWN", "TERMINATING")), dice.choice(("", "", "broken"))
        )
        for id_ in ids
        if dice.random() < 0.3
    }
    shown = view(findings, reports, proven=dice.random() < 0.5)
    document = status(shown)
    stops = any(row.stops for row in read(render.lines(shown)).rows)
    expected = shown.status.ready
    assert pomerium_calls_it_healthy(document) is expected
    assert document["ready"] is expected
    assert render.is_open(shown, "ready") is expected
    assert stops is not expected
    assert all("error" not in entry or id_ in readyz(shown) for id_, entry in document["statuses"].items())


def test_the_lines_for_the_fast_client_come_worst_first() -> None:
    shown = view(
        {
            "cluster_config_current": warned("pending", "older", SEEN),
            "xds.listener": GOOD,
            "storage.backend": REFUSED,
            "envoy.server": failed("hung", "no answer", SEEN),
        }
    )
    told = [line.split("\t")[0] for line in render.lines(shown).decode().splitlines()[1:]]
    assert told == ["envoy.server", "storage.backend", "cluster_config_current", "xds.listener"]


def test_what_is_kept_from_one_view_for_the_next_is_what_is_so() -> None:
    """Byte for byte what the whole document would be, written at once."""
    memo = Memo()
    well: dict[str, Finding | None] = {"pomerium.process": passed("fine"), "proxy.service": passed("fine")}
    ill = {**well, "pomerium.process": failed("hung", "it hangs", SEEN)}
    for findings in (well, ill, {**ill, "proxy.service": None}, well, {}):
        shown = view(findings, memo=memo, platform=SOMEWHERE)
        entries = tuple(shown.status.entries.values())
        whole = {one.id: tell(one, shown) for one in entries}
        assert render.flat(shown, entries).decode() == json.dumps(whole, ensure_ascii=False, indent=2) + "\n"
        said = render.status(shown).decode()
        assert said == json.dumps(json.loads(said), ensure_ascii=False, indent=2) + "\n"
        assert status(shown)["statuses"].items() <= whole.items()
    elsewhere = view(ill, memo=memo, platform=Platform("docker", names=(("NAME", "front"),)))
    assert "docker restart front" in render.flat(elsewhere, elsewhere.status.entries.values()).decode()


def test_no_number_of_checks_that_come_and_go_takes_the_memory() -> None:
    memo = Memo()
    for number in range(3 * MOST):
        entry = Entry(Component(f"identity-provider.{number}", Gate.ALERT), passed("fine"))
        assert memo.text(entry, SOMEWHERE, lambda number=number: str(number)) == str(number)  # type: ignore[misc]
        assert len(memo._known) <= MOST

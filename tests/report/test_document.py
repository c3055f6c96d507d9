"""The same report as JSON."""

from __future__ import annotations

import json

from pomhealth.report.document import document
from pomhealth.report.items import items
from pomhealth.status import failed
from tests.findings import SEEN
from tests.report.example import CATALOGUE, HUNG, IN_MEMORY, READ_ONLY, REPLICA, status


def test_it_holds_what_the_text_holds_with_ids() -> None:
    map_ = status(storage__backend=READ_ONLY, persistent_backend=IN_MEMORY)
    told = document(items(map_, CATALOGUE), REPLICA)
    assert (told["ready"], told["errors"], told["warnings"]) == (
        False,
        ["storage.backend"],
        ["persistent_backend"],
    )
    assert told["replica"]["pid"] == 4242
    assert told["replica"]["addresses"] == {"address": "*:443"}
    assert [check["id"] for check in told["checks"]] == [
        "storage.backend",
        "persistent_backend",
        "envoy.server",
        "xds.listener",
    ]
    assert told["checks"][0] == {
        "id": "storage.backend",
        "area": "Storage",
        "outcome": "fail",
        "cause": "read-only",
        "gate": "ready",
        "summary": "PostgreSQL takes no writes",
        "says": "It takes no writes.",
        "evidence": [{"source": "db:5432, show transaction_read_only", "observed": "on", "expected": "off"}],
        "fix": ["Promote the standby.", "Or change the DSN."],
        "who": "database",
        "docs": "docs/checks.md#storagebackend",
        "reported_otherwise": "",
        "blocked_by": "",
        "followers": [],
    }


def test_followers_name_their_root_and_roots_their_followers() -> None:
    map_ = status(envoy__server=HUNG, xds__listener=failed("rejected", "no answer", SEEN))
    envoy, listener, *_ = document(items(map_, CATALOGUE), REPLICA)["checks"]
    assert (envoy["id"], envoy["followers"]) == ("envoy.server", ["xds.listener"])
    assert (listener["id"], listener["outcome"], listener["blocked_by"]) == (
        "xds.listener",
        "skipped",
        "envoy.server",
    )


def test_of_a_few_checks_it_does_not_say_whether_the_replica_is_ready() -> None:
    assert document(items(status(), CATALOGUE, ["envoy.server"]), REPLICA, partial=True)["ready"] is None


def test_no_secret_of_the_replica_is_told() -> None:
    assert "hunter2" not in json.dumps(document(items(status(), CATALOGUE), REPLICA))

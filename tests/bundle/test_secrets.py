"""Secrets planted wherever Pomerium, the agent and their surroundings keep them are in no file of a bundle."""

from __future__ import annotations

import logging
import os
from base64 import b64encode
from pathlib import Path

import pytest
from click.testing import CliRunner

from pomhealth.bundle.cleaner import Cleaner
from pomhealth.cli.support_bundle import command
from pomhealth.demo.certificate import self_signed
from tests.acceptance.test_secrets import (
    BASIC,
    COOKIE,
    HEADER,
    IDP,
    PASSWORD,
    SHARED,
    STATES,
    TOKEN,
    UPSTREAM,
    agent,
    fetch,
    planted,
    wait_for,
)
from tests.bundle.bundles import bundle
from tests.standin import RunningReplica, StandIn

PROXY = "proxy-password-3e8f"
OTEL = "otel-header-5a2b"
FEED = "feed-password-6d1c"


def replica_with_secrets(standin: StandIn) -> tuple[RunningReplica, bytes]:
    pair = self_signed(["*.demo.localhost"])
    replica = standin(
        storage="postgres",
        env={
            "IDP_CLIENT_SECRET": IDP,
            "METRICS_BASIC_AUTH": b64encode(f"user:{BASIC}".encode()).decode(),
            "HTTPS_PROXY": f"http://somebody:{PROXY}@127.0.0.1:1",
        },
        shared_secret=SHARED,
        cookie_secret=COOKIE,
        certificate_file=None,
        certificate_key_file=None,
        certificate=b64encode(pair.certificate).decode(),
        certificate_key=b64encode(pair.key).decode(),
        routes=[
            {
                "from": "https://app.demo.localhost",
                "to": f"http://somebody:{UPSTREAM}@127.0.0.1:1",
                "set_request_headers": {"Authorization": HEADER, "Cookie": "session=upstream-cookie-2b9d"},
            }
        ],
    )
    return replica, pair.key


@pytest.mark.parametrize("state", STATES)
def test_no_secret_is_in_any_file(standin: StandIn, tmp_path: Path, state: str) -> None:
    replica, key = replica_with_secrets(standin)
    settings = tmp_path / "pomhealth.toml"
    settings.write_text(f'release_feed = "http://somebody:{FEED}@127.0.0.1:1/"\n')
    with agent(replica, tmp_path / "agent.log") as listen:
        wait_for(lambda: b'"started": true' in fetch(listen, "/status"))
        STATES[state](replica)
        made = bundle(
            tmp_path / "x.tar.gz",
            "-a",
            listen,
            "--pid",
            str(replica.pid),
            "--settings",
            str(settings),
            PGPASSWORD=PASSWORD,
            POMERIUM_ZERO_TOKEN=TOKEN,
            OTEL_EXPORTER_OTLP_HEADERS=OTEL,
        )
    assert made.run.returncode == 0, made.run.stderr
    assert {"agent/status.json", "check.json", "config.json"} <= made.files.keys()
    told = "\n".join([made.run.stdout, made.run.stderr, *made.files, *made.files.values()])
    assert "[redacted]" in told
    hidden = planted(key) | {PROXY, OTEL, FEED, "upstream-cookie-2b9d"}
    assert not [secret for secret in hidden if secret in told]
    for name in made.files:
        if name.endswith(".json"):
            made.json(name)


def test_rather_than_leak_nothing_is_written_and_the_secret_is_not_named(
    standin: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a cleaner that cleans nothing any more, as after a mistake of ours."""
    replica, _ = replica_with_secrets(standin)
    monkeypatch.setattr(Cleaner, "text", lambda _, text: text)
    monkeypatch.setattr(Cleaner, "sealed", lambda _, text: text)
    monkeypatch.setattr(Cleaner, "value", lambda _, value: value)
    monkeypatch.setattr("pomhealth.bundle.collect.sections_as_json", lambda _: {"leaked": IDP})
    monkeypatch.setitem(os.environ, "POMHEALTH_SETTINGS", os.devnull)
    try:
        done = CliRunner().invoke(
            command, ["-a", "127.0.0.1:1", "--pid", str(replica.pid), "-o", str(tmp_path / "x.tar.gz")]
        )
    finally:
        logging.disable(logging.NOTSET)
    assert done.exit_code == 1
    assert "nothing is written: config.json would hold a secret of the replica" in done.output
    assert IDP not in done.output
    assert list(tmp_path.iterdir()) == []

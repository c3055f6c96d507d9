"""`pomhealth check` of a configuration file that no replica runs, as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.standin import StandIn

BUILD = "config.databroker.build"
GOOD = "routes:\n  - from: https://a.example.com\n    to: http://a\n"
UNKNOWN = GOOD + "    allow_websocket: true\n"
REMOVED = GOOD + "tracing_provider: jaeger\n"


def check(directory: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs it in this directory, where no program is called pomerium."""
    return subprocess.run(
        [sys.executable, "-m", "pomhealth", "check", *arguments],
        cwd=directory,
        env={**os.environ, "POMHEALTH_SETTINGS": os.devnull, "PATH": str(directory), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def new(tmp_path: Path) -> Path:
    path = tmp_path / "new.yaml"
    path.write_text(GOOD)
    return path


def test_a_good_file_passes_and_the_report_says_by_what_it_was_judged(new: Path) -> None:
    run = check(new.parent, "--pomerium-config", "new.yaml", BUILD)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith(
        "new.yaml alone, as Pomerium 0.33 would take it (the newest release that\n  pomhealth knows)\n"
    )
    assert "none runs with this file" in run.stdout
    assert f"✓ {BUILD}" in run.stdout
    assert "Ready" not in run.stdout


def test_a_bad_file_fails_in_either_form_with_its_line(new: Path) -> None:
    new.write_text(REMOVED)
    text = check(new.parent, "--pomerium-config", "new.yaml", BUILD)
    assert text.returncode == 1
    assert f"✗ {BUILD}: removed-option" in text.stdout
    assert "new.yaml:4" in text.stdout
    document = check(new.parent, "--pomerium-config", "new.yaml", "-o", "json", BUILD)
    assert document.returncode == 1
    told = json.loads(document.stdout)
    assert (told["errors"], told["error"], told["ready"]) == ([BUILD], None, None)
    assert told["replica"]["offline"] is True
    assert told["replica"]["version"] == "0.33"
    (one,) = told["checks"]
    assert one["evidence"][0]["source"] == "new.yaml:4"


def test_a_warning_fails_only_when_it_is_asked_to(new: Path) -> None:
    new.write_text(UNKNOWN)
    arguments = ("--pomerium-config", "new.yaml", BUILD)
    assert check(new.parent, *arguments).returncode == 0
    assert check(new.parent, *arguments, "--fail-on", "warning").returncode == 1


def test_a_version_that_is_named_decides(new: Path) -> None:
    new.write_text(GOOD + "merge_slashes: true\n")
    arguments = ("--pomerium-config", "new.yaml", "--fail-on", "warning", BUILD)
    older = check(new.parent, *arguments, "--pomerium-version", "v0.31.3")
    assert older.returncode == 1
    assert "as Pomerium 0.31.3 would take it (--pomerium-version)" in older.stdout
    assert "it came with 0.33" in " ".join(older.stdout.split())
    assert check(new.parent, *arguments, "--pomerium-version", "0.33").returncode == 0


def test_the_installed_program_decides_where_no_version_is_named(new: Path) -> None:
    program = new.parent / "pomerium"
    program.write_text("#!/bin/sh\necho 'pomerium: 0.32.9-1700000000+abcdef'\n")
    program.chmod(0o755)
    run = check(new.parent, "--pomerium-config", "new.yaml", BUILD)
    told = f"as Pomerium 0.32.9-1700000000+abcdef would take it ({program} --version)"
    assert "".join(told.split()) in "".join(run.stdout.split())  # however long the path is


def test_every_check_that_a_file_is_enough_for_can_be_named(new: Path) -> None:
    run = check(new.parent, "--pomerium-config", "new.yaml", "-o", "json", BUILD, "persistent_backend")
    told = json.loads(run.stdout)
    assert {one["id"]: one["outcome"] for one in told["checks"]} == {
        BUILD: "pass",
        "persistent_backend": "warn",
    }


def test_with_a_version_and_no_ids_all_of_them_are_judged(new: Path) -> None:
    run = check(new.parent, "--pomerium-config", "new.yaml", "--pomerium-version", "0.33", "-o", "json")
    ids = {one["id"] for one in json.loads(run.stdout)["checks"]}
    assert {BUILD, "persistent_backend"} <= ids
    assert "envoy.server" not in ids


def test_a_file_that_a_running_replica_uses_is_judged_for_the_version_to_come(standin: StandIn) -> None:
    replica = standin("v0.30.8", authenticate_callback_path="/oauth2/callback")
    config = str(replica.config_path)
    now = check(replica.config_path.parent, "--pomerium-config", config, BUILD)
    assert f"pid {replica.pid}" in now.stdout
    assert f"✓ {BUILD}" in now.stdout
    then = check(replica.config_path.parent, "--pomerium-config", config, "--pomerium-version", "0.33", BUILD)
    assert "authenticate_callback_path" in then.stdout
    assert "0.30 was the last to read it" in " ".join(then.stdout.split())
    assert f"pid {replica.pid}" not in then.stdout


@pytest.mark.parametrize("ids", [(), ("envoy.server",), (BUILD, "envoy.server")])
def test_what_needs_a_replica_fails_and_says_how_to_judge_the_file_alone(
    new: Path, ids: tuple[str, ...]
) -> None:
    run = check(new.parent, "--pomerium-config", "new.yaml", *ids)
    assert run.returncode == 1
    assert "no Pomerium replica runs with new.yaml" in run.stderr
    assert f"pomhealth check --pomerium-config new.yaml {BUILD}" in run.stderr
    document = json.loads(check(new.parent, "--pomerium-config", "new.yaml", "-o", "json", *ids).stdout)
    assert "no Pomerium replica runs with new.yaml" in document["error"]


@pytest.mark.parametrize("version", [(), ("--pomerium-version", "0.33")])
@pytest.mark.parametrize(
    ("name", "why"),
    [("gone.yaml", "No such file"), (".", "not a regular file"), ("pipe", "not a regular file")],
)
def test_a_file_that_is_none_is_wrong_usage(new: Path, name: str, why: str, version: tuple[str, ...]) -> None:
    os.mkfifo(new.parent / "pipe")
    run = check(new.parent, "--pomerium-config", name, *version, BUILD)
    assert run.returncode == 64
    assert run.stdout == ""
    assert run.stderr.count("\n") == 1
    assert why in run.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--pomerium-version", "0.33", BUILD), "--pomerium-config FILE"),
        (("--pomerium-config", "new.yaml", "--pomerium-version", "newest", BUILD), "write it as 0.33"),
        (
            ("--pomerium-config", "new.yaml", "--pomerium-version", "0.33", "envoy.server"),
            "needs a running replica",
        ),
        (("--pomerium-config", "new.yaml", "--pid", "1", "--pomerium-version", "0.33", BUILD), "--pid"),
    ],
)
def test_what_cannot_be_asked_for_is_wrong_usage(new: Path, arguments: tuple[str, ...], says: str) -> None:
    run = check(new.parent, *arguments)
    assert run.returncode == 64
    assert says in run.stderr
    assert run.stderr.count("\n") == 1


def test_no_secret_of_the_file_is_shown(new: Path) -> None:
    new.write_text(GOOD + "shared_secret: [sesame-street]\nidp_client_secret: {a: sesame-street}\n")
    run = check(new.parent, "--pomerium-config", "new.yaml", BUILD)
    assert run.returncode == 1
    assert "sesame" not in run.stdout + run.stderr


def test_names_of_the_file_cannot_command_the_terminal(new: Path) -> None:
    new.write_text('"evil\\e[2Jname": 1\n')
    run = check(new.parent, "--pomerium-config", "new.yaml", BUILD)
    assert "\x1b" not in run.stdout
    assert "unknown-option" in run.stdout


def test_a_certificate_that_keeps_it_from_starting_is_one_finding_and_the_certificates_own(new: Path) -> None:
    new.write_text(f"{GOOD}certificate_file: gone.crt\ncertificate_key_file: gone.key\n")
    run = check(new.parent, "--pomerium-config", "new.yaml", "-o", "json", BUILD)
    told = json.loads(run.stdout)
    assert (run.returncode, told["errors"]) == (1, ["certificates_current"])
    build = next(one for one in told["checks"] if one["id"] == BUILD)
    assert (build["outcome"], build["blocked_by"]) == ("skipped", "certificates_current")
    (certificate,) = (one for one in told["checks"] if one["id"] == "certificates_current")
    assert "Pomerium would not start with it" in certificate["summary"]


def test_a_misspelt_option_is_told_beside_what_is_refused(new: Path) -> None:
    new.write_text(f"{REMOVED}cookie_expires: 1h\n")
    run = check(new.parent, "--pomerium-config", "new.yaml", BUILD)
    assert run.returncode == 1
    assert f"✗ {BUILD}: removed-option" in run.stdout
    assert "seen      new.yaml:5" in run.stdout

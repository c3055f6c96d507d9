"""`pomhealth config`: what is known, where from, and no secret."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from pomhealth.cli.main import run
from tests.standin import RunningReplica, StandIn

PLANTED = (
    "planted-shared",
    "planted-cookie",
    "planted-idp",
    "planted-dsn",
    "planted-header",
    "planted-proxy",
)


@pytest.fixture(scope="module")
def replica(module_standin: StandIn) -> RunningReplica:
    """A stand-in with secrets in its file and its environment."""
    return module_standin(
        shared_secret=base64.b64encode(b"planted-shared-planted-shared-32").decode(),
        cookie_secret="planted-cookie",
        databroker_storage_connection_string="postgres://u:planted-dsn@h/db",
        routes=[
            {
                "from": "https://app.demo.localhost",
                "to": "http://127.0.0.1:1",
                "set_request_headers": {"Authorization": "planted-header"},
            }
        ],
        env={"IDP_CLIENT_SECRET": "planted-idp", "HTTPS_PROXY": "http://u:planted-proxy@p:1"},
    )


def entries(section: list[dict[str, Any]]) -> dict[str, tuple[Any, str]]:
    return {entry["name"]: (entry["value"], entry["origin"]) for entry in section}


def test_text_shows_every_value_with_its_origin(
    replica: RunningReplica, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", "--pid", str(replica.pid)]) == 0
    text = capsys.readouterr().out
    for expected in (
        f"{replica.pid}  (option --pid)",
        "127.0.0.1:28081  (default)",
        f"pid {replica.pid}, uid ",
        f"127.0.0.1:{replica.address[1]}, held by envoy  ({replica.config_path}:1)",
        "memory  (",
        "[redacted]  (environment IDP_CLIENT_SECRET)",
        "postgres://u:[redacted]@h/db",
        "1 route  (",
        str(replica.cache_dir),
    ):
        assert expected in text
    for secret in (*PLANTED, base64.b64encode(b"planted-shared-planted-shared-32").decode()):
        assert secret not in text


def test_json_holds_the_same(replica: RunningReplica, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "-o", "json", "--pid", str(replica.pid)]) == 0
    text = capsys.readouterr().out
    document = json.loads(text)
    assert entries(document["settings"])["pid"] == (replica.pid, "option --pid")
    assert entries(document["replica"])["version"][0] == "0.33.1"
    assert entries(document["addresses"])["health_check_addr"][0].endswith("held by pomerium")
    assert entries(document["options"])["cookie_secret"][0] == "[redacted]"
    assert document["not_seen"] == []
    assert not [secret for secret in PLANTED if secret in text]


def test_a_rejected_file_is_shown_with_its_line(standin: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    running = standin()
    running.write_config("address: [\n")
    assert run(["config", "--pid", str(running.pid)]) == 0
    text = capsys.readouterr().out
    assert "refused by Pomerium" in text
    assert f"{running.config_path}:2  the file cannot be parsed" in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--pid", "4194305"], "4194305"),
        (["--pomerium-config", "/nowhere.yaml"], "--pomerium-config /nowhere.yaml: No such file"),
        (["--settings", "/nowhere.toml"], "/nowhere.toml"),
        (["-o", "xml"], "xml"),
    ],
)
def test_wrong_usage_is_one_line_and_64(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", *arguments]) == 64
    error = capsys.readouterr().err
    assert says in error
    assert "Traceback" not in error


def test_check_says_nothing_of_right_settings(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pomhealth.toml"
    file.write_text("fall = 3\n")
    assert run(["config", "--check", "--settings", str(file)]) == 0
    assert capfd.readouterr() == ("", "")


def test_check_says_what_is_wrong_in_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pomhealth.toml"
    file.write_text("fall = 0\n")
    assert run(["config", "--check", "--settings", str(file)]) == 64
    assert capfd.readouterr().err.startswith(f"Error: {file}: fall: 0: ")

"""Where the parts of a bundle come from: each gives what is harmless, and says why it gives nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pomhealth.bundle import envoy, host, past
from pomhealth.bundle.ask import LARGEST, Ask, Lines, Missing, answered, part
from pomhealth.bundle.cleaner import Cleaner
from pomhealth.bundle.part import Lack, Part
from pomhealth.reach import Refused
from pomhealth.settings import Settings
from pomhealth.status import Unobservable
from pomhealth.systemd.unit import read_file, unit_of

SECRET = "correct-horse-battery"
UNIT = """\
[Service]
Environment=IDP_CLIENT_SECRET=opaque-words "SHARED_SECRET=opaque words" PLAIN=opaque
SetCredential=token:opaque
ExecStart=/usr/sbin/pomerium -config /etc/pomerium/config.yaml --db-password opaque
EnvironmentFile=-/etc/pomerium/pomerium.env
WatchdogSec=30
"""


def program(directory: Path, name: str, script: str) -> None:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def ask(answer: Callable[[], Awaitable[Any]], deadline: float = 1.0) -> Part | Lack:
    return asyncio.run(answered(Ask("x.json", "x", deadline, answer), Cleaner([SECRET])))


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (Missing(f"not {SECRET}"), "not [redacted]"),
        (Refused("here", "nobody listens there"), "here: nobody listens there"),
        (Unobservable("it cannot be seen", "be root"), "it cannot be seen: be root"),
        (PermissionError(13, "Permission denied", SECRET), "Permission denied"),
        (ValueError(SECRET), "a fault in pomhealth: ValueError"),
    ],
)
def test_what_cannot_be_had_is_told_with_why_and_without_secrets(error: Exception, why: str) -> None:
    async def answer() -> object:
        raise error

    assert ask(answer) == Lack("x.json", why)


def test_what_hangs_has_its_time() -> None:
    async def answer() -> None:
        await asyncio.Event().wait()

    assert ask(answer, deadline=0.01) == Lack("x.json", "no answer within 0.01 s")


def test_an_answer_too_deep_to_be_written_spoils_nothing_else() -> None:
    async def answer() -> object:
        deep: list[Any] = []
        for _ in range(100_000):
            deep = [deep]
        return deep

    assert ask(answer) == Lack("x.json", "a fault in pomhealth: RecursionError")


def test_what_is_too_large_is_left_out_before_it_is_read() -> None:
    for answer in ("x" * (LARGEST + 1), Lines("x" * (LARGEST + 1)), ["x" * LARGEST]):
        lack = part("x", "x", answer, Cleaner(()))
        assert isinstance(lack, Lack)
        assert "too large" in lack.why


def test_of_a_unit_s_environment_only_the_names_are_told() -> None:
    shown = {"Id": ("pomerium.service",), "LoadState": ("loaded",), "TimeoutStartUSec": ("infinity",)}
    told = host.unit_as_json(unit_of(shown, read_file("/etc/x", UNIT)))
    lines = [one["line"] for one in told["settings"]]
    assert "Environment=IDP_CLIENT_SECRET=[redacted] SHARED_SECRET=[redacted] PLAIN=[redacted]" in lines
    assert "SetCredential=token=[redacted]" in lines
    assert "EnvironmentFile=-/etc/pomerium/pomerium.env" in lines
    assert told["start_limit_seconds"] is None
    written = part("units.json", "", told, Cleaner(()))
    assert isinstance(written, Part)
    assert "WatchdogSec=30" in written.text
    assert '"Environment=' in written.text
    for line in lines:
        assert "opaque" not in Cleaner(()).lines(line)


def test_a_command_s_password_is_not_told_either() -> None:
    shown = {
        "Id": ("x.service",),
        "ExecStart": ("{ path=/x ; argv[]=/x --db-password opaque --token=opaque ; ignore_errors=no ; }",),
    }
    told = host.unit_as_json(unit_of(shown, read_file("/etc/x", UNIT)))
    assert "opaque" not in str(told)
    assert "/x --db-password [redacted] --token=[redacted]" in str(told)


def test_the_log_is_the_agent_s_own_without_what_has_the_name_of_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "journalctl", """echo "$@"; echo 'said api_token=opaque-words'""")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    written = part("log.txt", "", host.log(), Cleaner(()))
    assert isinstance(written, Part)
    assert written.text.startswith("--unit=pomhealth.service --lines=500 ")
    assert written.text.endswith("said api_token=[redacted]\n")


@pytest.mark.parametrize(
    ("script", "why"),
    [("true", "no line of pomhealth.service"), ("exec sleep 60", "`journalctl` did not end within 0.2 s")],
)
def test_where_there_is_no_log_it_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, why: str
) -> None:
    program(tmp_path, "journalctl", script)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(host, "_DEADLINE", 0.2)
    with pytest.raises(Missing, match=why):
        host.log()


def test_without_a_journal_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Missing, match="no journalctl here"):
        host.log()


def test_versions_are_told_as_far_as_they_are_known() -> None:
    told = host.versions(None)
    assert told["pomerium"] is None
    assert told["libraries"]["psycopg"]
    assert told["kernel"] == os.uname().release


def test_of_envoy_only_what_is_named_is_taken() -> None:
    said = {
        "version": "1.40.0",
        "state": "LIVE",
        "node": {"metadata": {"token": SECRET}},
        "command_line_options": {"concurrency": 2, "config_yaml": SECRET, "config_path": SECRET},
    }
    assert envoy.server(said) == {"version": "1.40.0", "state": "LIVE", "options": {"concurrency": 2}}
    assert envoy.server({"command_line_options": "x"}) == {"options": {}}
    status = {"name": "a", "local_address": {"socket_address": {"port_value": 1}}, "more": SECRET}
    assert envoy.listeners({"listener_statuses": [status, "x"]}) == [
        {"name": "a", "address": status["local_address"]}
    ]
    assert envoy.listeners([]) == []


def test_history_that_is_not_there_or_is_none_is_told_of(tmp_path: Path) -> None:
    settings = Settings(state_dir=str(tmp_path))
    with pytest.raises(Missing, match="there is no history"):
        past.left(settings, "127.0.0.1:28081", 1.0)
    (tmp_path / "history-127.0.0.1-28081.sqlite3").write_bytes(b"no database at all" * 100)
    with pytest.raises(Missing, match="cannot be read"):
        past.left(settings, "127.0.0.1:28081", 1.0)
    with pytest.raises(Missing, match="switched off"):
        past.left(Settings(history=False), "127.0.0.1:28081", 1.0)

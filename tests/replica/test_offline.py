"""A configuration file that no replica runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pomhealth.replica import processes
from pomhealth.replica.model import Value
from pomhealth.replica.offline import from_file, given, guessed
from tests.replica.little import Little, program_that_says

JUDGED = Value("0.32.9", "--pomerium-version")


def test_a_file_as_the_replica_it_would_be(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("address: 127.0.0.1:1\ndebug_address: 127.0.0.1:2\ndatabroker_storage_type: file\n")
    found = from_file(str(config), JUDGED, "none runs")
    assert {"address", "debug_address", "grpc_address"} == {one.role for one in found.endpoints}
    assert found.storage is not None
    assert found.storage.kind == "file"
    assert found.release == (0, 32)
    assert None is found.main
    assert found.offline
    assert not found.awaited
    older = from_file(str(config), Value("0.31.0", ""), "none runs")
    assert "debug_address" not in {one.role for one in older.endpoints}


def test_what_pomerium_would_refuse(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("services: all,sorcery\nroutes:\n  - from: a\n    to: http://b\n")
    assert [one.line for one in from_file(str(config), JUDGED, "").options.problems] == [1, 3]


@pytest.mark.parametrize(
    "text",
    [
        "services: proxy",
        "databroker_storage_type: postgres",
        "certificate_file: c.pem",
        "metrics_certificate: x",
    ],
)
def test_what_the_environment_may_hold_is_not_called_lacking(text: str, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(text)
    assert from_file(str(config), JUDGED, "").options.problems == ()


def test_files_that_it_names_are_looked_for_in_our_own_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.yaml").write_text("certificate_file: c.pem\ncertificate_key_file: k.pem\n")
    (tmp_path / "c.pem").write_text("nothing")
    (tmp_path / "k.pem").write_text("nothing")
    monkeypatch.chdir(tmp_path)
    (problem,) = from_file("c.yaml", JUDGED, "").options.problems
    assert "No such file" not in problem.text
    assert problem.check == "certificates_current"


@pytest.mark.parametrize("text", ["0.33", "v0.33", "0.33.1", "v0.33.1-rc1"])
def test_a_version_in_any_of_its_forms(text: str) -> None:
    value = given(text)
    assert value is not None
    assert str(value.value).startswith("0.33")


@pytest.mark.parametrize("text", ["", "33", "latest", "0.33 ", "v", "0.x", "0.99999999999999999999"])
def test_what_is_no_version(text: str) -> None:
    assert given(text) is None


def installed(directory: Path, script: str) -> None:
    program = directory / "pomerium"
    program.write_text(f"#!{sys.executable}\n{script}\n")
    program.chmod(0o755)


def test_the_installed_program_tells_the_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, "print('pomerium: 0.31.2-1234+abc')")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert guessed([]) == Value("0.31.2-1234+abc", f"{tmp_path}/pomerium --version")


@pytest.mark.parametrize(
    "script", ["print('another program 1.2.3')", "raise SystemExit(1)", "import time; time.sleep(60)"]
)
def test_a_program_that_does_not_tell_is_passed_over(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, script)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert guessed([]) == Value("0.33", "the newest release that pomhealth knows")


def test_a_program_that_cannot_be_run_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pomerium").write_bytes(b"\x7fELF nothing")
    (tmp_path / "pomerium").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert guessed([]).origin == "the newest release that pomhealth knows"


def test_the_one_replica_that_runs_tells_the_version(little: Little, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    one, other = (
        processes.process(little.replica("--config", "a.yaml", program=program_that_says()).pid)
        for _ in range(2)
    )
    assert one is not None
    assert other is not None
    assert guessed([one]) == Value("0.33.1+abc", f"the replica that runs here, pid {one.pid}")
    assert guessed([one, other]).origin == "the newest release that pomhealth knows"

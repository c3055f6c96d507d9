"""`pomhealth run -- COMMAND` on the command line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.launch.first import run_to_end


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pomhealth", "run", *words],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_input_output_and_status_of_the_command_pass_through() -> None:
    done = run_to_end("sh", "-c", "cat; echo to-stderr >&2; exit 9", given="from stdin\n")
    assert done.stdout == "from stdin\n"
    assert "to-stderr\n" in done.stderr
    assert done.returncode == 9


@pytest.mark.parametrize(
    ("command", "status", "why"),
    [("no-such-program", 127, "no such program"), ("/etc/passwd", 126, "Permission denied")],
)
def test_a_command_that_cannot_run_is_one_line_and_the_status_of_a_shell(
    command: str, status: int, why: str
) -> None:
    done = run_to_end(command)
    assert done.returncode == status
    assert f"{command}: {why}" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("pomerium", "-config", "x"), "No such option"),
        (("pomerium",), "a command stands after --, as in pomhealth run -- pomerium -config FILE"),
        (("--",), "no command stands after --"),
        (("--pid", "1", "--", "true"), "the replica is what stands after --"),
        (("--listen", "127.0.0.1:28080", "--", "true"), "SO_REUSEPORT"),
    ],
)
def test_wrong_usage_is_refused_before_anything_is_started(words: tuple[str, ...], hint: str) -> None:
    done = _run(*words)
    assert done.returncode == 64
    assert hint in done.stderr
    assert "Traceback" not in done.stderr


def test_options_after_the_dashes_are_the_commands() -> None:
    done = run_to_end("printf", "%s ", "--listen", "nowhere", "--", "--help")
    assert done.stdout == "--listen nowhere -- --help "
    assert done.returncode == 0

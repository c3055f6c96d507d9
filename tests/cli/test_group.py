"""The command line as processes: usage, the words of the catalogue, and what loading costs."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys

import pytest

from pomhealth import __version__
from pomhealth.catalogue import CURERS, catalogue
from pomhealth.cli.main import COMMANDS
from pomhealth.report.reference import page
from pomhealth.report.style import Style

DEADLINE = 30  # seconds


def pomhealth(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pomhealth", *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def test_version() -> None:
    assert pomhealth("--version").stdout == f"pomhealth {__version__}\n"


def test_help_names_every_command_and_loads_none() -> None:
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "pomhealth", "--help"],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert run.returncode == 0
    for name in COMMANDS:
        assert f"  {name} " in run.stdout
        assert f"pomhealth.cli.{name}\n" not in run.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_says_how_it_is_used(name: str) -> None:
    run = pomhealth(name, "--help")
    assert run.returncode == 0
    assert run.stdout.startswith(f"Usage: pomhealth {name} ")


@pytest.mark.parametrize("name", ["checks", "explain"])
def test_offline_commands_load_nothing_that_reaches_out(name: str) -> None:
    code = (
        "import sys; from pomhealth.cli.main import run; run(sys.argv[1:]);"
        "sys.exit(bool({'aiohttp', 'asyncio', 'psycopg', 'psutil', 'structlog', 'socket'} & set(sys.modules)))"
    )
    arguments = [name, "envoy.server"] if name == "explain" else [name]
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, timeout=DEADLINE, check=False
    )
    assert (run.returncode, run.stderr) == (0, b"")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nope"],
        ["--nope"],
        ["checks", "--nope"],
        ["checks", "-o", "yaml"],
        ["checks", "unexpected"],
        ["explain"],
        ["explain", "no.such.check"],
        ["explain", "envoy.server/nope"],
        ["check", "no.such.check"],
        ["check", "--pid", "0"],
        ["check", "--wait", "soon"],
        ["check", "--settings", "/no/such/file.toml"],
        ["run", "--nope"],
        ["config", "--nope"],
        ["generate"],
        ["generate", "nope"],
        ["demo", "--nope"],
    ],
)
def test_wrong_usage_is_64_for_every_command(arguments: list[str]) -> None:
    """Click's own 2 would be read by Docker as "reserved"."""
    run = pomhealth(*arguments)
    assert (run.returncode, run.stdout) == (64, "")
    assert "Traceback" not in run.stderr
    assert run.stderr.splitlines()[-1].startswith("Error: ")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("xds.listner", "xds.listener"),
        ("storage", "storage.backend"),
        ("envoy", "envoy.server"),
        ("xds.listener/port", "port-taken"),
    ],
)
def test_an_unknown_id_is_answered_with_the_nearest(typed: str, meant: str) -> None:
    assert meant in pomhealth("explain", typed).stderr


def test_checks_names_every_id_and_cause() -> None:
    listed = pomhealth("checks").stdout
    for check in catalogue():
        assert check.id in listed
        assert all(code in listed for code in check.causes)


def test_checks_as_json_holds_the_catalogue() -> None:
    listed = json.loads(pomhealth("checks", "-o", "json").stdout)
    assert [check["id"] for check in listed] == list(catalogue().checks)
    assert listed[0]["causes"][0].keys() == {"code", "outcome", "says", "who", "steps"}
    assert listed[0]["causes"][0]["steps"][0].keys() == {"text", "by_platform"}


@pytest.mark.parametrize("id_", catalogue().checks)
def test_the_page_of_a_check_tells_its_causes_and_steps(id_: str) -> None:
    check = catalogue().checks[id_]
    words = " ".join(page(check, id_, Style()).split())
    assert check.question in words
    assert check.means in words
    for cause in check.causes.values():
        assert cause.says in words
        assert CURERS[cause.who] in words
        for step in cause.steps:
            assert step.text in words
            assert all(f"{platform} {what}" in words for platform, what in step.each)


def test_explain_prints_the_page() -> None:
    run = pomhealth("explain", "xds.listener")
    assert (run.returncode, run.stdout) == (
        0,
        page(catalogue().checks["xds.listener"], "xds.listener", Style()),
    )


def test_explain_tells_one_cause_alone() -> None:
    told = pomhealth("explain", "xds.listener/port-taken").stdout
    assert "port-taken" in told
    assert "permission-denied" not in told
    assert "pomhealth explain xds.listener\n" in told


def test_explain_knows_the_members_of_a_family() -> None:
    assert pomhealth("explain", "identity-provider.google").stdout.startswith("identity-provider.google\n")


def test_text_that_is_piped_fits_into_80_columns_except_for_commands() -> None:
    for line in (
        pomhealth("explain", "xds.listener").stdout.splitlines() + pomhealth("checks").stdout.splitlines()
    ):
        assert len(line) <= 80 or "`" in line
        assert "\x1b" not in line


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    run = subprocess.run(
        ["bash", "-c", '"$0" -m pomhealth checks | head -n 1; echo "${PIPESTATUS[0]}"', sys.executable],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert (run.stdout.count("\n"), run.stderr) == (2, "")


def test_a_fault_of_our_own_is_one_line_that_gives_away_nothing() -> None:
    code = (
        "import sys, pomhealth.cli.checks as module; from pomhealth.cli.main import run\n"
        "def broken(): raise ValueError('postgres://pomerium:hunter2@db')\n"
        "module.catalogue = broken; sys.exit(run(['checks']))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith(
        "Error: this is a fault in pomhealth, not in the replica: ValueError at checks.py:"
    )
    assert run.stderr.count("\n") == 1
    assert "hunter2" not in run.stderr


@pytest.mark.parametrize("command", [["check", "--wait", "30"], ["run", "--listen", "127.0.0.1:0"]])
def test_an_interrupt_is_no_traceback(command: list[str]) -> None:
    """Wherever it comes, also while modules are loaded; of those the interpreter tells on the way."""
    for delay in (0.0, 0.2, 0.8):
        process = subprocess.Popen(
            [sys.executable, "-X", "importtime", "-m", "pomhealth", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with process:
            assert process.stderr is not None
            assert any(line.rstrip().endswith(b"click.globals") for line in process.stderr)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(delay)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=DEADLINE)
        assert b"Traceback" not in output + errors

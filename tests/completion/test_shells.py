"""Real shells: a person types, presses TAB, and reads what comes."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pomhealth.completing import SCRIPTS, script
from tests import tools

DEADLINE = 30.0  # seconds
READY = "the shell is ready"


class Terminal:
    """A shell on a terminal of its own."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.shown = ""

    def type(self, text: str) -> None:
        self.shown = ""
        os.write(self._descriptor, text.encode())

    def until(self, *texts: str) -> None:
        """Waits until each of these is shown."""
        end = time.monotonic() + DEADLINE
        while not all(text in self.shown for text in texts):
            readable, _, _ = select.select([self._descriptor], [], [], max(end - time.monotonic(), 0))
            assert readable, f"{texts} did not come, but: {self.shown!r}"
            self.shown += os.read(self._descriptor, 65536).decode("utf-8", "replace")

    def complete(self, line: str, *expected: str) -> None:
        """Types a line and TAB, waits for what is expected, and clears the line."""
        self.type(f"{line}\t")
        self.until(*expected)
        self.type("\x15")


@contextmanager
def shell(argv: list[str], environment: dict[str, str], setup: str) -> Iterator[Terminal]:
    pid, descriptor = pty.fork()
    if pid == 0:  # pragma: no cover  (another program by then)
        try:
            os.execve(argv[0], argv, environment)
        finally:
            os._exit(127)
    try:
        terminal = Terminal(descriptor)
        terminal.type(f"{setup}; echo {READY.replace(' ', ' ' * 2)}\n")  # echo makes one space of two
        terminal.until(READY)
        yield terminal
    finally:
        os.close(descriptor)  # hangs up
        os.kill(pid, 9)
        os.waitpid(pid, 0)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """With `pomhealth` on the PATH, and no start files of whoever runs the tests."""
    program = tmp_path / "bin" / "pomhealth"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m pomhealth "$@"\n')
    program.chmod(0o755)
    for name in ("certain-file.toml", "other"):
        (tmp_path / name).touch()
    (tmp_path / "certain-directory").mkdir()
    (tmp_path / "scripts").mkdir()
    for one, name in SCRIPTS.items():
        (tmp_path / "scripts" / name).write_text(script(one))
    return {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PWD": str(tmp_path),
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
        "PS1": "> ",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }


LINES = (
    ("pomhealth expl", "explain "),
    ("pomhealth ", "health", "check", "drain", "explain", "completion"),
    ("pomhealth check --pomerium-c", "--pomerium-config "),
    ("pomhealth check sys", "systemd.unit "),
    ("pomhealth explain envoy.server/hu", "hung "),
    ("pomhealth explain storage.back", "storage.backend.cleanup", "storage.backend.notifications"),
    ("pomhealth health -e certificates_m", "certificates_match_hostnames "),
    ("pomhealth health -a 127.0.0.1:28081 systemd", "systemd.unit "),
    ("pomhealth config --output=j", "--output=json "),
    ("pomhealth config --output j", "json "),
    ("pomhealth check --settings certain-f", "certain-file.toml "),
    ("pomhealth check --settings=certain-f", "--settings=certain-file.toml "),
    ("pomhealth generate --write certain-", "certain-directory/"),
    ("pomhealth demo --break envoy-h", "envoy-hang "),
    ("./bin/pomhealth expl", "explain "),
    ("~/bin/pomhealth expl", "explain "),
)


def test_bash(environment: dict[str, str], tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash
    setup = (
        f"cd {tmp_path}; bind 'set show-all-if-ambiguous on'; bind 'set page-completions off';"
        " bind 'set enable-bracketed-paste off'; source scripts/pomhealth.bash"
    )
    with shell([bash, "--norc", "--noprofile", "-i"], environment, setup) as terminal:
        for line, *expected in LINES:
            terminal.complete(line, *expected)


def test_bash_keeps_its_own_variables(environment: dict[str, str], tmp_path: Path) -> None:
    """A function that leaves names behind would change what the person has in them."""
    code = (
        "before=$(compgen -v); COMP_WORDS=(pomhealth che); COMP_CWORD=1; source scripts/pomhealth.bash;"
        ' _pomhealth pomhealth che pomhealth; echo "${COMPREPLY[@]}"; comm -13 <(echo "$before" | sort) <(compgen -v | sort)'
    )
    said = subprocess.run(
        ["bash", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    given = {"COMPREPLY", "COMP_CWORD", "COMP_WORDS", "before"}
    assert said.stdout.splitlines()[0] == "check checks"
    assert set(said.stdout.splitlines()[1:]) <= {*given, "_", "PIPESTATUS"}
    assert said.stderr == ""


def test_zsh(environment: dict[str, str], tmp_path: Path) -> None:
    zsh, modules = tools.zsh()
    setup = (
        f"{modules} cd {tmp_path}; PS1='> '; fpath=({tmp_path}/scripts $fpath);"
        " autoload -Uz compinit; compinit -u -D; unsetopt list_ambiguous"
    )
    with shell([str(zsh), "-f", "-i"], environment, setup) as terminal:
        for line, *expected in LINES:
            terminal.complete(line, *expected)
        terminal.complete("pomhealth ", "Take the replica out of rotation")


def test_zsh_takes_the_script_from_a_pipe_too(environment: dict[str, str]) -> None:
    zsh, modules = tools.zsh()
    setup = f"{modules} PS1='> '; autoload -Uz compinit; compinit -u -D; source <(pomhealth completion zsh)"
    with shell([str(zsh), "-f", "-i"], environment, setup) as terminal:
        terminal.complete("pomhealth expl", "explain ")


def test_fish(environment: dict[str, str], tmp_path: Path) -> None:
    fish, functions = tools.fish()

    def offered(line: str) -> dict[str, str]:
        """What fish itself would show at the end of a line: each word and what it is."""
        said = subprocess.run(
            [
                str(fish),
                "--no-config",
                "-c",
                f"{functions} source scripts/pomhealth.fish; complete -C $argv[1]",
                line,
            ],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=True,
        )
        assert said.stderr == ""
        return dict(line.partition("\t")[::2] for line in said.stdout.splitlines())

    for line, *expected in LINES:
        found = offered(line)
        assert {word.strip() for word in expected} <= {
            word.removeprefix("envoy.server/") if "/hu" in line else word for word in found
        }
    assert offered("pomhealth dr") == {
        "drain": "Take the replica out of rotation, and wait for its connections to end."
    }

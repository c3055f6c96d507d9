"""Processes of the demo's own, and signals that come while one is started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# A signal that comes while Python forks, as surely as can be: from one of the hooks that it then runs.
PROGRAM = """
import os, pathlib, signal, subprocess, sys
from pomhealth.demo.children import spawn

def end(number, frame):
    raise SystemExit(100 + number)

signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGINT, end)
pid = os.getpid()
os.register_at_fork(after_in_parent=lambda: os.kill(pid, int(sys.argv[2])))
try:
    spawn([sys.argv[1], "60"], cwd=pathlib.Path("/"), output=subprocess.DEVNULL)
finally:
    try:
        print("a child is left", os.waitpid(-1, os.WNOHANG))
    except ChildProcessError:
        print("no child is left")
"""


@pytest.mark.parametrize("program", ["/bin/sleep", "/nowhere/to/be/found"])
@pytest.mark.parametrize("number", [2, 15])
def test_a_signal_that_comes_while_a_child_is_started_is_not_lost(program: str, number: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, program, str(number)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (100 + number, "no child is left\n"), done.stderr

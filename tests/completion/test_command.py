"""`pomhealth completion`, and the way on which a shell asks."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pomhealth.completing import SCRIPTS, script

DEADLINE = 30  # seconds


def pomhealth(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pomhealth", *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@pytest.mark.parametrize("shell", SCRIPTS)
def test_it_prints_the_script_that_is_shipped(shell: str) -> None:
    run = pomhealth("completion", shell)
    assert (run.returncode, run.stdout, run.stderr) == (0, script(shell), "")


@pytest.mark.parametrize("arguments", [[], ["tcsh"], ["bash", "zsh"]])
def test_another_shell_is_wrong_usage(arguments: list[str]) -> None:
    run = pomhealth("completion", *arguments)
    assert (run.returncode, run.stdout) == (64, "")
    assert run.stderr.splitlines()[-1].startswith("Error: ")


def test_a_shell_asks_by_variables() -> None:
    run = pomhealth(COMP_WORDS="pomhealth\nexpl", COMP_CWORD="1", _POMHEALTH_COMPLETE="bash_complete")
    assert run.returncode == 0
    assert run.stdout == "plain\texplain\tWhat a check means, its causes, and what to do.\n"


@pytest.mark.parametrize("instruction", ["tcsh_complete", "bash_source", "nonsense"])
def test_another_question_is_not_answered(instruction: str) -> None:
    run = pomhealth(COMP_WORDS="pomhealth", COMP_CWORD="1", _POMHEALTH_COMPLETE=instruction)
    assert (run.returncode, run.stdout) == (1, "")


def test_the_variable_does_not_turn_a_probe_into_an_offer() -> None:
    """Whatever a supervisor has in its environment, `pomhealth health` asks the agent."""
    run = pomhealth("health", "--help", _POMHEALTH_COMPLETE="bash_complete")
    assert run.stdout.startswith("Usage: pomhealth health ")

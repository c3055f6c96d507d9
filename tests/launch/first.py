"""The first process with two children that the test writes itself: small shell scripts that note what comes to them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from pomhealth.launch.start import parent_words
from pomhealth.settings import Settings
from tests.agent.process import PATIENCE, until

SETTINGS = Settings(log_format="json", drain_limit=60.0)


class Notes:
    """What the scripts have written, one word a line, in the order in which it happened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    @property
    def words(self) -> list[str]:
        return self.path.read_text().split()

    def wait_for(self, *words: str) -> None:
        until(lambda: all(word in self.words for word in words), lambda: self.words)


def noting(notes: Notes, name: str, on_term: str = "exit 0", begin: str = "") -> list[str]:
    """A shell that notes NAME-up, and each signal as NAME-HUP and so on; on SIGTERM it then does `on_term`."""
    traps = "; ".join(
        f"trap 'echo {name}-{signal} >>\"$0\"; {action}' {signal}"
        for signal, action in (
            ("TERM", on_term),
            ("INT", "exit 0"),
            ("HUP", ":"),
            ("USR1", ":"),
            ("USR2", ":"),
            ("WINCH", ":"),
        )
    )
    wait = "while :; do sleep 0.02; done"
    return ["/bin/sh", "-c", f'{traps}; echo {name}-up >>"$0"; {begin or ":"}; {wait}', str(notes.path)]


@contextmanager
def first(
    agent: Sequence[str],
    command: Sequence[str],
    *,
    before: Sequence[str] = (),
    output: int | None = None,
    errors: int | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """The first process with these children; everything is gone afterwards. `before` precedes its command line."""
    words = [*before, *parent_words(SETTINGS, agent, command, terminal=False)]
    process = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=output, stderr=errors, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        left = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.kill()
        for one in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        process.communicate(timeout=PATIENCE)


def run_to_end(*command: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """`pomhealth run -- COMMAND` as a person types it, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "pomhealth", "run", "--listen", "127.0.0.1:0", "--", *command],
        input=given,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env={**os.environ, "POMHEALTH_LOG_LEVEL": "error"},
    )

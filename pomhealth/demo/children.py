"""Processes of the demo's own: started so that they cannot outlive it, ended so that nothing is left."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24
_CLONE_NEWNS = 0x20000
_LIBC = ctypes.CDLL(None, use_errno=True)


def spawn(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    output: IO[bytes] | int,
    errors: int = subprocess.STDOUT,
    last_signal: signal.Signals = signal.SIGKILL,
    own_session: bool = True,
    without: Sequence[int] = (),
    view: int | None = None,
    **more: Any,
) -> subprocess.Popen[bytes]:
    """A child process without input, whose output goes to `output`, errors too by default.

    The kernel sends it `last_signal` when this process ends. In a session of its own it does not get the
    terminal's Ctrl-C. `without` are capabilities (their numbers) that it never gets, not as root either;
    `view` is a descriptor of the mount namespace that it is to see.
    """
    return subprocess.Popen(
        list(command),
        cwd=cwd,
        env=None if env is None else dict(env),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        start_new_session=own_session,
        preexec_fn=_prepare(last_signal, without, view),  # noqa: PLW1509  a few system calls, no lock is taken
        **more,
    )


def end(
    process: subprocess.Popen[bytes],
    signals: Sequence[signal.Signals] = (signal.SIGTERM,),
    *,
    patience: float = 5.0,
) -> int:
    """The exit status of a child of ours, after sending it these signals, each with `patience` seconds, then SIGKILL.

    A stopped process (SIGSTOP) is continued, so that it can obey.
    """
    for number in (*signals, signal.SIGKILL):
        if process.poll() is not None:
            break
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    return process.wait(patience)


def python(module: str, *arguments: str) -> list[str]:
    """The command line that runs a module of this package with this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def _prepare(number: signal.Signals, without: Sequence[int], view: int | None) -> Callable[[], None]:
    """What a child runs before exec: the kernel then sends it `number` when its parent ends, however it ends."""
    parent = os.getpid()

    def prepare() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if view is not None:
            here = Path.cwd()
            if _LIBC.setns(view, _CLONE_NEWNS) != 0:
                os._exit(127)
            os.chdir(here)
        for capability in without:
            _LIBC.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
        if os.getppid() != parent:  # the parent ended between fork and here
            os.kill(os.getpid(), signal.SIGKILL)

    return prepare

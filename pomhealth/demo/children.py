"""Processes of the demo's own: started so that they cannot outlive it, ended so that nothing is left."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24
_CLONE_NEWNS = 0x20000
_LIBC = ctypes.CDLL(None, use_errno=True)
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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
    `view` is a descriptor of the mount namespace that it is to see. Raises what the handler of a signal raises that
    comes meanwhile; there is no child then.
    """
    with _signals_later() as handle:
        process = subprocess.Popen(
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
    try:
        handle()
    except BaseException:
        end(process)
        if process.stdout is not None:
            process.stdout.close()
        raise
    return process


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


@contextlib.contextmanager
def _signals_later() -> Iterator[Callable[[], None]]:
    """Keeps handlers from being called until the block has ended; then what it gives calls those that were due, or
    it does so itself where the block fails.

    Python forks with hooks (of logging and others), and ignores what is raised in them: who is told to end there by a
    handler that raises would go on for good.
    """
    came: list[int] = []
    known = {number: signal.getsignal(number) for number in _ENDING}
    handlers = {number: handler for number, handler in known.items() if callable(handler)}

    def handle() -> None:
        for number in came:
            handlers[signal.Signals(number)](number, None)

    if threading.current_thread() is not threading.main_thread():  # no handler is ever called here
        yield handle
        return
    for number in handlers:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        try:
            yield handle
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
    except BaseException:
        handle()
        raise


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

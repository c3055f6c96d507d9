"""Which version a replica runs: its own program is asked, else its gRPC listener. Blocking, with deadlines."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess

from pomhealth.reach import Garbled, ReachError
from pomhealth.replica import grpcanswer, processes
from pomhealth.replica.model import Endpoint, Process, Value
from pomhealth.status import Unobservable
from pomhealth.touch import touching

_PROGRAM_DEADLINE = 2.0  # seconds; Pomerium answers in about a tenth of one
_GRPC_DEADLINE = 0.5  # seconds
_HEADER = "x-pomerium-version"  # on every gRPC answer of 0.30 to 0.33, without authentication
_CALL = "/grpc.health.v1.Health/Check"
_VERSION = re.compile(r"v?(?P<version>\d+\.\d+\.\d+\S*)\Z")
_PROGRAM = re.compile(
    r"^pomerium(?: version)?:? (?:pomerium: )?v?(?P<version>\d+\.\d+\.\d+\S*)", re.MULTILINE
)


def of_answer(text: str) -> str | None:
    """The version in the answer of `pomerium --version`; None for any other program's."""
    found = _PROGRAM.search(text)
    return found["version"] if found else None


def of_program(main: Process) -> Value:
    """What the running program says: not the file at its path, which a package update may have replaced.

    It is run as the replica's user, with an empty environment. Raises Unobservable.
    """
    shown = processes.executable(main.pid)
    if not os.path.basename(shown).startswith("pomerium"):  # noqa: PTH119  (a name, not a path of ours)
        raise Unobservable(f"process {main.pid} runs {shown}, which is not Pomerium's own program")
    try:
        with touching(f"/proc/{main.pid}/exe"):
            descriptor = os.open(f"/proc/{main.pid}/exe", os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        raise Unobservable(
            f"the program of process {main.pid} cannot be run", processes.right_for(main.pid)
        ) from None
    except OSError:
        raise Unobservable(f"process {main.pid} has ended") from None
    try:
        answer = of_answer(_run(descriptor, main))
    finally:
        os.close(descriptor)
    if answer is None:
        raise Unobservable(f"{shown} --version does not answer as Pomerium does")
    return Value(answer, f"{shown} --version")


def of_installed() -> Value | None:
    """What the program called `pomerium` on the search path says; None where there is none, or it does not tell."""
    path = shutil.which("pomerium")
    if path is None:
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        answer = of_answer(_run(descriptor, Process(0, 0, os.geteuid(), os.getegid())))
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return Value(answer, f"{path} --version") if answer else None


def of_file(descriptor: int, main: Process) -> str:
    """What another program says, run as `main` is; "" where it does not answer as Pomerium does. Blocking."""
    try:
        return of_answer(_run(descriptor, main)) or ""
    except OSError:
        return ""


def of_listener(grpc: Endpoint) -> Value:
    """What the gRPC listener says. Raises Unobservable.

    It costs a replica the same whatever its configuration; its metrics would, with 10,000 routes, keep Envoy's main
    thread for two seconds.
    """
    why = ""
    for tls in (False, True):
        try:
            headers = grpcanswer.headers(
                grpc.connect_host, grpc.port, _CALL, tls=tls, deadline=_GRPC_DEADLINE
            )
        except ReachError as error:
            why = why or f" ({error.why})"
            if not isinstance(error, Garbled):
                break
            continue
        found = _VERSION.match(headers.get(_HEADER, ""))
        if found is not None:
            return Value(found["version"], f"{_HEADER} on {grpc.where}")
    raise Unobservable(f"the gRPC listener on {grpc.where} does not tell it{why}")


def _run(descriptor: int, main: Process) -> str:
    """The program's output; empty when it does not end in time."""
    as_replica = os.geteuid() == 0
    with subprocess.Popen(
        ["pomerium", "--version"],  # noqa: S607  (the name it sees; what runs is `executable`)
        executable=f"/proc/self/fd/{descriptor}",
        pass_fds=(descriptor,),
        env={},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        user=main.uid if as_replica else None,
        group=main.gid if as_replica else None,
        extra_groups=() if as_replica else None,
    ) as child:
        try:
            output, _ = child.communicate(timeout=_PROGRAM_DEADLINE)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            return ""
    return output[:4096].decode("utf-8", "replace")

"""Which version a replica runs: its own program is asked, else its metrics. Blocking, with deadlines."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Mapping

from pomhealth.reach import ReachError
from pomhealth.replica import askonce, processes
from pomhealth.replica.model import Endpoint, Options, Process, Value
from pomhealth.status import Unobservable

_PROGRAM_DEADLINE = 2.0  # seconds; Pomerium answers in about a tenth of one
_METRICS_DEADLINE = 1.0  # seconds
_PROGRAM = re.compile(
    r"^pomerium(?: version)?:? (?:pomerium: )?v?(?P<version>\d+\.\d+\.\d+\S*)", re.MULTILINE
)
_METRIC = re.compile(
    rb'^pomerium_build_info\{[^}\n]*\bversion="v?(?P<version>\d+\.\d+\.\d+[^"]*)"', re.MULTILINE
)


def of_answer(text: str) -> str | None:
    """The version in the answer of `pomerium --version`; None for any other program's."""
    found = _PROGRAM.search(text)
    return found["version"] if found else None


def of_metrics(text: bytes) -> str | None:
    """The version in Pomerium's metrics (pomerium_build_info)."""
    found = _METRIC.search(text)
    return found["version"].decode("ascii", "replace") if found else None


def of_program(main: Process) -> Value:
    """What the running program says: not the file at its path, which a package update may have replaced.

    It is run as the replica's user, with an empty environment. Raises Unobservable.
    """
    shown = processes.executable(main.pid)
    if not os.path.basename(shown).startswith("pomerium"):  # noqa: PTH119  (a name, not a path of ours)
        raise Unobservable(f"process {main.pid} runs {shown}, which is not Pomerium's own program")
    try:
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


def of_listener(metrics: Endpoint, options: Options, *, known: bool = True) -> Value:
    """What the metrics listener says. Raises Unobservable.

    `known` tells whether the options are, which say whether it speaks TLS; else both are tried. The answer grows
    with the number of routes, so it is read only as far as needed, and asked once a process.
    """
    headers = {}
    pair = str(options.get("metrics_basic_auth") or "")
    if pair:
        headers["Authorization"] = f"Basic {pair}"
    secure = any(options.get(name) for name in ("metrics_certificate", "metrics_certificate_file"))
    why = ""
    for tls in (secure,) if known else (False, True):
        try:
            version = _read_metrics(metrics, headers, tls=tls)
        except ReachError as error:
            why = f" ({error.why})"
            continue
        if version is not None:
            return Value(version, f"pomerium_build_info on {metrics.where}")
    raise Unobservable(f"the metrics on {metrics.where} do not tell it{why}")


def _read_metrics(metrics: Endpoint, headers: Mapping[str, str], *, tls: bool) -> str | None:
    body = b""
    pieces = askonce.stream(
        metrics.connect_host, metrics.port, "/metrics", headers, tls=tls, deadline=_METRICS_DEADLINE
    )
    with contextlib.closing(pieces):
        for piece in pieces:
            body = body[-4096:] + piece
            version = of_metrics(body)
            if version is not None:
                return version
    return None


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

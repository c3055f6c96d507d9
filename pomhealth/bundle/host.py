"""What is around the replica: versions, the systemd units, the agent's log. Blocking, each with its deadline."""

from __future__ import annotations

import math
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from typing import Any

from pomhealth import __version__
from pomhealth.bundle.ask import Lines, Missing
from pomhealth.bundle.cleaner import ASSIGNMENTS
from pomhealth.replica.model import Replica
from pomhealth.systemd import ask as systemd
from pomhealth.systemd.unit import Unit

AGENT_UNITS = ("pomhealth.service", "pomhealth.socket")
REPLICA_UNIT = "pomerium.service"  # as Pomerium's Linux package names it
_LOG_LINES = 500
_DEADLINE = 3.0  # seconds for a program
_LARGEST = 1024 * 1024  # bytes of its output
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_HOLD_VALUES = ("Environment", "SetCredential", "SetCredentialEncrypted")


def versions(replica: Replica | None) -> dict[str, Any]:
    """The versions of everything that has part in it, None where one is not known."""
    known = replica.version if replica is not None else None
    return {
        "pomhealth": __version__,
        "pomerium": None if known is None else str(known.value),
        "pomerium_from": None if known is None else known.origin,
        "python": platform.python_version(),
        "python_implementation": platform.python_implementation(),
        "program": sys.executable,
        "libraries": dict(_libraries()),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "distribution": _distribution(),
        "systemd": _systemd(),
        "effective_uid": os.geteuid(),
    }


def units(replica: Replica | None) -> list[dict[str, Any]]:
    """The units that run the replica and the agent, as systemd has them. Raises Missing, Unobservable."""
    if not systemd.booted():
        raise Missing("systemd does not run this machine or container")
    main = replica.main if replica is not None else None
    runs_it = systemd.home_of(main.pid).unit if main is not None else ""
    found = [unit for unit in systemd.units(runs_it or REPLICA_UNIT, *AGENT_UNITS) if unit.loaded]
    if not found:
        raise Missing("no unit of Pomerium or pomhealth is installed")
    return [unit_as_json(unit) for unit in found]


def unit_as_json(unit: Unit) -> dict[str, Any]:
    """A unit as it stands in the bundle: of its environment only the names. Pure."""
    return {
        "name": unit.name,
        "active": unit.active,
        "files": list(unit.files),
        "restart": unit.restart,
        "watchdog_seconds": unit.watchdog,
        "start_limit_seconds": None if math.isinf(unit.start_limit) else unit.start_limit,
        "stop_limit_seconds": None if math.isinf(unit.stop_limit) else unit.stop_limit,
        "user": unit.user,
        "private_users": unit.private_users,
        "ambient": None if unit.ambient is None else sorted(unit.ambient),
        "bounding": None if unit.bounding is None else sorted(unit.bounding),
        "commands": [
            {"directive": one.directive, "line": _harmless(" ".join(one.argv))} for one in unit.commands
        ],
        "settings": [
            {"where": line.where, "line": f"{directive}={_setting(directive, line.value)}"}
            for directive, lines in sorted(unit.settings.items())
            for line in lines
        ],
    }


def log() -> Lines:
    """The last lines of the agent's log. Raises Missing, OSError."""
    program = shutil.which("journalctl")
    if program is None:
        raise Missing("there is no journalctl here: the agent logs to its supervisor")
    command = [program, "--unit=pomhealth.service", f"--lines={_LOG_LINES}", "--no-pager", "--utc"]
    said = _output([*command, "--output=short-iso-precise", "--quiet"])
    if not said.strip():
        raise Missing("the journal has no line of pomhealth.service that this user may read")
    return Lines(said)


def _libraries() -> Iterator[tuple[str, str | None]]:
    """What pomhealth needs to run, each with the version that is there."""
    try:
        wanted = metadata.requires("pomhealth") or []
    except metadata.PackageNotFoundError:
        return
    for one in sorted(wanted, key=str.lower):
        found = _NAME.match(one)
        if found is None or "extra ==" in one:
            continue
        try:
            yield found[0], metadata.version(found[0])
        except metadata.PackageNotFoundError:
            yield found[0], None


def _distribution() -> str | None:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        return None


def _systemd() -> str | None:
    program = shutil.which("systemctl")
    if program is None:
        return None
    try:
        said = _output([program, "--version"])
    except (Missing, OSError):
        return None
    return said.partition("\n")[0] or None


def _output(command: Sequence[str]) -> str:
    """What a program prints. Raises Missing where it does not end in time, OSError."""
    environment = {"LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", os.defpath)}
    try:
        done = subprocess.run(  # noqa: S603  (no shell; the words are ours)
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_DEADLINE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"`{os.path.basename(command[0])}` did not end within {_DEADLINE:g} s") from None  # noqa: PTH119
    return done.stdout[-_LARGEST:].decode("utf-8", "replace")


def _harmless(line: str) -> str:
    """A command line without what is given under the name of a secret."""
    for form in ASSIGNMENTS:
        line = form.cut(line)
    return line


def _setting(directive: str, value: str) -> str:
    """A unit file's line; what holds values that may be anything is told by its names alone."""
    if directive not in _HOLD_VALUES:
        return _harmless(value)
    names = re.findall(r"(?:\A|[\s\"'])([A-Za-z_][\w.-]*)[=:]", value)
    return " ".join(f"{name}=[redacted]" for name in names) or "[redacted]"

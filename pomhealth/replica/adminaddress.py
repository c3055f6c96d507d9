"""Where Envoy's admin interface is: in its bootstrap, among the abstract sockets, or at the older fixed path. Blocking."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from pomhealth.reach import ReachError
from pomhealth.replica import paths, processes
from pomhealth.replica.model import AdminAddress, Process
from pomhealth.replica.peer import peer
from pomhealth.touch import touching

_BOOTSTRAP = "envoy-config.yaml"
_SOCKET = "pomerium-envoy-admin.sock"  # in the temporary directory, up to Pomerium 0.32
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")  # the abstract name, from 0.33 on
_LISTENING = 0x10000  # __SO_ACCEPTCON in the flags of /proc/net/unix
_DEADLINE = 0.5  # seconds


def parse(text: str, origin: str) -> AdminAddress:
    """The address as an operator writes it: @NAME, /PATH or HOST:PORT."""
    if text.startswith("@"):
        return AdminAddress("abstract", text[1:], origin)
    return AdminAddress("path" if text.startswith("/") else "tcp", text, origin)


def of_process(envoy: Process, root: str) -> AdminAddress | None:
    """The address in the bootstrap that this Envoy was started with; None where it names none.

    Raises Unobservable without the right to look into Envoy's working directory.
    """
    directory = processes.cwd(envoy.pid)
    origin = f"{directory}/{_BOOTSTRAP}"
    try:
        text = paths.read(f"/proc/{envoy.pid}/cwd/{_BOOTSTRAP}", limit=4 * 1024 * 1024)
    except OSError:
        return None
    return from_bootstrap(text, origin, root=root, cwd=directory)


def from_bootstrap(text: bytes, origin: str, *, root: str = "", cwd: str = "/") -> AdminAddress | None:
    """The admin address in Envoy's bootstrap (Pomerium writes JSON into a file named .yaml)."""
    try:
        bootstrap = json.loads(text)
    except ValueError:
        try:
            bootstrap = yaml.load(text, Loader=yaml.CSafeLoader)
        except yaml.YAMLError:
            return None
    address = _at(bootstrap, "admin", "address")
    pipe = _at(address, "pipe", "path")
    if isinstance(pipe, str) and pipe.startswith("@"):
        return AdminAddress("abstract", pipe[1:], origin)
    if isinstance(pipe, str):
        return AdminAddress("path", paths.reach(pipe, cwd=cwd, root=root), origin)
    host, port = _at(address, "socket_address", "address"), _at(address, "socket_address", "port_value")
    if host and port:
        shown = f"[{host}]" if ":" in str(host) else host
        return AdminAddress("tcp", f"{shown}:{port}", origin)
    return None


def by_name(envoys: Sequence[Process], unix_table: str = "/proc/net/unix") -> AdminAddress | None:
    """The abstract socket of one of these Envoys; with none of them given, that of a Pomerium's Envoy we cannot see.

    What cannot be tied to a process is asked for its node's id, which is "pomerium".
    """
    pids = [envoy.pid for envoy in envoys]
    for name in _abstract_names(unix_table):
        listener = peer("\0" + name, deadline=_DEADLINE)
        if listener is None:
            continue
        address = AdminAddress("abstract", name, unix_table)
        if listener in pids:
            return address
        if not pids and not _is_visible(listener) and is_pomerium(address):
            return address
    return None


def by_path(temporary: str, root: str = "") -> AdminAddress | None:
    """The fixed path of Pomerium up to 0.32, where somebody listens on it."""
    shown = f"{temporary.rstrip('/')}/{_SOCKET}"
    reached = paths.reach(shown, cwd="/", root=root)
    try:
        with touching(reached):
            there = peer(reached, deadline=_DEADLINE)
    except TimeoutError:
        return None
    if there is None:
        return None
    return AdminAddress("path", reached, "the path that Pomerium up to 0.32 uses")


def is_pomerium(address: AdminAddress) -> bool:
    """Whether the Envoy that answers there is a Pomerium's."""
    from pomhealth.replica import askonce  # noqa: PLC0415  (its HTTP client takes most of a megabyte, and few need it)

    try:
        answer = json.loads(askonce.get(address, "/server_info", deadline=_DEADLINE))
    except (ReachError, ValueError):
        return False
    return bool(_at(answer, "node", "id") == "pomerium")


def is_hidden(address: AdminAddress) -> bool:
    """Whether a Pomerium's Envoy answers there whose process cannot be seen from here."""
    listener = peer(address.address, deadline=_DEADLINE)
    return listener is not None and not _is_visible(listener) and is_pomerium(address)


def _is_visible(pid: int) -> bool:
    return pid != 0 and processes.stat(pid) is not None


def _abstract_names(unix_table: str) -> Iterator[str]:
    """The names of listening abstract sockets that look like Pomerium's."""
    try:
        with open(unix_table, encoding="utf-8", errors="replace") as file:  # noqa: PTH123  (a file of /proc)
            rows = file.readlines()[1:]
    except OSError:
        return
    for row in rows:
        fields = row.split()
        if len(fields) == 8 and int(fields[3], 16) & _LISTENING and _UUID.match(fields[7].removeprefix("@")):
            yield fields[7].removeprefix("@")


def _at(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value

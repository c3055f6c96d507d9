"""Where to look: what is known of one replica, and where each value comes from. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

EVERY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104  (how a listener on every address is written)


@dataclass(frozen=True, slots=True)
class Value:
    """A value and its origin: "environment ADDRESS", "/etc/pomerium/config.yaml:3", "default", "Envoy's listeners"."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Process:
    """One process. `started` is its start time in clock ticks since boot, which with `pid` names it for good."""

    pid: int
    started: int
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a configuration file that Pomerium would refuse: what, where, why, what to do.

    `line` counts from 1; 0 where no line can be told. `check` is the id of the check that tells of it, where it is
    another than `cluster_config_current`: a certificate's is `certificates_current`. `cause` is the cause code under
    which `config.databroker.build` tells of it.
    """

    path: str
    line: int
    text: str
    fix: str = ""
    check: str = ""
    cause: str = "invalid"

    @property
    def where(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(frozen=True, slots=True)
class Options:
    """Pomerium's options as the replica reads them: environment first, then file, then the release's defaults.

    `values` holds only what is set (by file or environment), by lower-case option name, nested names with a dot.
    `problems` is what makes Pomerium refuse the file; the values are then those of the last file it accepted,
    as far as that is known. `digest` names the file's content.
    """

    values: Mapping[str, Value] = field(default_factory=dict, repr=False)
    path: str = ""
    zero: bool = False
    problems: tuple[Problem, ...] = ()
    digest: str = ""

    def get(self, name: str, default: Any = None) -> Any:
        found = self.values.get(name)
        return default if found is None else found.value

    def true(self, name: str) -> bool:
        """Whether a switch is on, in the spellings that Pomerium takes for it."""
        return str(self.get(name)).strip().lower() in ("1", "t", "true")

    def origin(self, name: str) -> str:
        found = self.values.get(name)
        return "default" if found is None else found.origin


@dataclass(frozen=True, slots=True)
class Platform:
    """On what the replica runs: a key of the catalogue's platforms, "" where it is not known, and what tells so.

    `names` is what the platform calls the replica, by the word that stands for it in its commands: ("POD", "…").
    """

    kind: str = ""
    origin: str = ""
    names: tuple[tuple[str, str], ...] = ()


SOMEWHERE = Platform()  # not known on what


class Holder(str, Enum):
    """Which of a replica's processes listens."""

    ENVOY = "envoy"
    POMERIUM = "pomerium"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that the configuration asks for. `role` is the option's name ("address", "grpc_address", …).

    `host` is an IP address, "" for every address. `udp` for HTTP/3.
    """

    role: str
    host: str
    port: int
    holder: Holder
    origin: str
    udp: bool = False

    @property
    def where(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else (self.host or "*")
        return f"{host}:{self.port}"

    @property
    def connect_host(self) -> str:
        """The address to connect to: loopback where the listener takes every address."""
        return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104

    @property
    def asked_at(self) -> str:
        """The same with its port, as it is written."""
        host = self.connect_host
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class AdminAddress:
    """Envoy's admin interface. `kind` is "abstract", "path" or "tcp"; `address` a name without its @, a path, HOST:PORT."""

    kind: str
    address: str
    origin: str

    @property
    def where(self) -> str:
        return f"@{self.address}" if self.kind == "abstract" else self.address


@dataclass(frozen=True, slots=True)
class Storage:
    """The storage backend: `kind` is "memory", "file" or "postgres".

    `dsn` is a secret: it is given to the driver and to nobody else. `directory` for the file backend.
    """

    kind: str
    origin: str
    dsn: str = field(default="", repr=False)
    directory: str = ""


@dataclass(frozen=True, slots=True)
class Replica:
    """One replica, as discovery found it at one moment.

    `main` is None when no process can be seen (a sidecar that shares only the network namespace) or none is there;
    `awaited` tells the second: discovery expects one and it is not running. `offline` says that this is no replica
    but what its file alone would make of one.
    `missing` says, by what could not be read ("environment", "working directory", …), which right is lacking.
    `root` is the prefix under which the replica's files are reached ("" in the same mount namespace).
    `stamps` are the marks of the files read for this, by path, which tell a changed file from the same one.
    """

    main: Process | None = None
    envoys: tuple[Process, ...] = ()
    options: Options = field(default_factory=Options)
    endpoints: tuple[Endpoint, ...] = ()
    services: frozenset[str] = frozenset({"all"})
    storage: Storage | None = None
    cache_dir: Value | None = None
    data_dir: Value | None = None
    bootstrap_file: Value | None = None
    admin: AdminAddress | None = None
    health: Endpoint | None = None
    version: Value | None = None
    platform: Platform = SOMEWHERE
    cwd: str = ""
    root: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    same_network: bool = True
    awaited: bool = False
    offline: bool = False
    missing: Mapping[str, str] = field(default_factory=dict)
    stamps: Mapping[str, tuple[int, ...]] = field(default_factory=dict, repr=False)

    @property
    def envoy(self) -> Process | None:
        """The Envoy that serves: the newest one, since a hot restart leaves the old one draining."""
        return max(self.envoys, key=lambda process: (process.started, process.pid), default=None)

    def endpoint(self, role: str) -> Endpoint | None:
        return next(
            (endpoint for endpoint in self.endpoints if endpoint.role == role and not endpoint.udp), None
        )

    def runs(self, service: str) -> bool:
        return "all" in self.services or service in self.services

    @property
    def release(self) -> tuple[int, int] | None:
        """The running version's major and minor numbers, where they are known."""
        if self.version is None:
            return None
        major, minor = str(self.version.value).split(".")[:2]
        return int(major), int(minor)

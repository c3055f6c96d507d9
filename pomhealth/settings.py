"""The agent's settings: one value, and the one table of them from which file, environment and `pomhealth config` work."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pomhealth.settings_kinds import (
    as_networks,
    as_one_of,
    as_path,
    as_seconds,
    as_text,
    as_truth,
    as_whole,
)
from pomhealth.status.finding import Gate

DEFAULT_LISTEN = "127.0.0.1:28081"
DEFAULT_FEED = "https://api.github.com/repos/pomerium/pomerium/releases/latest"
OFF = "off"
POMERIUM_PORT = 28080


POLICIES = ("strict", "serving", "cluster")
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("auto", "json", "text")


class SettingsError(Exception):
    """One line for the person who wrote the settings: where, what is wrong, what is allowed."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator may say. Everything has a default that works; `origins` tells where each value came from.

    `listen` is HOST:PORT; `health_address` the replica's own health server and `envoy_admin` ("@name", "/path" or
    HOST:PORT) Envoy's admin interface, where discovery cannot see them; `gates` overrides what a check stops;
    `intervals` the seconds between two looks, by check id; `fall` and `rise` the thresholds for silence.
    `certificate_days` is how many days before its end a certificate is told of; `release_feed` where the newest
    release is asked for ("off": nowhere); `cluster_addresses` where users reach the cluster (addresses, networks);
    `expected_replicas` how many replicas the cluster should have, 0 for no expectation; `cache_dir` where answers
    of the feed are kept ("" for the usual place). `drain_on_stop` tells whether SIGTERM takes the replica out of
    rotation first, as it must where the agent's end means the replica's; `drain_notice` how many seconds a load
    balancer takes to notice that, and `drain_limit` the seconds that a drain may take in all. `history` tells whether
    what happened is kept over a restart of the agent, and `state_dir` where ("" for the usual place). `cluster` tells
    whether this replica joins the registry of its cluster, in the PostgreSQL of `cluster_dsn`, else of the file
    `cluster_dsn_file`, else in the replica's own. `readiness_policy` is what a failing check stops where it is not
    this replica's alone: see docs/cluster.md.
    """

    listen: str = DEFAULT_LISTEN
    pid: int | None = None
    pomerium_config: str = ""
    health_address: str = ""
    envoy_admin: str = ""
    gates: Mapping[str, Gate] = field(default_factory=dict)
    intervals: Mapping[str, float] = field(default_factory=dict)
    fall: int = 2
    rise: int = 2
    certificate_days: int = 10
    release_feed: str = DEFAULT_FEED
    cluster_addresses: tuple[str, ...] = ()
    expected_replicas: int = 0
    cache_dir: str = ""
    drain_on_stop: bool = False
    drain_notice: float = 10.0
    drain_limit: float = 90.0
    history: bool = True
    state_dir: str = ""
    cluster: bool = False
    cluster_dsn: str = field(default="", repr=False)
    cluster_dsn_file: str = ""
    readiness_policy: str = "strict"
    log_level: str = "info"
    log_format: str = "auto"
    origins: Mapping[str, str] = field(default_factory=dict)

    def origin(self, key: str) -> str:
        """Where a value came from: "default", "environment POMHEALTH_LISTEN", "FILE", "option --listen"."""
        return self.origins.get(key, "default")


@dataclass(frozen=True, slots=True)
class Key:
    """One setting: its name, what it is, what is allowed, and how it is read.

    `read` takes what a TOML file or a command line holds (a string, where it comes from the environment) and gives
    the value; it raises ValueError with what is wrong with it, in a few words.
    """

    name: str
    says: str
    allowed: str
    read: Callable[[Any], Any]

    @property
    def variable(self) -> str:
        return f"POMHEALTH_{self.name.upper()}"


def split_address(text: str) -> tuple[str, int]:
    """Host and port of "HOST:PORT" or "[IPV6]:PORT". Raises ValueError with what is wrong."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit():
        raise ValueError("it has no port")
    if not 0 <= int(port) <= 65535:
        raise ValueError(f"{port} is no port")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise ValueError(f"{host} is no IPv6 address") from None
    elif ":" in host:
        raise ValueError("an IPv6 address stands in brackets")
    return host, int(port)


def _listen(value: object) -> str:
    text = as_text(value)
    host, port = split_address(text)
    if not host:
        raise ValueError("it has no host (every address is 0.0.0.0 or [::])")
    if port == POMERIUM_PORT:
        raise ValueError(
            f"{POMERIUM_PORT} is Pomerium's own: it opens that port with SO_REUSEPORT, so the kernel would share the"
            " connections out between the two without an error"
        )
    return text


def _address(value: object) -> str:
    text = as_text(value)
    host, port = split_address(text)
    if not host or not port:
        raise ValueError("it needs a host and a port")
    return text


def _admin(value: object) -> str:
    text = as_text(value)
    if text.startswith(("@", "/")) and len(text) > 1:
        return text
    return _address(text)


def _feed(value: object) -> str:
    text = as_text(value)
    if text.lower() == OFF:
        return OFF
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("it is no http or https address")
    return text


def read_gate(value: object) -> Gate:
    """What a check stops, from a file or a variable. Raises ValueError."""
    try:
        return Gate(as_text(value).lower())
    except ValueError:
        raise ValueError("there is no such gate") from None


SHORTEST, LONGEST = 0.2, 604800.0


def read_interval(value: object) -> float:
    """Seconds between two looks. Raises ValueError."""
    return as_seconds(SHORTEST, LONGEST)(value)


KEYS = (
    Key("listen", "where the agent answers", "HOST:PORT, any port but 28080", _listen),
    Key("pid", "the replica's main process", "a process id", as_whole(1, 2**22)),
    Key("pomerium_config", "the replica's --config file", "a path", as_path),
    Key("health_address", "the replica's own health server", "HOST:PORT", _address),
    Key("envoy_admin", "Envoy's admin interface", "@NAME, /PATH or HOST:PORT", _admin),
    Key("fall", "silent tries in a row until they count", "a whole number from 1 to 10", as_whole(1, 10)),
    Key(
        "rise", "good tries in a row until a silence is over", "a whole number from 1 to 10", as_whole(1, 10)
    ),
    Key(
        "certificate_days",
        "days before its end from which a certificate is told of",
        "a whole number from 1 to 365",
        as_whole(1, 365),
    ),
    Key(
        "release_feed",
        "where the newest release of Pomerium is asked for, once a day",
        "an http or https address, or off",
        _feed,
    ),
    Key(
        "cluster_addresses",
        "where users reach the cluster: its load balancer's addresses",
        "IP addresses and networks, with commas between",
        as_networks,
    ),
    Key(
        "expected_replicas",
        "how many replicas the cluster should have (0: no expectation)",
        "a whole number from 0 to 1000",
        as_whole(0, 1000),
    ),
    Key(
        "drain_on_stop", "whether SIGTERM takes the replica out of rotation first", "true or false", as_truth
    ),
    Key(
        "drain_notice",
        "how long a load balancer takes to notice that the replica is not ready",
        "seconds from 0 to 600",
        as_seconds(0, 600),
    ),
    Key(
        "drain_limit",
        "how long a drain may take in all",
        "seconds from 1 to 86400",
        as_seconds(1, 86400),
    ),
    Key("history", "whether what happened is kept over a restart of the agent", "true or false", as_truth),
    Key("state_dir", "where the history, and the replica's id in its cluster, are kept", "a path", as_path),
    Key(
        "cluster",
        "whether this replica joins the registry of its cluster, for one view of all of them",
        "true or false",
        as_truth,
    ),
    Key(
        "cluster_dsn",
        "the PostgreSQL that keeps the registry, where it is not the replica's own",
        "a connection string",
        as_text,
    ),
    Key("cluster_dsn_file", "a file that holds cluster_dsn", "a path", as_path),
    Key(
        "readiness_policy",
        "whether a fault that is not this replica's alone takes it out",
        ", ".join(POLICIES),
        as_one_of(POLICIES),
    ),
    Key("cache_dir", "where pomhealth keeps the feed's last answer", "a path", as_path),
    Key("log_level", "the least that is logged", ", ".join(LOG_LEVELS), as_one_of(LOG_LEVELS)),
    Key(
        "log_format",
        "how it is logged (auto: text on a terminal)",
        ", ".join(LOG_FORMATS),
        as_one_of(LOG_FORMATS),
    ),
)


@dataclass(frozen=True, slots=True)
class Table:
    """A setting with one value a check. In the environment it is written ID=VALUE,ID=VALUE."""

    name: str
    says: str
    allowed: str
    read: Callable[[Any], Any]

    @property
    def variable(self) -> str:
        return f"POMHEALTH_{self.name.upper()}"


TABLES = (
    Table("gates", "what a check stops, by its id", "live, ready or alert", read_gate),
    Table(
        "intervals",
        "the time between two looks, by the check's id",
        f"seconds from {SHORTEST:g} to {LONGEST:g}",
        read_interval,
    ),
)

"""The agent's settings as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pomhealth.status.finding import Gate

DEFAULT_LISTEN = "127.0.0.1:28081"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator may say. Everything has a default that works; `origins` tells where each value came from.

    `listen` is HOST:PORT; `health_address` the replica's own health server and `envoy_admin` ("@name", "/path" or
    HOST:PORT) Envoy's admin interface, where discovery cannot see them; `gates` overrides what a check stops;
    `intervals` the seconds between two looks, by check id; `fall` and `rise` the thresholds for silence.
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
    log_level: str = "info"
    log_format: str = "auto"
    origins: Mapping[str, str] = field(default_factory=dict)

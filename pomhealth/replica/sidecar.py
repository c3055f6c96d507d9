"""A replica of which no process can be seen: a sidecar that shares only its network namespace. Blocking."""

from __future__ import annotations

import os

from pomhealth.reach import ReachError
from pomhealth.replica import adminaddress, configfile, surroundings, watched
from pomhealth.replica.addresses import asked_for
from pomhealth.replica.envoy import LEARNT, learn
from pomhealth.replica.examine import health_of
from pomhealth.replica.model import AdminAddress, Endpoint, Options, Replica, Value
from pomhealth.replica.options import merge
from pomhealth.replica.platform import beside
from pomhealth.replica.report import parse_status
from pomhealth.replica.services import services_of
from pomhealth.replica.version import of_listener
from pomhealth.settings import Settings
from pomhealth.status import Unobservable

_DEADLINE = 0.5  # seconds
_LACK = (
    "share the replica's PID namespace (shareProcessNamespace in Kubernetes, --pid in Docker, pidMode in ECS)"
)
_RIGHT = "give the agent's unit each capability that the replica's has (AmbientCapabilities=, CapabilityBoundingSet=)"


def without_process(
    settings: Settings, before: Replica | None = None, *, hidden: bool = False
) -> Replica | None:
    """The replica as its network namespace shows it; None where nothing there is a Pomerium's.

    `hidden` where it may run beside us and its process is closed to us.
    """
    lack = _RIGHT if hidden else _LACK
    admin = _admin(settings)
    options, stamps = _options(settings, before)
    health = health_of(options, settings, None, {})
    answers = health is not None and _is_pomerium(health)
    if admin is None and not answers and not settings.health_address:
        return None
    missing = dict.fromkeys(
        ("process", "environment", "working directory", "files", "storage", "version"), lack
    )
    if not options.path:
        missing["options"] = f"{lack}, or name the replica's configuration with --pomerium-config"
    if admin is None:
        missing["admin"] = (
            "no abstract socket of an Envoy of Pomerium's; name it with the setting envoy_admin"
        )
    found = learn(admin, missing)
    if found is None:
        found = tuple(one for one in before.endpoints if one.origin == LEARNT) if before is not None else ()
    version = _version(found, before, missing)
    asked = {one.role for one in found}
    endpoints = found + tuple(one for one in _asked(options) if one.role not in asked)
    return Replica(
        options=options,
        endpoints=endpoints,
        services=services_of(options),
        admin=admin,
        health=health if answers or settings.health_address else None,
        version=version,
        platform=beside(os.environ),
        missing=missing,
        stamps=stamps,
    )


def _version(learnt: tuple[Endpoint, ...], before: Replica | None, missing: dict[str, str]) -> Value | None:
    """The version, which only the gRPC listener tells."""
    if before is not None and before.version is not None:
        del missing["version"]
        return before.version
    grpc = next((one for one in learnt if one.role == "grpc_address"), None)
    if grpc is None:
        return None
    try:
        found = of_listener(grpc)
    except Unobservable as unobservable:
        missing["version"] = str(unobservable)
        return None
    del missing["version"]
    return found


def _admin(settings: Settings) -> AdminAddress | None:
    if settings.envoy_admin:
        return adminaddress.parse(settings.envoy_admin, settings.origins.get("envoy_admin", "settings"))
    return adminaddress.by_name(()) or _at_fixed_path()


def _at_fixed_path() -> AdminAddress | None:
    found = adminaddress.by_path(surroundings.temporary({}))
    return found if found is not None and adminaddress.is_hidden(found) else None


def _options(settings: Settings, before: Replica | None) -> tuple[Options, dict[str, tuple[int, ...]]]:
    path = settings.pomerium_config
    if not path:
        return Options(), {}
    file = configfile.load(path, reached_by=path)
    options = merge(file, {}, before.options if before is not None else None)
    return options, watched.stamps(options, own=path, cwd="", root="", data=None, release=None)


def _asked(options: Options) -> tuple[Endpoint, ...]:
    """What the file asks for. A default may be overridden by the environment, which cannot be seen."""
    return tuple(one for one in asked_for(options, None) if one.origin != "default") if options.path else ()


def _is_pomerium(health: Endpoint) -> bool:
    from pomhealth.replica import askonce  # noqa: PLC0415  (its HTTP client takes most of a megabyte, and few need it)

    try:
        at = AdminAddress("tcp", f"{health.connect_host}:{health.port}", health.origin)
        return bool(parse_status(askonce.get(at, "/status", deadline=_DEADLINE)))
    except ReachError:
        return False

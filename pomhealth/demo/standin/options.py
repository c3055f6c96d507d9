"""The replica's options: its YAML file, with the environment winning, and the release's defaults."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from pomhealth.demo.standin.goyaml import GoLoader
from pomhealth.demo.standin.names import check_names
from pomhealth.demo.standin.pairs import Pair, Rejected, named_file, pairs

# Top-level options that the stand-in obeys and that Pomerium binds to the environment (upper-case name).
_FROM_ENVIRONMENT = (
    "address",
    "authenticate_service_url",
    "certificate",
    "certificate_file",
    "certificate_key",
    "certificate_key_file",
    "cookie_secret",
    "databroker_storage_connection_string",
    "databroker_storage_connection_string_file",
    "databroker_storage_type",
    "debug_address",
    "envoy_admin_address",
    "grpc_address",
    "health_check_addr",
    "http_redirect_addr",
    "idp_provider_url",
    "insecure_server",
    "log_level",
    "metrics_address",
    "proxy_log_level",
    "services",
    "shared_secret",
    "signing_key",
    "use_proxy_protocol",
)

_ENVOY_LEVELS = {
    "trace": "trace",
    "debug": "debug",
    "info": "info",
    "warn": "warning",
    "error": "error",
    "fatal": "critical",
    "panic": "critical",
    "disabled": "off",
}

_SERVICES = ("authenticate", "authorize", "databroker", "proxy")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen: an IP address ("" for every one) and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Route:
    """A route: its public URL's parts, where it leads, and whether anybody may use it.

    `regex` and `health_checks` are given to Envoy as they are, which may refuse them. `websockets` lets connections be
    upgraded, and such a route's answers take as long as they like.
    """

    host: str
    scheme: str
    prefix: str
    regex: str
    health_checks: tuple[dict[str, Any], ...]
    to: tuple[str, ...]
    public: bool
    websockets: bool

    @property
    def id(self) -> str:
        text = f"{self.scheme}://{self.host}{self.prefix}{self.regex}"
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Options:
    """The options as values that the rest of the stand-in uses; `digest` names the file's content.

    `envoy_level` is the level of Envoy's own log, as Envoy names it. `key_id` is that of the key that replicas with the same secrets share.
    """

    address: Address
    grpc_address: Address
    metrics_address: Address | None
    envoy_admin_address: Address | None
    redirect_address: Address | None
    health_address: Address
    services: frozenset[str]
    storage: str
    dsn: str
    insecure: bool
    proxy_protocol: bool
    certificates: tuple[Pair, ...]
    routes: tuple[Route, ...]
    authenticate_url: str
    provider_url: str
    envoy_level: str
    key_id: str
    digest: str

    def runs(self, service: str) -> bool:
        return service in self.services

    @property
    def ports(self) -> frozenset[int]:
        """Every port that the options ask for."""
        asked = (
            self.address,
            self.grpc_address,
            self.metrics_address,
            self.envoy_admin_address,
            self.redirect_address,
            self.health_address,
        )
        return frozenset(one.port for one in asked if one is not None)


def load(path: Path, environment: Mapping[str, str], version: str) -> Options:
    """The options of this file and environment. Raises Rejected as Pomerium of this version refuses them."""
    try:
        text = path.read_bytes()
        values = yaml.load(text, GoLoader) or {}
    except OSError as error:
        raise Rejected(f"failed to read config: open {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", -1) + 1
        reason = getattr(error, "problem", None) or "not readable"
        raise Rejected(f"failed to read config: While parsing config: yaml: line {line}: {reason}") from error
    if not isinstance(values, dict):
        raise Rejected("failed to read config: While parsing config: yaml: unmarshal errors: not a map")
    check_names(values, path, version)
    values |= {name: environment[name.upper()] for name in _FROM_ENVIRONMENT if name.upper() in environment}
    return _options(values, hashlib.sha256(text).hexdigest())


def _options(values: Mapping[str, Any], digest: str) -> Options:
    main = _address(values, "address", ":443")
    grpc_default = ":5444" if main is not None and main.port == 5443 else ":5443"
    grpc = _address(values, "grpc_address", grpc_default)
    health = _address(values, "health_check_addr", "127.0.0.1:28080")
    if main is None or grpc is None or health is None:
        raise Rejected("config: an address is empty")
    storage = str(values.get("databroker_storage_type") or "memory")
    if storage not in ("memory", "file", "postgres"):
        raise Rejected(f"config: unknown databroker storage backend type: {storage}")
    dsn = str(values.get("databroker_storage_connection_string") or "")
    dsn_file = values.get("databroker_storage_connection_string_file")
    if dsn_file:
        dsn = named_file(dsn_file, "databroker_storage_connection_string_file").decode().strip()
    if storage == "postgres" and not dsn:
        raise Rejected("config: missing databroker storage backend dsn")
    return Options(
        address=main,
        grpc_address=grpc,
        metrics_address=_address(values, "metrics_address", ""),
        envoy_admin_address=_address(values, "envoy_admin_address", ""),
        redirect_address=_address(values, "http_redirect_addr", ""),
        health_address=health,
        services=_services(str(values.get("services") or "all")),
        storage=storage,
        dsn=dsn,
        insecure=_true(values.get("insecure_server")),
        proxy_protocol=_true(values.get("use_proxy_protocol")),
        certificates=pairs(values),
        routes=tuple(_route(entry) for entry in values.get("routes") or values.get("policy") or ()),
        authenticate_url=str(values.get("authenticate_service_url") or "https://authenticate.pomerium.app"),
        provider_url=str(values.get("idp_provider_url") or ""),
        envoy_level=_envoy_level(values),
        key_id=hashlib.sha256(
            str(values.get("signing_key") or values.get("shared_secret") or "").encode()
        ).hexdigest(),
        digest=digest,
    )


def _envoy_level(values: Mapping[str, Any]) -> str:
    level = str(values.get("proxy_log_level") or values.get("log_level") or "info")
    if level not in _ENVOY_LEVELS:
        raise Rejected(f"config: unknown log level: {level}")
    return _ENVOY_LEVELS[level]


def _true(value: object) -> bool:
    return str(value).strip().lower() in ("1", "t", "true")


def _services(text: str) -> frozenset[str]:
    names = {"databroker" if part.strip() == "cache" else part.strip() for part in text.split(",")}
    for name in names - {"all", *_SERVICES}:
        raise Rejected(f"config: {name} is an invalid service type")
    return frozenset(_SERVICES) if "all" in names else frozenset(names)


def _address(values: Mapping[str, Any], name: str, default: str) -> Address | None:
    text = str(values.get(name) or default)
    if not text:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise Rejected(f"config: invalid {name}: address {text}: missing or invalid port in address")
    return Address(host.strip("[]"), int(port))


def _route(entry: object) -> Route:
    if not isinstance(entry, dict):
        raise Rejected("config: policy: not a map")
    source = str(entry.get("from") or "")
    try:
        url = urlsplit(source)
        host, scheme, port = url.hostname, url.scheme, url.port
    except ValueError as error:
        raise Rejected(f'config: policy bad source url "{source}": {error}') from error
    if not host or not scheme:
        raise Rejected(f"config: policy bad source url: {source} url does contain a valid scheme or hostname")
    targets = entry.get("to") or ()
    targets = (targets,) if isinstance(targets, str) else tuple(str(target) for target in targets)
    for target in targets:
        _check_target(target)
    if not targets and not entry.get("redirect") and not entry.get("response"):
        raise Rejected(f"config: policy for {source} should have either `to` or `redirect` or `response` set")
    authority = host if port in (None, 443) else f"{host}:{port}"
    return Route(
        host=authority,
        scheme=scheme,
        prefix=str(entry.get("prefix") or "/"),
        regex=str(entry.get("regex") or ""),
        health_checks=tuple(entry.get("health_checks") or ()),
        to=targets,
        public=_true(entry.get("allow_public_unauthenticated_access")),
        websockets=_true(entry.get("allow_websockets")),
    )


def _check_target(target: str) -> None:
    try:
        parts = urlsplit(target)
        good = bool(parts.scheme and parts.hostname and parts.port != 0)
    except ValueError as error:
        raise Rejected(f'config: policy bad destination url "{target}": {error}') from error
    if not good:
        raise Rejected(f"config: policy bad destination url: {target} has no valid scheme or hostname")

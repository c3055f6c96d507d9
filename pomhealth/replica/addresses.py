"""The addresses that a replica's configuration asks for, by option and release. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pomhealth.replica.goaddress import listen_address
from pomhealth.replica.model import Endpoint, Holder, Options
from pomhealth.replica.services import services_of

HEALTH_DEFAULT = "127.0.0.1:28080"

# Option, the process that listens, the port Pomerium takes where the address names none.
_OPTIONAL = (
    ("metrics_address", Holder.ENVOY, 9902),
    ("debug_address", Holder.ENVOY, 9904),
    ("ssh_address", Holder.ENVOY, 22),
    ("envoy_admin_address", Holder.ENVOY, 9901),
    ("http_redirect_addr", Holder.POMERIUM, 80),
)

# Envoy's listeners by the beginning of their name, with the option that asks for each (Pomerium 0.30 to 0.33).
_LISTENERS = (
    ("https-ingress", "address"),
    ("http-ingress", "address"),
    ("quic-ingress", "address"),
    ("grpc-ingress", "grpc_address"),
    ("metrics-ingress", "metrics_address"),
    ("envoy-admin", "envoy_admin_address"),
    ("debug", "debug_address"),
    ("ssh", "ssh_address"),
)


def asked_for(options: Options, release: tuple[int, int] | None) -> tuple[Endpoint, ...]:
    """Every listening address that the options ask for, besides the health server's."""
    return tuple(_asked_for(options, release))


def health(options: Options, release: tuple[int, int] | None) -> Endpoint | None:
    """The replica's own health server; None for releases before 0.31, which have none."""
    if release is not None and release < (0, 31):
        return None
    name = "health_check_addr"
    text = HEALTH_DEFAULT if options.zero else str(options.get(name) or HEALTH_DEFAULT)
    origin = "default" if options.zero else options.origin(name)
    return _endpoint(name, text, Holder.POMERIUM, 28080, origin)


def learnt(listeners: Any, origin: str) -> tuple[Endpoint, ...]:
    """The addresses in Envoy's answer to /listeners?format=json."""
    found = []
    for entry in listeners.get("listener_statuses", []) if isinstance(listeners, Mapping) else []:
        role = _role(str(entry.get("name", "")))
        place = entry.get("local_address", {}).get("socket_address", {})
        if role and place.get("port_value"):
            udp = entry["name"].startswith("quic-ingress")
            host = str(place.get("address", ""))
            found.append(Endpoint(role, host, int(place["port_value"]), Holder.ENVOY, origin, udp=udp))
    return tuple(found)


def _asked_for(options: Options, release: tuple[int, int] | None) -> Iterator[Endpoint]:
    services = services_of(options)
    main: Endpoint | None = None
    if services & {"all", "authenticate", "proxy"}:
        main = _option(options, "address", Holder.ENVOY, 443, ":443")
        if main is not None:
            yield main
            if str(options.get("codec_type") or "").lower() == "http3":
                yield Endpoint("address", main.host, main.port, Holder.ENVOY, main.origin, udp=True)
    if services & {"all", "authorize", "databroker"}:
        grpc = _grpc(options, main)
        if grpc is not None:
            yield grpc
    for name, holder, port in _OPTIONAL:
        if name == "debug_address" and release is not None and release < (0, 32):
            continue
        endpoint = _option(options, name, holder, port, "")
        if endpoint is not None:
            yield endpoint


def _grpc(options: Options, main: Endpoint | None) -> Endpoint | None:
    """:443 by default, which an all-in-one replica turns into :5443, or :5444 where the main listener has that port."""
    text = str(options.get("grpc_address") or ":443")
    if text == ":443" and "all" in services_of(options):
        text = ":5444" if main is not None and main.port == 5443 else ":5443"
    return _endpoint("grpc_address", text, Holder.ENVOY, 443, options.origin("grpc_address"))


def _option(options: Options, name: str, holder: Holder, port: int, default: str) -> Endpoint | None:
    text = str(options.get(name) or default).strip("\"'")
    return _endpoint(name, text, holder, port, options.origin(name)) if text else None


def _endpoint(role: str, text: str, holder: Holder, default_port: int, origin: str) -> Endpoint | None:
    try:
        host, port = listen_address(text, default_port=default_port)
    except ValueError:
        return None
    return Endpoint(role, "127.0.0.1" if host == "localhost" else host.strip("[]"), port, holder, origin)


def _role(listener: str) -> str:
    return next(
        (role for name, role in _LISTENERS if listener == name or listener.startswith(f"{name}-")), ""
    )

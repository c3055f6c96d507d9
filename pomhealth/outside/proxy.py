"""Which proxy a Go program goes through, by its environment: the rules of Go's httpproxy package. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

_PORTS = {"http": 80, "https": 443, "socks5": 1080}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, without the credentials that its address may hold. `origin` names the variable."""

    scheme: str
    host: str
    port: int
    origin: str

    @property
    def where(self) -> str:
        return joined(self.host, self.port)


def joined(host: str, port: int) -> str:
    """HOST:PORT, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def proxy_for(environment: Mapping[str, str], scheme: str, host: str, port: int) -> Proxy | None:
    """The proxy for requests of this scheme to this host; None where they go straight.

    An address that Go cannot read counts as none, as it does there.
    """
    name = f"{scheme.upper()}_PROXY"
    origin = next((one for one in (name, name.lower()) if environment.get(one)), "")
    if not origin or not _is_used(environment, host, port):
        return None
    url = _read(environment[origin])
    if url is None or not url.hostname:
        return None
    return Proxy(url.scheme, url.hostname, url.port or _PORTS[url.scheme], f"environment {origin}")


def _read(text: str) -> SplitResult | None:
    """Without a scheme of a proxy's it is HOST[:PORT] of an HTTP proxy, also with credentials before it."""
    text = text.strip()
    if text.partition("://")[0].lower() not in _PORTS:
        text = f"http://{text}"
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        return None
    return url


def _is_used(environment: Mapping[str, str], host: str, port: int) -> bool:
    host = host.strip().lower()
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return False
    exceptions = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    return not any(_excepts(one.strip().lower(), host, port, address) for one in exceptions.split(","))


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _excepts(entry: str, host: str, port: int, address: _Address | None) -> bool:
    """Whether one entry of NO_PROXY names this host."""
    if entry in ("", "*"):
        return bool(entry)
    if "/" in entry:
        return address is not None and _within(address, entry)
    name, only = _split(entry)
    if not name or (only and only != str(port)):
        return False
    named = _address(name)
    if named is not None:
        return named == address
    name = name[1:] if name.startswith("*.") else name
    return host.endswith(name) if name.startswith(".") else host == name or host.endswith(f".{name}")


def _split(entry: str) -> tuple[str, str]:
    """Host and port of an entry; the port is "" where it has none."""
    host, colon, port = entry.rpartition(":")
    if colon and (host.startswith("[") and host.endswith("]")):
        return host[1:-1], port
    return (host, port) if colon and ":" not in host else (entry, "")


def _within(address: _Address, network: str) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _address(text: str) -> _Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None

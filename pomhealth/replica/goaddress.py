"""Addresses and URLs as Go's net and net/url packages read them, whose rules Pomerium's are. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_BAD_IN_HOST = re.compile(r"[\x00-\x20\x7f/\\^`{|}#?@]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Url:
    """The parts of a URL. `host` is without its port and without the brackets of an IPv6 address."""

    scheme: str
    host: str
    port: str
    path: str


def split_host_port(address: str) -> tuple[str, str]:
    """HOST:PORT, [HOST]:PORT or :PORT in two. Raises ValueError with one clause."""
    if address.startswith("["):
        host, bracket, rest = address[1:].partition("]")
        if not bracket or not rest.startswith(":"):
            raise ValueError("it has no port")
        return host, rest[1:]
    host, colon, port = address.rpartition(":")
    if not colon:
        raise ValueError("it has no port")
    if ":" in host:
        raise ValueError("it has too many colons: an IPv6 address stands in brackets")
    return host, port


def listen_address(address: str, *, default_port: int) -> tuple[str, int]:
    """Where a listener asked for by `address` listens, as Pomerium builds it: the port may be left out.

    Raises ValueError for a port that is no port.
    """
    try:
        host, port = split_host_port(address)
    except ValueError:
        return address, default_port
    if port == "":
        return host, default_port
    if not port.isascii() or not port.isdigit() or int(port) > _HIGHEST_PORT:
        raise ValueError(f"{port} is no port number")
    return host, int(port) or default_port


def parse_url(text: str) -> Url:
    """The URL's parts. Raises ValueError, with one clause, where Pomerium refuses it: it wants a scheme and a host."""
    if not text:
        raise ValueError("it is empty")
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise ValueError("it has a control character")
    scheme = _SCHEME.match(text)
    if scheme is None:
        what = "the scheme (https://) is missing"
        raise ValueError(what)
    rest = text[scheme.end() :].partition("#")[0].partition("?")[0]
    if not rest.startswith("//"):
        raise ValueError("the host is missing: it does not continue with //")
    authority, slash, path = rest[2:].partition("/")
    host, port = _authority(authority.rpartition("@")[2])
    if _BAD_ESCAPE.search(path):
        raise ValueError("its path has a % that begins no escape")
    if not host and scheme[1].lower() not in ("unix", "http+unix", "https+unix"):
        raise ValueError("the host is missing")
    return Url(scheme[1].lower(), host, port, slash + path)


def _authority(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket:
            raise ValueError("a ] is missing in its host")
        port = rest.removeprefix(":")
        if rest and not rest.startswith(":"):
            raise ValueError("something stands between its host and its port")
    else:
        host, _, port = text.rpartition(":") if ":" in text else (text, "", "")
    if port and not (port.isascii() and port.isdigit()):
        raise ValueError("its port is no number")
    if _BAD_IN_HOST.search(host) or _BAD_ESCAPE.search(host):
        raise ValueError("its host has a character that no host has")
    return host, port

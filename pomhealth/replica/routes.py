"""The routes of a configuration: the host names they serve, and what Pomerium would refuse of them. Pure."""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pomhealth.redact import redact_dsn
from pomhealth.replica import yamlfile
from pomhealth.replica.goaddress import parse_url
from pomhealth.replica.model import Options, Problem, Value
from pomhealth.replica.services import services_of

_LISTS = ("policy", "routes")  # in the order in which Pomerium takes them
_HTTPS = ("https", "tcp+https", "udp+https")
HOSTED = "authenticate.pomerium.app"  # Pomerium's own sign-in, used where none is configured
_FIX = "correct the route: Pomerium refuses the whole file, and a running replica keeps its last good one"
# What nearly every URL looks like; the rest is read with care.
_PLAIN = re.compile(r"https?://([A-Za-z0-9._*-]+)(?::([0-9]+))?/?\Z")


@dataclass(frozen=True, slots=True)
class Host:
    """A host name that the replica serves over TLS, in lower case; a wildcard keeps its *.

    `line` counts from 1 and is 0 where it cannot be told; `origin` says where it stands, as a Value's does; `port` is
    the one in the route's URL, 0 where that has none.
    """

    name: str
    line: int
    origin: str
    port: int = 0


@dataclass(frozen=True, slots=True)
class Route:
    """One route as written, and where. `fields` by lower-case name."""

    fields: Mapping[str, Any]
    path: str
    line: int

    def line_of(self, field: str) -> int:
        return self.fields.line_of(field) if isinstance(self.fields, yamlfile.Block) else self.line


def hosts(options: Options) -> tuple[Host, ...]:
    """The host names of the https routes (tcp+https and udp+https too, ssh not), each once, at its first route.

    The sign-in host comes with them where this replica serves it.
    """
    found: dict[str, Host] = {}
    for host in _hosts(options):
        found.setdefault(host.name, host)
    return tuple(found.values())


def routes(options: Options) -> Iterator[Route]:
    """Every route, those under `policy` before those under `routes`."""
    for _, value, entries in listed(options):
        yield from _routes(value, entries)


def listed(options: Options) -> Iterator[tuple[str, Value, list[Any]]]:
    """Each option that holds routes: its name, its value, and the routes in it as written, whatever each of them is."""
    for name in _LISTS:
        value = options.values.get(name)
        if value is not None:
            entries = _decoded(value.value) if isinstance(value.value, str) else value.value
            yield name, value, entries if isinstance(entries, list) else []


def problems(options: Options) -> Iterator[Problem]:
    """What Pomerium would refuse of the routes (Pomerium 0.33: Policy.Validate)."""
    for route in routes(options):
        yield from _problems(route)


def _hosts(options: Options) -> Iterator[Host]:
    if {"all", "proxy"} & services_of(options):
        for route in routes(options):
            name, port = _served(str(route.fields.get("from") or ""))
            if name:
                line = route.line_of("from")
                yield Host(name, line, f"{route.path}:{line}" if line else route.path, port)
    sign_in = options.values.get("authenticate_service_url")
    if sign_in is not None and {"all", "authenticate"} & services_of(options):
        name, port = _served(str(sign_in.value))
        if name and name != HOSTED:
            yield Host(name, _line(sign_in.origin), sign_in.origin, port)


def _served(text: str) -> tuple[str, int]:
    """The host name of an https URL and the port in it (0 for none); no name for any other URL."""
    plain = _PLAIN.match(text)
    if plain is not None:
        return (plain[1].lower(), int(plain[2] or 0)) if text.startswith("https") else ("", 0)
    try:
        url = parse_url(text)
    except ValueError:
        return "", 0
    return (url.host.lower(), int(url.port or 0)) if url.scheme in _HTTPS else ("", 0)


def _routes(value: Value, entries: list[Any]) -> Iterator[Route]:
    line = _line(value.origin)
    path = value.origin.removesuffix(f":{line}") if line else value.origin
    for entry in entries:
        if isinstance(entry, yamlfile.Block):
            yield Route(entry, path, entry.line if line else 0)
        elif isinstance(entry, dict):
            yield Route(entry, path, 0)


def _decoded(text: str) -> Any:
    """The routes in an environment variable: YAML, plain or in base64."""
    content = text.encode("utf-8", "surrogateescape")
    with contextlib.suppress(ValueError):
        content = base64.b64decode(content, validate=True)
    try:
        return _lineless(yamlfile.parse(content))
    except yamlfile.BrokenFile:
        return []


def _lineless(value: Any) -> Any:
    """The same as plain mappings: lines inside an environment variable lead nowhere."""
    if isinstance(value, dict):
        return {key: _lineless(inner) for key, inner in value.items()}
    return [_lineless(inner) for inner in value] if isinstance(value, list) else value


def _line(origin: str) -> int:
    tail = origin.rpartition(":")[2]
    return int(tail) if tail.isdigit() else 0


def _problems(route: Route) -> Iterator[Problem]:
    fields = route.fields
    source = str(fields.get("from") or "")
    targets = _targets(fields.get("to"))
    for field, text in (
        *_bad_source(source),
        *(one for target in targets for one in _bad_target(target)),
        *_bad_whole(fields, source, targets),
    ):
        yield Problem(route.path, route.line_of(field), text, _FIX)


_Complaint = tuple[str, str]  # the field that is meant, and what is wrong


def _bad_source(source: str) -> Iterator[_Complaint]:
    if _PLAIN.match(source):
        return
    try:
        url = parse_url(source)
    except ValueError as error:
        yield "from", f"the route's from is no URL that Pomerium takes ({_shown(source)}): {error}"
        return
    if url.scheme in ("http", "https") and url.path not in ("", "/"):
        yield "from", f"the route's from has a path ({_shown(source)}): use prefix or path for it"


def _bad_target(target: str) -> Iterator[_Complaint]:
    if _PLAIN.match(target):
        return
    address, comma, weight = target.partition(",")
    try:
        parse_url(address)
    except ValueError as error:
        yield "to", f"the route's to is no URL that Pomerium takes ({_shown(target)}): {error}"
        return
    if comma and not weight.strip().isdigit():
        yield "to", f"the weight behind the comma of the route's to is no number ({_shown(target)})"


def _bad_whole(fields: Mapping[str, Any], source: str, targets: list[str]) -> Iterator[_Complaint]:
    if not targets and not fields.get("redirect") and not fields.get("response"):
        yield "from", f"the route from {_shown(source)} leads nowhere: it has no to, redirect or response"
    restricted = [
        name
        for name in ("allow_any_authenticated_user", "allowed_domains", "allowed_users")
        if fields.get(name) not in (None, False, "false")
    ]
    public = "allow_public_unauthenticated_access"
    if restricted and str(fields.get(public)).lower() == "true":
        yield (
            public,
            f"the route from {_shown(source)} is open to everybody and restricted ({restricted[0]}) at once",
        )


def _targets(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _shown(text: str) -> str:
    return redact_dsn(text) or "empty"

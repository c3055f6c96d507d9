"""The fingerprint of a configuration: equal where replicas are set up equally, and nothing can be read out of it. Pure.

What makes replicas that are meant to be equal differ does not count:

- where this one listens, and which part of Pomerium it runs: that is its place in the cluster;
- where on its own disk something lies: of a file's path only counts that there is a file;
- what it says, and to whom: its logs, its traces, its debugging;
- how it gets to the storage: perhaps by a proxy of its own, with a password of its own;
- its certificates: those are compared by themselves, as they are served;
- how the same is written: comments, order of keys, file or environment, `policy` or `routes`, 60s or 1m.

The order of routes counts, since of two that match Pomerium takes the first.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from pomhealth.compat.vocabulary import vocabulary
from pomhealth.redact import redact_value
from pomhealth.replica.model import Options
from pomhealth.replica.routes import listed

DIGITS = 16  # hexadecimal
_KEY = "shared_secret"
_SCHEME = b"pomhealth configuration 1"  # of what the fingerprint is made
_ROUTES = ("policy", "routes")
_OWN = frozenset(
    {
        # where it listens, and what it runs
        "address",
        "databroker_cluster_node_id",
        "databroker_raft_bind_address",
        "debug_address",
        "envoy_admin_address",
        "envoy_bind_config_source_address",
        "grpc_address",
        "health_check_addr",
        "health_check_systemd_disabled",
        "http_redirect_addr",
        "metrics_address",
        "services",
        "ssh_address",
        # on its own disk
        "autocert_dir",
        "envoy_admin_access_log_path",
        "envoy_admin_profile_path",
        # what it says, and to whom
        "log_level",
        "pomerium_debug",
        "proxy_log_level",
        "runtime_flags.debug_admin_endpoints",
        # how it gets to the storage
        "databroker_storage_connection_string",
        "databroker_storage_connection_string_file",
        # certificates
        "certificate",
        "certificate_file",
        "certificate_key",
        "certificate_key_file",
        "certificates",
        "metrics_certificate",
        "metrics_certificate_file",
        "metrics_certificate_key",
        "metrics_certificate_key_file",
        _KEY,  # it makes the fingerprint, and so counts all the same
    }
)
_OWN_FAMILIES = ("otel_", "certificates.")
_ONE_OR_MANY = "to"  # a route's upstreams: one text is a list of one
_SPANS = {"ns": 1, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}
_SPAN = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_YES, _NO = frozenset({"1", "t", "true"}), frozenset({"0", "f", "false"})


def of_options(options: Options) -> str:
    """The fingerprint of these options, keyed with the secret that all replicas of a cluster share.

    Without that secret no other has a part in it. With 10,000 routes it takes half a second: have it made in a thread
    then.
    """
    key = str(options.get(_KEY) or "").strip()
    secrets = bool(key)
    return _digest(key, chain([settings(options, secrets=secrets)], routes(options, secrets=secrets)))


def of_hosts(hosts: frozenset[str]) -> str:
    """The fingerprint of the hosts that run, where nothing more is known of the configuration (Pomerium Zero)."""
    return _digest("", sorted(hosts))


def settings(options: Options, *, secrets: bool) -> dict[str, Any]:
    """What counts of the options but for the routes, by name; without `secrets` only that there are some."""
    kinds = vocabulary(None).options
    said: dict[str, Any] = {}
    for name, value in _leaves(options):
        if not _own(name):
            for path, inner in _spread(name, value, kinds.get(name, "")):
                _take(said, path, inner, kinds, secrets=secrets)
    return said


def routes(options: Options, *, secrets: bool) -> Iterator[Any]:
    """What counts of each route, in their order."""
    kinds = vocabulary(None).routes
    for _, _, entries in listed(options):
        for route in entries:
            said: dict[str, Any] = {}
            for name, value in route.items() if isinstance(route, dict) else ():
                _take(said, name, value, kinds, secrets=secrets)
            yield said


def count(options: Options) -> int:
    """How many routes there are, about, which is what a fingerprint costs."""
    lists = (options.get(name) for name in _ROUTES)
    return sum(len(one) for one in lists if isinstance(one, (list, str)))


def _digest(key: str, parts: Iterable[Any]) -> str:
    made = hmac.new(_SCHEME + key.encode("utf-8", "replace"), digestmod=hashlib.sha256)
    for part in parts:
        made.update(json.dumps(part, sort_keys=True, separators=(",", ":"), default=str).encode() + b"\n")
    return made.hexdigest()[:DIGITS]


def _take(said: dict[str, Any], name: str, value: Any, kinds: Mapping[str, str], *, secrets: bool) -> None:
    """Takes over what counts of one option, where it is set."""
    if value is None or value == "" or (isinstance(value, (list, dict)) and not value):
        return
    counts = _value(name, value, kinds.get(name, ""))
    said[name] = counts if secrets else redact_value(name, counts)


def _own(name: str) -> bool:
    return name in _OWN or name in _ROUTES or name == "policy_file" or name.startswith(_OWN_FAMILIES)


def _leaves(options: Options) -> Iterator[tuple[str, Any]]:
    """Each option that is set, by its whole name; what stands inside one that the environment gives whole is void."""
    values = options.values
    for name, value in values.items():
        if isinstance(value.value, dict) and value.value:
            continue  # its entries stand beside it
        parents = (name[:at] for at, letter in enumerate(name) if letter == ".")
        if all(parent not in values or isinstance(values[parent].value, dict) for parent in parents):
            yield name, value.value


def _spread(name: str, value: Any, kind: str) -> Iterator[tuple[str, Any]]:
    """A map that is written as one text (JSON, in a variable of the environment) as its entries."""
    if kind in ("map", "flags", "any") and isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            entries = json.loads(value)
        except ValueError:
            entries = None
        if isinstance(entries, dict):
            yield from ((f"{name}.{key.lower()}", inner) for key, inner in entries.items())
            return
    yield name, value


def _value(name: str, value: Any, kind: str) -> Any:
    """The value as it is meant."""
    if name.endswith(("_file", "_files")):
        return True
    if isinstance(value, str):
        if name == _ONE_OR_MANY:
            return [value]
        if kind == "list":
            return _list(value)
    if kind == "duration":
        return _duration(value)
    return _plain(value, switch=kind == "bool")


def _plain(value: Any, *, switch: bool = False) -> Any:
    """Numbers and switches as texts, which is what all of them are in the environment."""
    if isinstance(value, str) and not switch:
        return value
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    text = str(value).strip()
    if switch or isinstance(value, bool):
        lower = text.lower()
        return "true" if lower in _YES else "false" if lower in _NO else text
    return text


def _list(text: str) -> Any:
    if text.lstrip().startswith("["):
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, list):
            return _plain(found)
    return [part.strip() for part in text.split(",")]


def _duration(value: Any) -> Any:
    """A span of time as its nanoseconds, which is also what a number alone stands for; else as it is written."""
    text = str(value).strip()
    parts = _SPAN.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return text
    return str(round(sum(float(number) * _SPANS[unit] for number, unit in parts)))

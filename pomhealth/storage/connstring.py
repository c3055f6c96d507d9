"""A connection string's text as settings, in both forms that Pomerium's driver takes (Go, pgx v5: pgconn, parse rules).

libpq's own parser cannot be used here: it refuses every parameter that it does not know, and the pool's parameters and
all runtime parameters are such. Where releases of the driver differ, the wider reading is taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote

SCHEMES = ("postgres://", "postgresql://")

_SPACE = " \t\n\r\v\f"
_URL = re.compile(r"postgres(?:ql)?://([^/?#]*)([^?#]*)(?:\?([^#]*))?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_BARE = re.compile(r"(?:[^\\\s]|\\.)*", re.DOTALL)
_QUOTED = re.compile(r"'((?:[^\\']|\\.)*)'", re.DOTALL)
_BRACKETED = re.compile(r"\[([^\]]*)\](?::(.*))?")


class BadDsn(Exception):  # noqa: N818  (the connection string is bad; that is what is raised)
    """A connection string that the driver refuses. One line that says why and what to do, without any part of it."""


def settings(dsn: str) -> dict[str, str]:
    """The settings that a connection string makes, by the driver's names ("database", never "dbname").

    Raises BadDsn.
    """
    found = _url(dsn) if dsn.startswith(SCHEMES) else _keywords(dsn)
    return canonical(found)


def canonical(found: Mapping[str, str]) -> dict[str, str]:
    """The same settings under the driver's names. Raises BadDsn."""
    if not all(_NAME.fullmatch(key) for key in found):
        raise BadDsn(
            "the connection string has a parameter whose name is not a word: in a URL, write ? and & in a password as "
            "%3F and %26"
        )
    return {("database" if key == "dbname" else key): value for key, value in found.items()}


def _url(dsn: str) -> dict[str, str]:
    if _CONTROL.search(dsn):
        raise BadDsn("the connection URL holds a control character (a line break at its end?): take it out")
    parts = _URL.match(dsn)
    if parts is None:
        raise BadDsn("the connection URL does not parse: write postgres://USER:PASSWORD@HOST:PORT/DATABASE")
    authority, path, query = parts[1], parts[2], parts[3] or ""
    if _ESCAPE.search(authority + path):
        raise BadDsn(
            "the connection URL holds a % that is not followed by two hexadecimal digits: write it as %25"
        )
    if "@" in path:
        raise BadDsn("the connection URL has an @ after its first / : write a / in a password as %2F")
    userinfo, at, hosts = authority.rpartition("@")
    found = _hosts(hosts)
    if at:
        user, colon, password = userinfo.partition(":")
        found["user"] = unquote(user)
        if colon:
            found["password"] = unquote(password)
    if database := unquote(path).lstrip("/"):
        found["database"] = database
    return {**found, **_query(query)}


def _query(text: str) -> dict[str, str]:
    """A URL's parameters: the first of several with one name counts, ssl=true stands for sslmode=require."""
    found: dict[str, str] = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        found.setdefault("database" if key == "dbname" else key, value)
    if found.get("ssl") == "true":
        del found["ssl"]
        found.setdefault("sslmode", "require")
    return found


def _hosts(text: str) -> dict[str, str]:
    """The hosts of a URL (a:1,b,[::1]:2) as the two comma-separated lists that the keyword form has."""
    hosts: list[str] = []
    ports: list[str] = []
    for one in text.split(","):
        if not one:
            continue
        bracketed = _BRACKETED.fullmatch(one)
        if bracketed:
            host, port = bracketed[1], bracketed[2] or ""
        else:
            host, _, port = one.partition(":")
            if ":" in port:
                raise BadDsn(
                    "the connection URL's host does not parse: write an IPv6 address in brackets, and / ? # @ : in a "
                    "password as %2F %3F %23 %40 %3A"
                )
        if host:
            hosts.append(unquote(host))
        if port:
            ports.append(port)
    lists = {"host": ",".join(hosts), "port": ",".join(ports)}
    return {key: value for key, value in lists.items() if value}


def _keywords(dsn: str) -> dict[str, str]:
    found: dict[str, str] = {}
    rest = dsn.lstrip(_SPACE)
    while rest:
        key, equals, rest = rest.partition("=")
        key = key.strip(_SPACE)
        rest = rest.lstrip(_SPACE)
        if not equals or not key or any(letter in key for letter in _SPACE):
            raise BadDsn(
                "the connection string is neither a URL (postgres://…) nor a list of keyword=value: write "
                "postgres://USER:PASSWORD@HOST:PORT/DATABASE"
            )
        value = _QUOTED.match(rest) if rest.startswith("'") else _BARE.match(rest)
        if value is None:
            raise BadDsn("a quoted value in the connection string has no closing quote")
        text = value[1] if rest.startswith("'") else value[0]
        rest = rest[value.end() :]
        if rest and rest[0] == "\\":
            raise BadDsn("the connection string ends with a lone backslash")
        rest = rest.lstrip(_SPACE)
        if key == "user" and not text:
            continue
        found[key] = text.replace("\\\\", "\\").replace("\\'", "'")
    return found

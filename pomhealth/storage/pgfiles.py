"""The two files that PostgreSQL's clients read: the password file and the service file. Pure, from their text.

libpq's own reading of them is not used: it refuses a password file that others may read, Pomerium's driver does not.
"""

from __future__ import annotations

import re

_FIELD = re.compile(r"((?:[^\\:]|\\.)*)(?::|$)")
_FIELDS = 5  # host:port:database:user:password


def password(text: str, *, host: str, port: int, database: str, user: str) -> str:
    """The password for these from a .pgpass file's text; "" when no line matches ("*" matches everything)."""
    wanted = (host, str(port), database, user)
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        fields = [re.sub(r"\\(.)", r"\1", found[1]) for found in _FIELD.finditer(line)][:_FIELDS]
        pairs = zip(fields, wanted, strict=False)
        if len(fields) == _FIELDS and all(given in ("*", want) for given, want in pairs):
            return fields[-1]
    return ""


def service(text: str, name: str) -> dict[str, str] | None:
    """The settings of one [section] of a service file's text; None when it has no such section."""
    found: dict[str, str] | None = None
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            if found is not None:
                return found
            found = {} if line[1:-1] == name else None
        elif found is not None and line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found[key.strip()] = value.strip()
    return found

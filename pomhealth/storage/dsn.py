"""From Pomerium's connection string to what libpq is told, reading it as Pomerium's driver does (Go, pgx v5).

Defaults come from the replica's environment and files, never from our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pomhealth.replica.paths import reach
from pomhealth.status import Unobservable
from pomhealth.storage import pgfiles
from pomhealth.storage.connstring import BadDsn, canonical, settings
from pomhealth.storage.target import ANY, Host, Target

NOWHERE = "/dev/null/none"  # a path at which nothing can be: keeps libpq from its own defaults

_FROM_ENVIRONMENT = {
    "PGHOST": "host",
    "PGPORT": "port",
    "PGDATABASE": "database",
    "PGUSER": "user",
    "PGPASSWORD": "password",
    "PGPASSFILE": "passfile",
    "PGCONNECT_TIMEOUT": "connect_timeout",
    "PGSSLMODE": "sslmode",
    "PGSSLKEY": "sslkey",
    "PGSSLCERT": "sslcert",
    "PGSSLSNI": "sslsni",
    "PGSSLROOTCERT": "sslrootcert",
    "PGSSLPASSWORD": "sslpassword",
    "PGSSLNEGOTIATION": "sslnegotiation",
    "PGTARGETSESSIONATTRS": "target_session_attrs",
    "PGSERVICE": "service",
    "PGSERVICEFILE": "servicefile",
    "PGOPTIONS": "options",
    "PGMINPROTOCOLVERSION": "min_protocol_version",
    "PGMAXPROTOCOLVERSION": "max_protocol_version",
    "PGCHANNELBINDING": "channel_binding",
    "PGREQUIREAUTH": "require_auth",
}
_SAME_IN_LIBPQ = (
    "sslpassword",
    "sslsni",
    "sslnegotiation",
    "channel_binding",
    "require_auth",
    "min_protocol_version",
    "max_protocol_version",
)
_READ_HERE = frozenset(
    {"host", "port", "database", "user", "password", "passfile", "service", "servicefile", "connect_timeout"}
    | {"sslmode", "sslcert", "sslkey", "sslrootcert", "target_session_attrs", "options", *_SAME_IN_LIBPQ}
)
# Of no meaning to a look: the driver's caches, Kerberos (which Pomerium is built without), the session's name, and
# what a pooler keeps by itself but would refuse as an option.
_LEFT_OUT = frozenset(
    {
        "statement_cache_capacity",
        "description_cache_capacity",
        "default_query_exec_mode",
        "krbspn",
        "krbsrvname",
    }
    | {"application_name", "client_encoding", "timezone", "datestyle", "intervalstyle"}
)
_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_VERIFYING = ("verify-ca", "verify-full")
_ATTRS = (ANY, "read-write", "read-only", "primary", "standby", "prefer-standby")
_SOCKET_DIRECTORIES = ("/var/run/postgresql", "/private/tmp", "/tmp")  # noqa: S108  (the driver's own list)
# Where Go looks for the system's certificate authorities on Linux.
_SYSTEM_ROOTS = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def conninfo(dsn: str, environment: Mapping[str, str], root: str, cwd: str) -> Target:
    """What this connection string means to a replica with this environment and working directory.

    `root` is the prefix under which its files are reached. Reads the files that the string names (they may block).
    Raises BadDsn where the driver would refuse it, and Unobservable where a file may not be read from here.
    """
    files = _Files(root, cwd)
    given = settings(dsn)
    told = {key: environment[name] for name, key in _FROM_ENVIRONMENT.items() if environment.get(name)}
    defaults = _defaults(environment, files)
    found = {**defaults, **told, **given}
    if "service" in found:
        found = {**defaults, **told, **_service(found, files), **given}
    hosts = _hosts(found, files)
    user = found.get("user") or environment.get("USER") or environment.get("LOGNAME")
    if not user:
        raise Unobservable(
            "the connection string names no user, and the replica's environment tells none", "add user= to it"
        )
    attrs = found.get("target_session_attrs", ANY)
    if attrs not in _ATTRS:
        raise BadDsn(f"target_session_attrs in the connection string must be one of {', '.join(_ATTRS)}")
    database = found.get("database") or user
    tls = _tls(found, environment, files)
    options = _options(found)
    parameters = {
        "user": user,
        "dbname": database,
        "password": found.get("password") or _password(found, hosts[0], database, user, files),
        "options": options,
        **{key: found[key] for key in _SAME_IN_LIBPQ if found.get(key)},
        **tls,
    }
    return Target(
        hosts=hosts,
        database=database,
        user=user,
        attrs=attrs,
        timeout=_timeout(found.get("connect_timeout", "")),
        key=tls.get("sslkey", ""),
        parameters={key: value for key, value in parameters.items() if value},
    )


class _Files:
    """The replica's files."""

    def __init__(self, root: str, cwd: str) -> None:
        self._root = root
        self._cwd = cwd

    def path(self, name: str) -> str:
        return reach(name, cwd=self._cwd, root=self._root)

    def exists(self, name: str) -> bool:
        return Path(self.path(name)).exists()

    def text(self, name: str) -> str | None:
        """The file's text; None when it is not there. Raises Unobservable when it may not be read."""
        try:
            return Path(self.path(name)).read_text(encoding="utf-8", errors="surrogateescape")
        except PermissionError:
            raise Unobservable(
                f"{name}, which the connection string needs, may not be read",
                "run as the replica's user or as root",
            ) from None
        except OSError:
            return None


def _defaults(environment: Mapping[str, str], files: _Files) -> dict[str, str]:
    found = {"port": "5432", "target_session_attrs": ANY}
    home = environment.get("HOME", "")
    if not home:
        return found
    found["passfile"] = f"{home}/.pgpass"
    found["servicefile"] = f"{home}/.pg_service.conf"
    certificate, key = f"{home}/.postgresql/postgresql.crt", f"{home}/.postgresql/postgresql.key"
    if files.exists(certificate) and files.exists(key):
        found.update(sslcert=certificate, sslkey=key)
    if files.exists(f"{home}/.postgresql/root.crt"):
        found["sslrootcert"] = f"{home}/.postgresql/root.crt"
    return found


def _service(found: Mapping[str, str], files: _Files) -> dict[str, str]:
    path, name = found.get("servicefile", ""), found["service"]
    text = files.text(path) if path else None
    if text is None:
        raise BadDsn(
            f"the connection string names service {name}, but the service file {path or '(none)'} is not there"
        )
    section = pgfiles.service(text, name)
    if section is None:
        raise BadDsn(f"the connection string names service {name}, which {path} has not")
    return canonical(section)


def _hosts(found: Mapping[str, str], files: _Files) -> tuple[Host, ...]:
    names = found.get("host", "").split(",")
    ports = [_port(text) for text in found["port"].split(",")]
    hosts = []
    for index, given in enumerate(names):
        name = given or next((one for one in _SOCKET_DIRECTORIES if files.exists(one)), "localhost")
        port = ports[index] if index < len(ports) else ports[0]
        hosts.append(Host(name, port, files.path(name) if name.startswith("/") else ""))
    return tuple(hosts)


def _port(text: str) -> int:
    if not text:
        return 5432
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise BadDsn(
            "a port in the connection string is not a number from 1 to 65535 (in a URL, write : / @ in a password as "
            "%3A %2F %40)"
        )
    return int(text)


def _timeout(text: str) -> float | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise BadDsn("connect_timeout in the connection string is not a whole number of seconds")
    return float(text) or None


def _password(found: Mapping[str, str], host: Host, database: str, user: str, files: _Files) -> str:
    """The driver looks once, for the first host; a socket counts as localhost."""
    text = files.text(found["passfile"]) if found.get("passfile") else None
    name = "localhost" if host.path else host.name
    return pgfiles.password(text or "", host=name, port=host.port, database=database, user=user)


def _tls(found: Mapping[str, str], environment: Mapping[str, str], files: _Files) -> dict[str, str]:
    """The TLS parameters for libpq, so that it verifies what the driver verifies."""
    mode = found.get("sslmode") or "prefer"
    if mode not in _MODES:
        raise BadDsn(f"sslmode in the connection string must be one of {', '.join(_MODES)}")
    root = found.get("sslrootcert", "")
    if root == "system":
        mode, root = "verify-full", ""
    if found.get("sslnegotiation") == "direct" and mode == "prefer":
        mode = "require"
    if mode == "require" and root:
        mode = "verify-ca"
    certificate, key = found.get("sslcert", ""), found.get("sslkey", "")
    if bool(certificate) != bool(key):
        raise BadDsn("the connection string has one of sslcert and sslkey: Pomerium's driver needs both")
    told = {"sslmode": mode, "sslrootcert": NOWHERE, "sslcrl": NOWHERE, "sslcertmode": "disable"}
    if mode in _VERIFYING:
        told["sslrootcert"] = files.path(root) if root else _system_roots(environment, files)
    if certificate:
        told.update(sslcert=files.path(certificate), sslkey=files.path(key), sslcertmode="allow")
    return told


def _system_roots(environment: Mapping[str, str], files: _Files) -> str:
    named = environment.get("SSL_CERT_FILE")
    found = next((one for one in ((named,) if named else _SYSTEM_ROOTS) if files.exists(one)), None)
    return files.path(found) if found else NOWHERE


def _options(found: Mapping[str, str]) -> str:
    """Every parameter that the driver does not know is one of the server's, for the session."""
    runtime = {
        key: value
        for key, value in found.items()
        if key not in _READ_HERE and key.lower() not in _LEFT_OUT and not key.startswith("pool_")
    }
    told = [f"-c {key}={_escaped(value)}" for key, value in runtime.items()]
    return " ".join([found["options"], *told] if found.get("options") else told)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")

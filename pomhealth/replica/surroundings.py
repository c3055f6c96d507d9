"""What a replica's environment decides besides options: its directories, and what others may use of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from pomhealth.replica.model import Value

_KEPT = frozenset(
    {
        "HOME",
        "LOGNAME",
        "USER",
        "TMPDIR",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "CLUSTER_API_ENDPOINT",
        "CONNECT_SERVER_ENDPOINT",
        "AUTOCERT_DIR",
        *(f"{kind}_PROXY" for kind in ("HTTP", "HTTPS", "ALL", "NO")),
        *(f"{kind}_proxy" for kind in ("http", "https", "all", "no")),
    }
)
_KEPT_PREFIXES = ("PG", "XDG_", "BOOTSTRAP_CONFIG_", "POMERIUM_")
_SECRET_WORDS = ("TOKEN", "SECRET", "PASSWORD", "KEY")


def kept(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that checks need. Of Pomerium's own only those that hold no secret; PGPASSWORD is one that is needed."""
    return {name: text for name, text in environment.items() if _is_kept(name)}


def _is_kept(name: str) -> bool:
    if name.startswith("POMERIUM_") and any(word in name for word in _SECRET_WORDS):
        return False
    return name in _KEPT or name.startswith(_KEPT_PREFIXES)


def temporary(environment: Mapping[str, str]) -> str:
    """Where temporary files go (Go's os.TempDir)."""
    return environment.get("TMPDIR") or "/tmp"  # noqa: S108  (Go's default)


def cache_dir(environment: Mapping[str, str]) -> Value:
    """Pomerium's cache directory, with the variable that decides it."""
    if environment.get("XDG_CACHE_HOME"):
        return Value(f"{environment['XDG_CACHE_HOME']}/pomerium", "environment XDG_CACHE_HOME")
    if environment.get("HOME"):
        return Value(f"{environment['HOME'].rstrip('/')}/.cache/pomerium", "environment HOME")
    return Value(f"{temporary(environment)}/pomerium/cache", _temporary_origin(environment))


def data_dir(environment: Mapping[str, str], release: tuple[int, int] | None) -> Value:
    """Pomerium's data directory; its last resort moved in 0.32."""
    if environment.get("XDG_DATA_HOME"):
        return Value(f"{environment['XDG_DATA_HOME']}/pomerium", "environment XDG_DATA_HOME")
    if environment.get("HOME"):
        return Value(f"{environment['HOME'].rstrip('/')}/.local/share/pomerium", "environment HOME")
    if release is not None and release < (0, 32):
        return Value(f"{temporary(environment)}/pomerium/data", _temporary_origin(environment))
    return Value("/var/tmp/pomerium/data", "default")  # noqa: S108  (Pomerium's default)


def bootstrap_file(environment: Mapping[str, str], cache: Value) -> Value:
    """Where Zero mode keeps its encrypted configuration."""
    if environment.get("BOOTSTRAP_CONFIG_FILE"):
        return Value(environment["BOOTSTRAP_CONFIG_FILE"], "environment BOOTSTRAP_CONFIG_FILE")
    return Value(f"{cache.value}/bootstrap.dat", cache.origin)


def _temporary_origin(environment: Mapping[str, str]) -> str:
    return "environment TMPDIR" if environment.get("TMPDIR") else "default"

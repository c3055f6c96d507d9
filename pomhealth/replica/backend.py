"""Which storage backend a replica uses, from its options."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from pomhealth.replica import paths
from pomhealth.replica.model import Options, Storage, Value
from pomhealth.replica.services import services_of
from pomhealth.status import Unobservable

_TYPE = "databroker_storage_type"
_DSN = "databroker_storage_connection_string"
_DSN_FILE = f"{_DSN}_file"


def storage(options: Options, data_dir: Value | None, reach: Callable[[str], str]) -> Storage | None:
    """The backend; None where this replica runs no databroker, or asks for one that Pomerium does not know.

    Reads `databroker_storage_connection_string_file`, which goes before the option itself. Raises Unobservable
    where that file cannot be read, and TimeoutError where its file system does not answer.
    """
    if not services_of(options) & {"all", "databroker"}:
        return None
    kind = str(options.get(_TYPE) or "memory")
    if kind == "memory":
        return Storage("memory", options.origin(_TYPE))
    if kind not in ("file", "postgres"):
        return None
    dsn, origin = _dsn(options, reach)
    if kind == "postgres":
        return Storage(kind, origin, dsn=dsn)
    if dsn:
        return Storage(kind, origin, directory=_directory(dsn))
    if data_dir is None:
        raise Unobservable("the data directory is not known")
    return Storage(kind, data_dir.origin, directory=f"{data_dir.value}/databroker")


def _dsn(options: Options, reach: Callable[[str], str]) -> tuple[str, str]:
    path = str(options.get(_DSN_FILE) or "")
    if not path:
        return str(options.get(_DSN) or ""), options.origin(_DSN)
    try:
        return paths.read(reach(path), limit=1024 * 1024).decode("utf-8").strip(), path
    except TimeoutError:
        raise
    except PermissionError:
        raise Unobservable(f"this user may not read {path}") from None
    except (OSError, UnicodeDecodeError):
        raise Unobservable(f"{path} (from {options.origin(_DSN_FILE)}) cannot be read") from None


def _directory(dsn: str) -> str:
    """The path in a file backend's data source name: file:///PATH or the path itself."""
    return unquote(urlsplit(dsn).path) if dsn.startswith("file:") else dsn

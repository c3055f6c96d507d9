"""Directories, the environment that is kept, and the storage backend."""

from __future__ import annotations

from pathlib import Path

import pytest

from pomhealth.replica import surroundings
from pomhealth.replica.backend import storage
from pomhealth.replica.configfile import parse
from pomhealth.replica.model import Storage, Value
from pomhealth.replica.options import merge
from pomhealth.status import Unobservable

DATA = Value("/data/pomerium", "default")


@pytest.mark.parametrize(
    ("environment", "cache", "data"),
    [
        ({"HOME": "/h"}, "/h/.cache/pomerium", "/h/.local/share/pomerium"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/c", "XDG_DATA_HOME": "/d"}, "/c/pomerium", "/d/pomerium"),
        ({"TMPDIR": "/t"}, "/t/pomerium/cache", "/var/tmp/pomerium/data"),
        ({}, "/tmp/pomerium/cache", "/var/tmp/pomerium/data"),
    ],
)
def test_directories(environment: dict[str, str], cache: str, data: str) -> None:
    assert cache == surroundings.cache_dir(environment).value
    assert data == surroundings.data_dir(environment, (0, 33)).value


def test_without_a_home_the_data_directory_was_a_temporary_one_up_to_0_31() -> None:
    assert surroundings.data_dir({"TMPDIR": "/t"}, (0, 31)).value == "/t/pomerium/data"


def test_the_bootstrap_file_is_in_the_cache_directory_unless_it_is_named() -> None:
    cache = Value("/c", "environment HOME")
    assert Value("/c/bootstrap.dat", "environment HOME") == surroundings.bootstrap_file({}, cache)
    named = surroundings.bootstrap_file({"BOOTSTRAP_CONFIG_FILE": "/b"}, cache)
    assert Value("/b", "environment BOOTSTRAP_CONFIG_FILE") == named


def test_only_what_checks_need_is_kept_of_the_environment() -> None:
    kept = surroundings.kept(
        {
            "HOME": "/h",
            "PGHOST": "db",
            "HTTPS_PROXY": "http://p",
            "POMERIUM_SOCKET_DIRECTORY": "/s",
            "BOOTSTRAP_CONFIG_FILE": "/b",
            "POMERIUM_ZERO_TOKEN": "secret",
            "IDP_CLIENT_SECRET": "secret",
            "PATH": "/bin",
        }
    )
    assert {
        "HOME",
        "PGHOST",
        "HTTPS_PROXY",
        "POMERIUM_SOCKET_DIRECTORY",
        "BOOTSTRAP_CONFIG_FILE",
    } == kept.keys()


def found(text: str, cwd: Path = Path("/")) -> Storage | None:
    return storage(merge(parse("c.yaml", text.encode()), {}), DATA, lambda path: str(cwd / path))


def test_storage_is_in_memory_by_default() -> None:
    assert Storage("memory", "default") == found("")


def test_a_replica_without_databroker_has_no_storage() -> None:
    assert None is found("services: proxy\ndatabroker_storage_type: postgres")


def test_postgres_with_its_data_source_name() -> None:
    backend = found("databroker_storage_type: postgres\ndatabroker_storage_connection_string: host=db")
    assert backend == Storage("postgres", "c.yaml:2", dsn="host=db")
    assert "host=db" not in repr(backend)


def test_a_file_with_the_data_source_name_goes_first(tmp_path: Path) -> None:
    (tmp_path / "dsn").write_text("  host=other\n")
    text = "databroker_storage_type: postgres\ndatabroker_storage_connection_string: host=db\n"
    backend = found(text + "databroker_storage_connection_string_file: dsn", tmp_path)
    assert Storage("postgres", "dsn", dsn="host=other") == backend
    with pytest.raises(Unobservable, match=r"gone \(from c.yaml:3\) cannot be read"):
        found(text + "databroker_storage_connection_string_file: gone", tmp_path)


@pytest.mark.parametrize(
    ("dsn", "directory"),
    [
        ("", "/data/pomerium/databroker"),
        ("file:///var/lib/p%20q", "/var/lib/p q"),
        ("/var/lib/p", "/var/lib/p"),
    ],
)
def test_file_storage_and_its_directory(dsn: str, directory: str) -> None:
    backend = found(f"databroker_storage_type: file\ndatabroker_storage_connection_string: '{dsn}'")
    assert backend is not None
    assert ("file", directory) == (backend.kind, backend.directory)

"""Where Pomerium keeps files, by its environment. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pomhealth.demo.standin.releases import Release


def cache_directory(environment: Mapping[str, str]) -> Path:
    return _home(environment, "XDG_CACHE_HOME", ".cache") or _temporary(environment) / "pomerium" / "cache"


def data_directory(environment: Mapping[str, str], release: Release) -> Path:
    fallback = _temporary(environment) if release.data_in_tmp else Path("/var/tmp")
    return _home(environment, "XDG_DATA_HOME", ".local/share") or fallback / "pomerium" / "data"


def _home(environment: Mapping[str, str], variable: str, below_home: str) -> Path | None:
    if environment.get(variable):
        return Path(environment[variable]) / "pomerium"
    if environment.get("HOME"):
        return Path(environment["HOME"]) / below_home / "pomerium"
    return None


def _temporary(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("TMPDIR") or "/tmp")

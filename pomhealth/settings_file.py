"""Puts the settings together: defaults, then the settings file, then POMHEALTH_* variables, then options.

Every mistake is one line: where it stands, what is wrong, what is allowed.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pomhealth.catalogue import catalogue
from pomhealth.settings import KEYS, TABLES, Key, Settings, SettingsError, Table

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_PATH = "/etc/pomhealth/pomhealth.toml"
PATH_VARIABLE = "POMHEALTH_SETTINGS"

_PREFIX = "POMHEALTH_"
_OTHERS = (PATH_VARIABLE, "POMHEALTH_ADDRESS")
_LARGEST = 1024 * 1024  # bytes; a settings file is a page
_NEAR = 0.8


def load(overrides: Mapping[str, Any], environ: Mapping[str, str], path: str | None = None) -> Settings:
    """The settings in force.

    `overrides` are options of the command line by setting name, None where one was not given. `path` is the
    settings file; without it $POMHEALTH_SETTINGS, else /etc/pomhealth/pomhealth.toml if that is there.
    Raises SettingsError.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}

    def put(name: str, value: Any, origin: str) -> None:
        if isinstance(value, dict):
            values[name] = {**values.get(name, {}), **value}
            origins.update({f"{name}.{id_}": origin for id_ in value})
        else:
            values[name] = value
        origins[name] = origin

    chosen = file_path(environ, path)
    if chosen is not None:
        for name, value in _from_file(chosen).items():
            put(name, value, chosen)
    for name, value in _from_environment(environ).items():
        put(name, value, f"environment {_PREFIX}{name.upper()}")
    for name, value in _from_options(overrides).items():
        put(name, value, f"option --{name.replace('_', '-')}")
    return Settings(**values, origins=origins)


def file_path(environ: Mapping[str, str], path: str | None) -> str | None:
    """The settings file that is read: the one named, or the default one where it is there, or None."""
    named = path or environ.get(PATH_VARIABLE)
    if named:
        return named
    return DEFAULT_PATH if Path(DEFAULT_PATH).exists() else None


def _from_file(path: str) -> dict[str, Any]:
    document = _parse(path, _read(path))
    known = [key.name for key in KEYS] + [table.name for table in TABLES]
    values: dict[str, Any] = {}
    for name, value in document.items():
        key = next((key for key in KEYS if key.name == name), None)
        table = next((table for table in TABLES if table.name == name), None)
        if key is not None:
            values[name] = _value(key, value, f"{path}: {name}")
        elif table is not None:
            values[name] = _entries(table, value, f"{path}: {name}", known=known)
        else:
            raise SettingsError(f"{path}: {name}: there is no such setting{_hint(name, known)}")
    return values


def _entries(table: Table, value: Any, where: str, *, known: Iterable[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SettingsError(
            f'{where}: it is not a table; write it as [{table.name}] with lines like "storage.backend" = …'
        )
    found = {}
    for id_, one in _flattened(value):
        if id_ in known and catalogue().find(id_) is None:
            raise SettingsError(
                f"{where}.{id_}: this is not a check; put `{id_}` above the line [{table.name}]"
            )
        found[id_] = _checked(table, id_, one, f'{where}."{id_}"')
    return found


def _flattened(table: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Ids whether quoted or not: TOML reads `storage.backend = …` as a table in a table."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _checked(table: Table, id_: str, value: Any, where: str) -> Any:
    check = catalogue().find(id_)
    measured = [check.id for check in catalogue() if check.measured]
    if table.name == "intervals" and (check is None or not check.measured):
        why = "there is no such check" if check is None else "the replica reports it, nothing is measured"
        raise SettingsError(f"{where}: {why}{_hint(id_, measured)}")
    ids = [check.id for check in catalogue()]
    if check is None and difflib.get_close_matches(id_, ids, 1, _NEAR):
        raise SettingsError(f"{where}: there is no such check{_hint(id_, ids)}")
    return _value(table, value, where)


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """What POMHEALTH_* variables say.

    A variable that is nearly a setting's name is a mistake; any other unknown one is none of ours (Kubernetes sets
    POMHEALTH_SERVICE_HOST and its like where a Service has this name).
    """
    names = {setting.variable: setting for setting in (*KEYS, *TABLES)}
    settings = {setting.name: setting.variable for setting in (*KEYS, *TABLES)}
    values: dict[str, Any] = {}
    for variable in sorted(name for name in environ if name.startswith(_PREFIX) and name not in _OTHERS):
        setting = names.get(variable)
        where = f"environment: {variable}"
        if setting is None:
            near = difflib.get_close_matches(variable.removeprefix(_PREFIX).lower(), settings, 1, _NEAR)
            if near:
                raise SettingsError(f"{where}: there is no such setting; did you mean {settings[near[0]]}?")
        elif isinstance(setting, Table):
            values[setting.name] = _pairs(setting, environ[variable], where)
        elif environ[variable]:
            values[setting.name] = _value(setting, environ[variable], where)
    return values


def _pairs(table: Table, text: str, where: str) -> dict[str, Any]:
    found = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        id_, equals, value = pair.rpartition("=")
        if not equals:
            raise SettingsError(f"{where}: {pair!r} has no value; write ID=VALUE,ID=VALUE ({table.allowed})")
        found[id_.strip()] = _checked(table, id_.strip(), value.strip(), f"{where}: {id_.strip()}")
    return found


def _from_options(overrides: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in overrides.items() if value is not None}
    keys = {key.name: key for key in KEYS}
    return {
        name: _value(keys[name], value, f"option --{name.replace('_', '-')}") for name, value in given.items()
    }


def _value(setting: Key | Table, value: Any, where: str) -> Any:
    try:
        return setting.read(value)
    except ValueError as error:
        shown = "a table" if isinstance(value, dict) else repr(value)
        raise SettingsError(f"{where}: {shown}: {error}; allowed: {setting.allowed}") from None


def _hint(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; there are {', '.join(known)}" if known else ""


def _read(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror or error}") from None
    if len(content) > _LARGEST:
        raise SettingsError(f"{path}: it is larger than {_LARGEST} bytes: this is no settings file")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SettingsError(f"{path}:{line}: it is not UTF-8 text") from None


def _parse(path: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said, _, place = str(error).partition(" (at ")
        line = place.partition("line ")[2].partition(",")[0]
        at_end = len(text.splitlines())
        raise SettingsError(f"{path}:{line or at_end}: this is not TOML: {said}") from None

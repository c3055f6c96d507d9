"""A configuration file as values with the line of each: YAML, JSON or TOML by its extension, as viper tells them."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

from pomhealth.replica import paths, yamlfile
from pomhealth.replica.model import Problem, Value
from pomhealth.touch import SAYS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_REFUSED = (
    "correct it: Pomerium would not start with this file, and a running replica keeps its last good one"
)
# Formats that Pomerium takes and that nobody is known to use for it.
_UNREAD = frozenset({".hcl", ".tfvars", ".properties", ".props", ".prop", ".env", ".dotenv", ".ini"})


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What a file says. `values` by lower-case name, nested names with a dot beside their parent.

    `unread` tells, for a file that Pomerium may well accept, why we do not know what it says; with `silent` it is
    because its file system does not answer.
    """

    path: str
    values: Mapping[str, Value] = field(default_factory=dict, repr=False)
    problems: tuple[Problem, ...] = ()
    digest: str = ""
    unread: str = ""
    silent: bool = False

    @property
    def parsed(self) -> bool:
        return not self.problems and not self.unread


def load(path: str, *, reached_by: str) -> ConfigFile:
    """The file that the replica knows as `path` and this process as `reached_by`. Blocking; raises nothing."""
    try:
        content = paths.read(reached_by)
    except PermissionError:
        return ConfigFile(path, unread=f"this user may not read {path}")
    except TimeoutError:
        return ConfigFile(path, unread=f"{SAYS}: {path}", silent=True)
    except OSError as error:
        why = error.strerror or "it cannot be read"
        return ConfigFile(path, problems=(Problem(path, 0, f"the file cannot be read: {why}", _REFUSED),))
    return parse(path, content)


@lru_cache(maxsize=1)
def parse(path: str, content: bytes) -> ConfigFile:
    """What this content says. Pure; the last answer is kept, for mostly it is another file that has changed.

    With 10,000 routes to read it takes half a second.
    """
    digest = hashlib.sha256(content).hexdigest()
    extension = PurePosixPath(path).suffix
    if extension in _UNREAD:
        return ConfigFile(
            path, digest=digest, unread=f"pomhealth reads YAML, JSON and TOML, not {extension} files"
        )
    try:
        document = _document(extension, content)
    except yamlfile.BrokenFile as broken:
        problem = Problem(path, broken.line, f"the file cannot be parsed: {broken.why}", _REFUSED)
        return ConfigFile(path, problems=(problem,), digest=digest)
    if document is None:
        document = {}
    if not isinstance(document, dict):
        problem = Problem(path, 1, "the file holds no options: its top level is not a mapping", _REFUSED)
        return ConfigFile(path, problems=(problem,), digest=digest)
    return ConfigFile(path, dict(_flat(document, path, "")), digest=digest)


def _document(extension: str, content: bytes) -> Any:
    if extension in (".yaml", ".yml"):
        return yamlfile.parse(content)
    if extension not in (".json", ".toml"):
        raise yamlfile.BrokenFile(0, "its name ends in none of .yaml, .yml, .json and .toml")
    try:
        text = content.decode("utf-8")
        return _lowered(json.loads(text) if extension == ".json" else tomllib.loads(text))
    except json.JSONDecodeError as error:
        raise yamlfile.BrokenFile(error.lineno, error.msg) from None
    except tomllib.TOMLDecodeError as error:
        why, _, place = str(error).partition(" (at ")
        line = place.removeprefix("line ").partition(",")[0]
        raise yamlfile.BrokenFile(int(line) if line.isdigit() else 0, why) from None
    except UnicodeDecodeError:
        raise yamlfile.BrokenFile(0, "it is not UTF-8 text") from None
    except RecursionError:
        raise yamlfile.BrokenFile(0, "it is nested too deeply") from None


def _lowered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key.lower(): _lowered(inner) for key, inner in value.items()}
    return [_lowered(inner) for inner in value] if isinstance(value, list) else value


def _flat(block: Mapping[str, Any], path: str, prefix: str) -> Iterator[tuple[str, Value]]:
    for name, value in block.items():
        line = block.line_of(name) if isinstance(block, yamlfile.Block) else 0
        yield f"{prefix}{name}", Value(value, f"{path}:{line}" if line else path)
        if isinstance(value, dict):
            yield from _flat(value, path, f"{prefix}{name}.")

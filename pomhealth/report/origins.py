"""What is known, and where each value comes from, in sections: settings, the replica, its options, what is not seen. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from pomhealth.redact import Redactor, redact_dsn, redact_value, secrets_of
from pomhealth.replica.model import Options, Platform, Process, Replica, Storage, Value
from pomhealth.report.style import Style
from pomhealth.settings import Settings

_ROUTES = ("routes", "policy")


@dataclass(frozen=True, slots=True)
class Line:
    """One value with its name and origin; the origin is empty where the value speaks for itself."""

    name: str
    value: Any
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Values of one kind. `title` is also the key in JSON."""

    title: str
    lines: tuple[Line, ...]


def settings_section(settings: Settings) -> Section:
    """Every setting of pomhealth's own, the defaults among them."""
    return Section("settings", tuple(_settings(settings)))


def replica_sections(replica: Replica) -> tuple[Section, ...]:
    """Everything that discovery knows, without secrets."""
    scrub = Redactor(secrets_of(replica)).scrub
    sections = (
        Section("replica", tuple(_replica(replica))),
        Section("addresses", tuple(_addresses(replica))),
        Section("options", tuple(_options(replica.options))),
        Section("refused by Pomerium", tuple(_problems(replica.options))),
        Section("not seen", tuple(Line(what, lack) for what, lack in sorted(replica.missing.items()))),
    )
    return tuple(
        Section(
            one.title, tuple(Line(line.name, _scrubbed(line.value, scrub), line.origin) for line in one.lines)
        )
        for one in sections
    )


def as_json(sections: tuple[Section, ...]) -> dict[str, Any]:
    """Each section as a list of name, value and origin."""
    return {
        section.title.replace(" ", "_"): [
            {"name": line.name, "value": line.value, "origin": line.origin} for line in section.lines
        ]
        for section in sections
    }


def as_text(sections: tuple[Section, ...], style: Style) -> str:
    """A block for each section that has something: name, value, and behind it the origin."""
    blocks = []
    for section in sections:
        if not section.lines:
            continue
        widest = max(len(line.name) for line in section.lines)
        rows = [
            f"  {line.name.ljust(widest)}  {shown(line.value)}"
            + (style.faint(f"  ({line.origin})") if line.origin else "")
            for line in section.lines
        ]
        blocks.append("\n".join([style.strong(section.title), *rows]) + "\n")
    return "\n".join(blocks)


def _settings(settings: Settings) -> Iterator[Line]:
    for one in fields(settings):
        if one.name == "origins":
            continue
        value = getattr(settings, one.name)
        if isinstance(value, dict):
            for key, inner in value.items():
                name = f"{one.name}.{key}"
                yield Line(name, inner.value if isinstance(inner, Enum) else inner, settings.origin(name))
        else:
            value = redact_dsn(value) if one.name == "cluster_dsn" and value else value
            yield Line(one.name, value, settings.origin(one.name))


def _replica(replica: Replica) -> Iterator[Line]:
    if replica.awaited:
        yield Line("state", "awaited: no pomerium process is running")
    if replica.main is not None:
        yield Line("process", _process(replica.main), "/proc")
    for envoy in replica.envoys:
        yield Line("envoy", _process(envoy), "/proc")
    yield from _value("version", replica.version)
    yield from _platform(replica.platform)
    yield from _text("configuration", replica.options.path, "the replica's command line")
    if "options" not in replica.missing:
        yield Line("mode", "zero" if replica.options.zero else "core")
    if not replica.options.zero and "options" not in replica.missing:
        yield Line("services", ", ".join(sorted(replica.services)), replica.options.origin("services"))
    if replica.storage is not None:
        yield from _storage(replica.storage)
    yield from _value("cache directory", replica.cache_dir)
    yield from _value("data directory", replica.data_dir)
    yield from _value("bootstrap file", replica.bootstrap_file)
    if replica.admin is not None:
        yield Line("envoy admin", replica.admin.where, replica.admin.origin)
    yield from _text("working directory", replica.cwd, "/proc")
    yield from _text("files reached through", replica.root, "/proc")


def _platform(platform: Platform) -> Iterator[Line]:
    if platform.kind:
        yield Line("platform", platform.kind, platform.origin)
    for word, stands_for in platform.names:
        yield Line(f"platform {word}", stands_for, "environment HOSTNAME")


def _storage(storage: Storage) -> Iterator[Line]:
    yield Line("storage", storage.kind, storage.origin)
    yield from _text("storage address", redact_dsn(storage.dsn), storage.origin)
    yield from _text("storage directory", storage.directory, storage.origin)


def _addresses(replica: Replica) -> Iterator[Line]:
    for endpoint in replica.endpoints:
        where = f"{endpoint.where} (UDP)" if endpoint.udp else endpoint.where
        yield Line(endpoint.role, f"{where}, held by {endpoint.holder.value}", endpoint.origin)
    if replica.health is not None:
        held = f"{replica.health.where}, held by {replica.health.holder.value}"
        yield Line(replica.health.role, held, replica.health.origin)


def _options(options: Options) -> Iterator[Line]:
    for name, value in sorted(options.values.items()):
        if name in _ROUTES and isinstance(value.value, list):
            count = len(value.value)
            yield Line(name, f"{count} route{'s' * (count != 1)}", value.origin)
        elif not isinstance(value.value, dict):
            yield Line(name, redact_value(name, value.value), value.origin)


def _problems(options: Options) -> Iterator[Line]:
    for problem in options.problems:
        yield Line(problem.where, problem.text)


def _process(process: Process) -> str:
    return f"pid {process.pid}, uid {process.uid}"


def _value(name: str, value: Value | None) -> Iterator[Line]:
    if value is not None:
        yield Line(name, value.value, value.origin)


def _text(name: str, text: str, origin: str) -> Iterator[Line]:
    if text:
        yield Line(name, text, origin)


def _scrubbed(value: Any, scrub: Any) -> Any:
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, dict):
        return {key: _scrubbed(inner, scrub) for key, inner in value.items()}
    return [_scrubbed(inner, scrub) for inner in value] if isinstance(value, list) else value


def shown(value: Any) -> str:
    """A value as text, "-" for none."""
    if value is None or value in ("", []):
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(shown(one) for one in value)
    return str(value)

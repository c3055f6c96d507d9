"""The page of the settings file, from the tables that it is read by."""

from __future__ import annotations

import json

from pomhealth.manual.roff import bold, entry, head, literal, paragraph, see_also, title, whole
from pomhealth.settings import KEYS, TABLES, Settings
from pomhealth.settings_file import DEFAULT_PATH, PATH_VARIABLE

_UNSET = {
    "cluster_addresses": "none",
    "state_dir": "the usual place; see pomhealth(1)",
    "cache_dir": "the usual place; see pomhealth(1)",
}
_EXAMPLE = """\
listen = "127.0.0.1:28081"
expected_replicas = 3
drain_notice = 10

[gates]
"zero.bootstrap-config.save" = "ready"

[intervals]
"proxy.service" = 3600"""


def page() -> str:
    """The page."""
    lines = [*head("pomhealth.toml", 5), *title("NAME"), r"pomhealth.toml \- settings of pomhealth"]
    lines += title("DESCRIPTION")
    lines += paragraph(
        f"A TOML file, {DEFAULT_PATH} unless --settings or ${PATH_VARIABLE} names another. All settings are optional."
        " Each may also come from a variable, which goes before the file, and some from an option, which goes before"
        " both. Whatever is wrong is told in one line, and `pomhealth config` shows every setting in force and where it"
        " comes from."
    )
    lines += paragraph("An agent that runs takes a changed file when it gets SIGHUP.")
    lines += title("SETTINGS")
    usual = Settings()
    for key in KEYS:
        default = _default(key.name, getattr(usual, key.name))
        lines += entry(
            bold(key.name),
            f"{key.says[0].upper()}{key.says[1:]}: {key.allowed}. {default} Variable: {key.variable}.",
        )
    lines += title("TABLES")
    for table in TABLES:
        lines += entry(
            bold(f"[{table.name}]"),
            f"{table.says[0].upper()}{table.says[1:]}: {table.allowed}. Variable: {table.variable}, written"
            " ID=VALUE,ID=VALUE.",
        )
    lines += [*title("EXAMPLE"), *literal(_EXAMPLE.splitlines())]
    return whole([*lines, *see_also(["pomhealth(1)", "pomhealth-config(1)", "pomhealth-run(1)"])])


def _default(name: str, value: object) -> str:
    """The default as a sentence, its value as TOML writes it."""
    if value in (None, "", ()):
        return f"Default: {_UNSET.get(name, 'what is found out')}."
    return f"Default: `{value:g}`." if isinstance(value, float) else f"Default: `{json.dumps(value)}`."

"""Writes systemd/, ecs/, kubernetes/ and compose.yaml from the templates, and deploy/ from the catalogue and the registry's tables: `python -m pomhealth.generate.defaults`, in the project's root."""

from __future__ import annotations

from pathlib import Path

from pomhealth.catalogue import catalogue
from pomhealth.generate import registry
from pomhealth.generate.monitoring.files import KINDS as MONITORING
from pomhealth.generate.monitoring.files import files as monitoring
from pomhealth.generate.monitoring.rules import Wishes
from pomhealth.generate.render import KINDS, files
from pomhealth.generate.values import DEFAULTS

_AT_THE_TOP = ("compose",)


def project_files() -> dict[str, str]:
    """The text of each file that the project keeps, by its path from the project's root."""
    supervisors = {
        file.path if kind in _AT_THE_TOP else f"{kind}/{file.path}": file.text
        for kind in KINDS
        for file in files(kind, DEFAULTS)
    }
    shared = {
        f"deploy/{kind}/{file.path}": file.text
        for kind in MONITORING
        for file in monitoring(kind, catalogue(), Wishes())
    }
    tables = {f"deploy/postgresql/{file.path}": file.text for file in registry.sheet(None).files}
    return supervisors | shared | tables


if __name__ == "__main__":
    for path, text in project_files().items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, encoding="utf-8")

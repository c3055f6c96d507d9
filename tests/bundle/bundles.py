"""Makes bundles as a user would, and opens them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Bundle:
    """What the command said, and what it wrote: the files by their names, without the directory before them."""

    run: subprocess.CompletedProcess[str]
    files: dict[str, str]

    @property
    def manifest(self) -> Any:
        return json.loads(self.files["MANIFEST.json"])

    @property
    def missing(self) -> dict[str, str]:
        return {one["name"]: one["why"] for one in self.manifest["missing"]}

    def json(self, name: str) -> Any:
        return json.loads(self.files[name])


def bundle(path: Path, *arguments: str, before: tuple[str, ...] = (), **environment: str) -> Bundle:
    """Runs the command; `before` is a program that runs it."""
    command = [*before, sys.executable, "-m", "pomhealth", "support-bundle", "-o", str(path), *arguments]
    run = subprocess.run(
        command,
        env={**os.environ, "POMHEALTH_SETTINGS": os.devnull, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in run.stderr, run.stderr
    return Bundle(run, opened(path) if path.exists() else {})


def opened(path: Path) -> dict[str, str]:
    with tarfile.open(path) as tar:
        files = {one.name.partition("/")[2]: tar.extractfile(one) for one in tar.getmembers()}
        return {name: file.read().decode() for name, file in files.items() if file is not None}

"""The Envoy child: its private directory, its bootstrap, its command line, and what it is given to serve."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pomhealth.demo import binaries
from pomhealth.demo.children import end, spawn
from pomhealth.demo.standin.clusters import Inside, control_plane
from pomhealth.demo.standin.releases import Release

_OVERLAP = (
    "POMHEALTH_STANDIN_OVERLAP"  # seconds that the old Envoy of a hot restart lives on, for the impatient
)
_KINDS = ("cds", "lds", "rds")


class Envoy:
    """One Envoy and its files, all under $TMPDIR/pomerium-envoy<number>/ (0700), which outlives it as Pomerium's does.

    `pipe` is the admin interface's address as in the bootstrap: "@uuid" or a path.
    """

    def __init__(self, release: Release, environment: Mapping[str, str]) -> None:
        self._temporary = Path(environment.get("TMPDIR") or tempfile.gettempdir())
        self._environment = environment
        self.directory = self._temporary / f"pomerium-envoy{random.randrange(10**6, 2**32)}"
        self.pipe = self._admin_pipe(release)
        # A number of our own, so that several stand-ins can run on one machine: it names Envoy's shared memory and
        # hot-restart socket. Pomerium uses Envoy's dynamic one and keeps it in this file.
        self.base_id = random.randrange(10**6, 2**31 // 10)
        self._base_id_path = self._temporary / "pomerium-envoy-base-id"
        self._process: subprocess.Popen[bytes] | None = None
        self._older: list[subprocess.Popen[bytes]] = []
        self._epoch = 0
        self._versions: dict[str, int] = dict.fromkeys(_KINDS, 0)
        self._written: dict[str, str] = {}

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    def start(self, inside: Inside, level: str, output: int) -> None:
        """Starts Envoy in its directory; what it writes goes to the file descriptor `output`.

        One that runs is hot-restarted: the new one takes its sockets, and the old one drains and ends by itself.
        """
        binary = self.directory / "envoy"
        if self._process is not None:
            self._older.append(self._process)
            self._epoch += 1
        else:
            self._install(binary)
        new = self.directory / "envoy-config.new"
        new.write_text(json.dumps(self._bootstrap(inside)))
        new.chmod(0o600)
        new.rename(self.directory / "envoy-config.yaml")
        self._base_id_path.write_text(str(self.base_id))
        self._process = spawn(
            [str(binary), *self._arguments(level)],
            cwd=self.directory,
            env=self._environment,
            output=output,
            own_session=False,
        )

    def _install(self, binary: Path) -> None:
        installed = binaries.envoy()
        try:
            os.link(installed, binary)
        except OSError:  # another file system
            shutil.copy2(installed, binary)

    def prepare(self) -> None:
        """Makes the directory, so that resources can be given before Envoy starts."""
        self.directory.mkdir(parents=True)
        self.directory.chmod(0o700)
        for kind in _KINDS:
            (self.directory / kind).mkdir()

    def give(self, kind: str, resources: list[dict[str, Any]]) -> str | None:
        """Writes the resources of one kind ("cds", "lds", "rds") for Envoy to read.

        Returns their version, or None when Envoy has just these already: what is refused is not sent again
        until it changes.
        """
        text = json.dumps(resources, sort_keys=True)
        if self._written.get(kind) == text:
            return None
        self._written[kind] = text
        self._versions[kind] += 1
        version = f"{self._versions[kind]}"
        new = self.directory / kind / "new.json"
        new.write_text(json.dumps({"version_info": version, "resources": resources}))
        new.rename(self.directory / kind / "resources.json")
        return version

    def source(self, kind: str) -> dict[str, Any]:
        """The config source that makes Envoy read the resources of this kind.

        Each kind has a directory of its own: any rename in a watched directory makes Envoy read again.
        """
        directory = str(self.directory / kind)
        return {
            "resource_api_version": "V3",
            "initial_fetch_timeout": "10s",
            "path_config_source": {
                "path": f"{directory}/resources.json",
                "watched_directory": {"path": directory},
            },
        }

    def bury_older(self) -> None:
        """Takes notice of those that a hot restart has replaced and that have ended: they stay zombies until then."""
        self._older = [one for one in self._older if one.poll() is None]

    def exited(self) -> int | None:
        """Envoy's exit status, None while it runs."""
        return self._process.poll() if self._process is not None else None

    def stop(self) -> None:
        """SIGTERM, and SIGKILL to one that does not obey."""
        for process in (*self._older, *([self._process] if self._process is not None else [])):
            end(process, (signal.SIGTERM,), patience=10.0)

    def _admin_pipe(self, release: Release) -> str:
        directory = self._environment.get("POMERIUM_SOCKET_DIRECTORY")
        if not release.abstract_admin:
            return str(self._temporary / "pomerium-envoy-admin.sock")
        return str(Path(directory) / str(uuid.uuid4())) if directory else f"@{uuid.uuid4()}"

    def _bootstrap(self, inside: Inside) -> dict[str, Any]:
        pipe: dict[str, Any] = {"path": self.pipe}
        if not self.pipe.startswith("@"):
            pipe["mode"] = 0o600
        return {
            "node": {"id": "pomerium", "cluster": "pomerium"},
            "admin": {"profilePath": "/dev/null", "address": {"pipe": pipe}},
            "stats_config": {"stats_tags": [{"tag_name": "service", "fixed_value": "pomerium"}]},
            "static_resources": {"clusters": [control_plane(inside)]},
            "dynamic_resources": {"cds_config": self.source("cds"), "lds_config": self.source("lds")},
        }

    def _arguments(self, level: str) -> list[str]:
        overlap = self._environment.get(_OVERLAP, "120")
        options = {
            "-c": "envoy-config.yaml",
            "--log-level": level,
            "--log-format": "[LOG_FORMAT]%l--%n--%v",
            "--log-format-escaped": None,
            "--concurrency": "2",
            "--base-id": str(self.base_id),
            "--restart-epoch": str(self._epoch),
            "--drain-time-s": str(min(60, int(overlap))),
            "--parent-shutdown-time-s": overlap,
            "--drain-strategy": "immediate",
        }
        return [part for name, value in options.items() for part in (name, value) if part is not None]

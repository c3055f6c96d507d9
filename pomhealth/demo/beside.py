"""The agent of the demo: `pomhealth run` beside a replica, as a process of its own."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from pomhealth.demo.children import end, python, spawn
from pomhealth.demo.errors import DemoError


class Agent:
    """An agent that listens on `listen` (HOST:PORT), and keeps its log and its history below `directory`.

    `settings` are environment variables that it gets beside those of every demo.
    """

    def __init__(self, directory: Path, listen: str, settings: Mapping[str, str]) -> None:
        self.listen = listen
        self.log = directory / "agent.log"
        self._directory = directory
        self._settings = dict(settings)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process's, also after it ended; 0 before the first start."""
        return self._process.pid if self._process is not None else 0

    def start(self, config: Path, *, view: int | None = None) -> None:
        """Starts it for the replica with this configuration file; `view` is the mount namespace that it sees."""
        environment = {name: text for name, text in os.environ.items() if not name.startswith("POMHEALTH_")}
        environment["POMHEALTH_RELEASE_FEED"] = "off"  # a stand-in's release is never the newest for long
        environment["POMHEALTH_STATE_DIR"] = str(self._directory / "history")
        with self.log.open("ab") as log:
            self._process = spawn(
                python("pomhealth", "run", "--listen", self.listen, "--pomerium-config", str(config)),
                cwd=self._directory,
                env={**environment, **self._settings},
                output=log,
                view=view,
            )

    def wait(self, until: float) -> None:
        """Returns when its /readyz answers 200. Raises DemoError when it does not before `until` (time.monotonic)."""
        while self.readyz() != 200:
            if not self.runs():
                raise DemoError(f"the agent ended; its last lines:\n{self._last_words()}")
            if time.monotonic() > until:
                raise DemoError(f"the agent does not get ready; its last lines:\n{self._last_words()}")
            time.sleep(0.05)

    def readyz(self) -> int:
        """The HTTP status of its /readyz; 0 when it does not answer."""
        host, _, port = self.listen.rpartition(":")
        host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))
        connection = http.client.HTTPConnection(host, int(port), timeout=2.0)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Ends it, if it was started."""
        if self._process is not None:
            end(self._process, (signal.SIGTERM,))

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-5:] if self.log.exists() else []
        return "\n".join(f"  {line}" for line in lines) or "  (none)"

"""`pomhealth demo` as its user runs it: a replica with a real Envoy and a real PostgreSQL, and the agent beside it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_STOPPING = 60.0  # seconds


@dataclass(frozen=True)
class Demo:
    """A running demo."""

    listen: str
    environment: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://{self.listen}/"

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}readyz", timeout=5):
                return True
        except urllib.error.HTTPError as error:
            error.close()
            return False

    def do(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "pomhealth", "demo", *arguments]
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def demo() -> Iterator[Demo]:
    """A demo on free ports, ready; everything of it is gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="pomhealth-"))
    home.chmod(0o711)  # as root, PostgreSQL runs as another user
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    environment = {**os.environ, "POMHEALTH_DEMO_DIR": str(home / "state")}
    command = [sys.executable, "-m", "pomhealth", "demo", "--free-ports", "--listen", listen]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert process.stdout is not None
            assert process.stdout.readline(), (home / "log").read_text()
            yield Demo(listen, environment)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOPPING)
            finally:
                process.kill()
                process.communicate()
    shutil.rmtree(home)

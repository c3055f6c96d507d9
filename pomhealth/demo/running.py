"""A stand-in replica that runs: started in a directory of its own, reconfigured, restarted, ended. Blocking calls."""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import secrets
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import yaml

from pomhealth.demo.certificate import self_signed
from pomhealth.demo.children import end, python, spawn
from pomhealth.demo.errors import DemoError
from pomhealth.demo.leftovers import free_envoy_memory
from pomhealth.demo.ports import free_ports
from pomhealth.replica.unverified import unverified

Where = tuple[str, int]

HOST = "app.demo.localhost"

_BASE_ID = "pomerium-envoy-base-id"


class RunningReplica:
    """A stand-in replica and its files, all below `root`: what discovery must find out, and how to change it.

    `options` is what its configuration file says; a None removes an option. `without` are capabilities that its next
    start does without, as under a hardened unit, `view` the mount namespace that it then sees. Pomerium resolves `--config` in its
    working directory, which is `directory`.
    """

    def __init__(
        self,
        root: Path,
        *,
        release: str,
        storage: str = "memory",
        dsn: str = "",
        env: Mapping[str, str] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.root = root
        self.release = release
        self.dsn = dsn
        self.directory = root / "replica"
        self.tmpdir = root / "tmp"
        self.cache_dir = root / "cache" / "pomerium"
        self.data_dir = root / "data" / "pomerium"
        self.config_path = self.directory / "pomerium.yaml"
        self.log_path = root / "pomerium.log"
        self.env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(root),
            "XDG_CACHE_HOME": str(root / "cache"),
            "XDG_DATA_HOME": str(root / "data"),
            "TMPDIR": str(self.tmpdir),
            "POMHEALTH_STANDIN_RELEASE": release,
            **(env or {}),
        }
        for directory in (self.directory, self.tmpdir, self.cache_dir, self.data_dir):
            directory.mkdir(parents=True, mode=0o700, exist_ok=True)
        self.options: dict[str, Any] = self._defaults(storage, dsn)
        self.rewrite(**(options or {}))
        self.without: tuple[int, ...] = ()
        self.view: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The main process's, also after it ended; 0 before the first start."""
        return self._process.pid if self._process is not None else 0

    @property
    def address(self) -> Where:
        """The main listener's host (loopback where it takes every address) and port, as the configuration says."""
        where = self._where("address")
        return where if where is not None else ("127.0.0.1", 443)

    @property
    def grpc_address(self) -> Where | None:
        return self._where("grpc_address")

    @property
    def metrics(self) -> Where | None:
        return self._where("metrics_address")

    @property
    def redirect(self) -> Where | None:
        return self._where("http_redirect_addr")

    @property
    def health(self) -> Where | None:
        """The replica's own health server; None for 0.30, which has none."""
        return None if self.release.startswith("v0.30.") else self._where("health_check_addr")

    @property
    def admin(self) -> Where | None:
        """Envoy's admin interface over TCP (`envoy_admin_address`), for tests to look at."""
        return self._where("envoy_admin_address")

    def start(self, *, until_ready: bool = True, patience: float = 30.0) -> None:
        """Starts the process; with `until_ready` returns once `/ping` answers 200 through the main listener.

        Raises DemoError with the replica's own last line when it ends or does not get there in `patience` seconds.
        """
        free_envoy_memory(self.tmpdir / _BASE_ID)  # of an Envoy that ended by itself
        with self.log_path.open("ab") as log:
            self._process = spawn(
                python("pomhealth.demo.standin", "--config", self.config_path.name),
                cwd=self.directory,
                env=self.env,
                output=log,
                without=self.without,
                view=self.view,
            )
        if until_ready:
            self.wait_until_ready(patience)

    def wait_until_ready(self, patience: float = 30.0) -> None:
        """Returns once `/ping` answers 200. Raises DemoError when it does not within `patience` seconds."""
        until = time.monotonic() + patience
        while not self.answers():
            if not self.running():
                raise DemoError(f"the stand-in replica ended: {self._last_words()}")
            if time.monotonic() > until:
                raise DemoError(f"the stand-in replica does not answer /ping: {self._last_words()}")
            time.sleep(0.02)

    def answers(self, *, timeout: float = 2.0) -> bool:
        """True when `/ping` answers 200 through the main listener."""
        host, port = self.address
        try:
            with socket.create_connection((host, port), timeout) as raw:
                connection = http.client.HTTPConnection(HOST, timeout=timeout)
                connection.sock = raw if self.options.get("insecure_server") else _tls(raw)
                try:
                    connection.request("GET", "/ping")
                    return connection.getresponse().status == 200
                finally:
                    connection.close()
        except (OSError, http.client.HTTPException):
            return False

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def wait(self, timeout: float = 10.0) -> int:
        """The main process's exit status, once it has ended."""
        if self._process is None:
            raise DemoError("the stand-in replica was never started")
        return self._process.wait(timeout)

    def envoy_pid(self) -> int:
        """The newest Envoy child's pid. Raises DemoError when there is none."""
        with contextlib.suppress(psutil.NoSuchProcess):
            children = [child for child in psutil.Process(self.pid).children() if child.name() == "envoy"]
            if children:
                return max(children, key=lambda child: (child.create_time(), child.pid)).pid
        raise DemoError("the stand-in replica has no Envoy")

    def rewrite(self, **options: Any) -> None:
        """Saves the configuration with these options changed (None removes one), by an atomic rename."""
        self.options.update(options)
        kept = {name: value for name, value in self.options.items() if value is not None}
        self.write_config(yaml.safe_dump(kept, sort_keys=False))

    def write_config(self, text: str) -> None:
        """Saves this text as the configuration, by an atomic rename."""
        new = self.config_path.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(text)
        new.replace(self.config_path)

    def restart(self, *, until_ready: bool = True) -> None:
        """Ends the processes, however they are, and starts again with the same files."""
        self.stop()
        self.start(until_ready=until_ready)

    def stop(self) -> None:
        """Ends the main process and Envoy, also when one of them is stopped, and frees Envoy's shared memory."""
        if self._process is None:
            return
        envoys: list[psutil.Process] = []
        with contextlib.suppress(psutil.NoSuchProcess):
            envoys = psutil.Process(self._process.pid).children() if self.running() else []
        end(self._process, (signal.SIGTERM,), patience=4.0)
        _, alive = psutil.wait_procs(envoys, timeout=3.0)
        for envoy in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                envoy.kill()
        psutil.wait_procs(alive, timeout=3.0)
        free_envoy_memory(self.tmpdir / _BASE_ID)

    def log(self) -> str:
        """Everything the replica has written so far, from its first start on."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def _where(self, option: str) -> Where | None:
        text = self.env.get(option.upper()) or self.options.get(option)
        if not text:
            return None
        host, _, port = str(text).rpartition(":")
        return host.strip("[]") or "127.0.0.1", int(port)

    def _last_words(self) -> str:
        lines = [line for line in self.log().splitlines() if line.startswith("{")]
        return lines[-1] if lines else "it says nothing"

    def _defaults(self, storage: str, dsn: str) -> dict[str, Any]:
        main, grpc, metrics, redirect, health, admin = free_ports(6)
        pair = self_signed(["*.demo.localhost"])
        for name, content in (("cert.pem", pair.certificate), ("key.pem", pair.key)):
            path = self.directory / name
            path.touch(mode=0o600)
            path.write_bytes(content)
        options: dict[str, Any] = {
            "address": f"127.0.0.1:{main}",
            "grpc_address": f"127.0.0.1:{grpc}",
            "metrics_address": f"127.0.0.1:{metrics}",
            "http_redirect_addr": f"127.0.0.1:{redirect}",
            "health_check_addr": f"127.0.0.1:{health}",
            "envoy_admin_address": f"127.0.0.1:{admin}",
            "authenticate_service_url": "https://authenticate.demo.localhost",
            "certificate_file": "cert.pem",
            "certificate_key_file": "key.pem",
            "shared_secret": base64.b64encode(secrets.token_bytes(32)).decode(),
            "cookie_secret": base64.b64encode(secrets.token_bytes(32)).decode(),
            "databroker_storage_type": storage,
            "routes": [
                {
                    "from": f"https://{HOST}",
                    "to": "http://127.0.0.1:1",
                    "allow_public_unauthenticated_access": True,
                }
            ],
        }
        if self.release.startswith("v0.30."):
            del options["health_check_addr"]
        if dsn:
            options["databroker_storage_connection_string"] = dsn
        elif storage == "file":
            options["databroker_storage_connection_string"] = f"file://{self.data_dir}/databroker"
        return options


def _tls(raw: socket.socket) -> ssl.SSLSocket:
    """Trusts anything: whether the main listener answers is asked, not whether its certificate is good."""
    return unverified().wrap_socket(raw, server_hostname=HOST)

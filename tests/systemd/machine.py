"""A machine with a replica as Pomerium's Linux package installs it, PostgreSQL, and pomhealth as docs/systemd.md says."""

from __future__ import annotations

import base64
import json
import secrets
import sys
import sysconfig
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from pomhealth.demo.certificate import self_signed
from pomhealth.generate.render import files
from pomhealth.generate.values import DEFAULTS, Values
from tests.systemd.box import PATIENCE, ROOT, Box

UNITS = "/etc/systemd/system"
CONFIG = "/etc/pomerium/config.yaml"
SETTINGS = "/etc/pomhealth/pomhealth.toml"
HOST = "app.demo.localhost"
POMHEALTH = "/opt/pomhealth/bin/pomhealth"
PYTHON = "/opt/pomhealth/bin/python"

# Waits that suit a test: the files are those of `pomhealth generate systemd` for a place that wants them so.
SHORT = replace(DEFAULTS, start_wait=20, notice=1, limit=20)
_SOON = "RestartSec=100ms\n"
_EXTRAS = {"pomerium": _SOON, "pomhealth": f"{_SOON}Environment=POMHEALTH_RELEASE_FEED=off\n"}

_PASSWORD = secrets.token_urlsafe(18)
_POSTGRES = 5432
_SITE = f"pomhealth/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"

# As in Pomerium's repository (ospkg/pomerium.service, v0.33.1).
_PACKAGED = """\
[Unit]
Description=Pomerium

[Service]
Type=notify
WatchdogSec=30s
ExecStart=/usr/sbin/pomerium -config /etc/pomerium/config.yaml
User=pomerium
Group=pomerium
Environment=AUTOCERT_DIR=/etc/pomerium/

[Install]
WantedBy=multi-user.target
"""
_POMERIUM = f"#!/bin/sh\nexec {PYTHON} -m pomhealth.demo.standin --config {CONFIG}\n"
_DATABASE = f"""\
[Service]
Type=notify
NotifyAccess=all
ExecStart={PYTHON} /opt/project/tests/systemd/database.py /var/lib/database {_POSTGRES} {_PASSWORD}
"""
_INSTALL = """
set -e
for pair in "$1:/opt/python" "$2:/opt/libraries" "$3:/opt/project"; do
  mkdir -p "${pair#*:}" && mount --bind "${pair%%:*}" "${pair#*:}"
done
# Python's own library may be looked for at home, where a hardened unit sees nothing.
echo /opt/python/lib > /etc/ld.so.conf.d/00-python.conf && ldconfig
/opt/python/bin/python3 -m venv --without-pip /opt/pomhealth
printf '/opt/project\\n/opt/libraries\\n' > "/opt/$4/project.pth"
sed '1s,.*,#!/opt/pomhealth/bin/python,' /opt/project/scripts/pomhealth > /opt/pomhealth/bin/pomhealth
chmod 755 /opt/pomhealth/bin/pomhealth
useradd --system -d / -s /sbin/nologin pomerium
"""


class Machine:
    """Real units in a real systemd. What a test has changed (`changed`) is put back by `reset`."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.run = box.run
        self._pair = self_signed(["*.demo.localhost"])
        self._cursor = ""
        self.changed = True
        self._secret = base64.b64encode(secrets.token_bytes(32)).decode()

    def install(self) -> None:
        """What stays: programs, a user, PostgreSQL (running), Pomerium's package, our three files."""
        purelib = sysconfig.get_path("purelib")
        self.run("sh", "-c", _INSTALL, "sh", sys.base_prefix, purelib, str(ROOT), _SITE)
        self.box.write("/usr/sbin/pomerium", _POMERIUM, "755")
        self.box.write(f"{UNITS}/pomerium.service", _PACKAGED)
        self.box.write(f"{UNITS}/database.service", _DATABASE)
        self.box.write("/etc/pomerium/cert.pem", self._pair.certificate.decode(), "600")
        self.box.write("/etc/pomerium/key.pem", self._pair.key.decode(), "600")

    def reset(self) -> None:
        """Everything as installed, nothing of it running but PostgreSQL."""
        self.run("systemctl", "stop", "--no-block", "pomhealth.socket", "pomhealth", "pomerium", check=False)
        self.run("systemctl", "kill", "--signal=KILL", "pomhealth", "pomerium", check=False)
        self.run("systemctl", "stop", "pomhealth.socket", "pomhealth", "pomerium", check=False)
        self.run("sh", "-c", "rm -rf /etc/pomhealth /tmp/pomerium*")  # leftovers may be another user's
        self.place(SHORT)
        for unit, extra in _EXTRAS.items():
            self.box.write(f"{UNITS}/{unit}.service.d/test.conf", f"[Service]\n{extra}")
        self.configure()
        self.run("systemctl", "daemon-reload")
        self.run("systemctl", "reset-failed")
        self.run("systemctl", "start", "database")
        self.changed = False
        self.mark()

    def mark(self) -> None:
        """A test begins here: `journal` tells what comes from now on."""
        self._cursor = self.run("journalctl", "-n0", "--show-cursor").stdout.rpartition("cursor: ")[2].strip()

    def place(self, values: Values) -> None:
        """The files that `pomhealth generate systemd` makes of these values."""
        for file in files("systemd", values):
            self.box.write(f"{UNITS}/{file.path}", file.text)

    def configure(self, **options: Any) -> None:
        """Pomerium's configuration, with these options besides (None removes one)."""
        said: dict[str, Any] = {
            "address": ":443",
            "grpc_address": "127.0.0.1:5443",
            "authenticate_service_url": "https://authenticate.demo.localhost",
            "certificate_file": "/etc/pomerium/cert.pem",
            "certificate_key_file": "/etc/pomerium/key.pem",
            "shared_secret": self._secret,
            "cookie_secret": self._secret,
            "databroker_storage_type": "postgres",
            "databroker_storage_connection_string": (
                f"postgresql://pomerium:{_PASSWORD}@127.0.0.1:{_POSTGRES}/pomerium?sslmode=disable"
            ),
            "routes": [
                {
                    "from": f"https://{HOST}",
                    "to": "http://127.0.0.1:9000",
                    "allow_public_unauthenticated_access": True,
                }
            ],
            **options,
        }
        kept = {name: value for name, value in said.items() if value is not None}
        self.box.write(CONFIG, yaml.safe_dump(kept, sort_keys=False), "600")
        self.run("sh", "-c", "chown -R pomerium:pomerium /etc/pomerium && chmod 750 /etc/pomerium")

    def add(self, unit: str, lines: str) -> None:
        """These lines of [Service] besides, until `reset`."""
        self.box.write(f"{UNITS}/{unit}.service.d/test.conf", f"[Service]\n{_EXTRAS[unit]}{lines}")
        self.run("systemctl", "daemon-reload")

    def shown(self, unit: str, name: str) -> str:
        """One property of a unit."""
        return self.run("systemctl", "show", "--value", "--property", name, unit).stdout.strip()

    def journal(self, unit: str) -> str:
        """Every line of a unit's journal since the test began."""
        self.run("journalctl", "--sync")
        after = f"--after-cursor={self._cursor}"
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", unit, after).stdout

    def status(self) -> dict[str, Any]:
        """What the agent answers at /status."""
        said: dict[str, Any] = json.loads(self.run("curl", "-sS", "http://127.0.0.1:28081/status").stdout)
        return said

    def ready(self) -> int:
        """The agent's answer at /readyz; 0 where nobody answers."""
        ask = ("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "5")
        return int(self.run(*ask, "http://127.0.0.1:28081/readyz", check=False).stdout or 0)

    def until(self, what: Callable[[], object], says: str) -> None:
        """Waits for it to be so."""
        over = time.monotonic() + PATIENCE
        while not what():
            if time.monotonic() > over:
                pytest.fail(f"{says}: it did not become so within {PATIENCE:g} s")
            time.sleep(0.05)

"""Runs Python in namespaces of its own, or as another user, and gives back what it found. Needs root."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
NOBODY = 65534

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="namespaces and other users need root"
)

LOOPBACK_UP = """
import fcntl, socket, struct
with socket.socket() as raw:
    fcntl.ioctl(raw, 0x8914, struct.pack("16sH14x", b"lo", 0x41))  # SIOCSIFFLAGS: up, running
"""


def unshared(code: str, *namespaces: str, timeout: float = 60) -> Any:
    """What `code` prints as JSON on its last line, run in new namespaces (options of unshare)."""
    done = subprocess.run(
        ["unshare", *namespaces, sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def as_nobody(code: str, timeout: float = 60) -> Any:
    """What `code` prints as JSON on its last line, run as another user once pomhealth has been imported."""
    first = f"""
import encodings.idna, json, os
import pomhealth.cli.config, pomhealth.replica.askonce, pomhealth.replica.discover, pomhealth.replica.sockets
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
"""
    done = subprocess.run(
        [sys.executable, "-c", first + code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])

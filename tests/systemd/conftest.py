"""A machine for each module, booted once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.systemd.box import booted
from tests.systemd.machine import SETTINGS, Machine


@pytest.fixture(scope="module")
def installed() -> Iterator[Machine]:
    with booted() as box:
        machine = Machine(box)
        machine.install()
        yield machine


@pytest.fixture
def machine(installed: Machine) -> Machine:
    """The test may do with it what it likes."""
    installed.reset()
    installed.changed = True
    return installed


@pytest.fixture
def running(installed: Machine) -> Iterator[Machine]:
    """The replica serves, and the agent says so, perhaps since an earlier test. /run/test is the test's own."""
    if installed.changed:
        installed.reset()
    installed.mark()
    installed.run("mkdir", "-p", "/run/test")
    installed.run("systemctl", "start", "pomerium")
    yield installed
    installed.run("rm", "-r", "/run/test")
    if installed.run("rm", SETTINGS, check=False).returncode == 0:
        installed.run("systemctl", "reload", "pomhealth")

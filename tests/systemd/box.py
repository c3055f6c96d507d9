"""A real systemd as PID 1 of namespaces of its own, over a copy of this machine's files that nothing outlives."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_SYSTEMD = next(
    (path for path in ("/lib/systemd/systemd", "/usr/lib/systemd/systemd") if Path(path).exists()), ""
)
PATIENCE = 60.0  # seconds: to boot takes two
_BOOT = """
set -e
box=$1 project=$2 systemd=$3
mount --make-rprivate /
mount -t tmpfs none "$box"
mkdir "$box/new" "$box/work" "$box/root"
mount -t overlay none -o "lowerdir=/,upperdir=$box/new,workdir=$box/work" "$box/root"
cd "$box/root"
mkdir -p old
rm -f .dockerenv
mount -t proc none proc
mount -t sysfs none sys
mount -t cgroup2 none sys/fs/cgroup
mount --rbind /dev dev
mount -t tmpfs none run
mount -t tmpfs -o mode=1777 none tmp
mkdir -p ".$project"
[ -e ".$project/pyproject.toml" ] || mount --rbind "$project" ".$project"
for unit in tmpfiles-setup tmpfiles-setup-dev udevd udev-trigger networkd resolved binfmt sysctl; do
  ln -sf /dev/null "etc/systemd/system/systemd-$unit.service"
done
pivot_root . old
umount -l /old
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin "$systemd" --unit=basic.target --show-status=0 >/dev/null 2>&1
"""


def _cgroups() -> Path | None:
    """Where control groups of version 2 are mounted, and we may make one."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        place = Path(before.split()[4])
        if after.startswith("cgroup2 ") and os.access(place, os.W_OK):
            return place
    return None


needs_systemd = pytest.mark.skipif(
    os.geteuid() != 0 or not _SYSTEMD or shutil.which("unshare") is None or _cgroups() is None,
    reason="a systemd of the test's own needs systemd, root and control groups of version 2",
)


class Box:
    """A booted systemd. What is written inside is gone with it; its network is its own and empty."""

    def __init__(self, init: int) -> None:
        self._enter = ["nsenter", "--target", str(init), "-m", "-p", "-u", "-i", "-n", "-C", "--"]

    def run(
        self, *command: str, check: bool = True, timeout: float = PATIENCE
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*self._enter, *command], capture_output=True, text=True, timeout=timeout, check=False
        )
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done

    def start(self, *command: str) -> subprocess.Popen[str]:
        """A command that goes on inside, its output to be read."""
        return subprocess.Popen(
            [*self._enter, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def write(self, path: str, text: str, mode: str = "644") -> None:
        script = 'mkdir -p "${1%/*}" && cat > "$1" && chmod "$2" "$1"'
        subprocess.run(
            [*self._enter, "sh", "-c", script, "sh", path, mode],
            input=text,
            text=True,
            timeout=PATIENCE,
            check=True,
        )


@contextmanager
def booted() -> Iterator[Box]:
    """Needs root (`needs_systemd`)."""
    cgroups = _cgroups()
    assert cgroups is not None
    group = cgroups / f"pomhealth-{uuid.uuid4().hex}"
    group.mkdir()
    place = Path(tempfile.mkdtemp(prefix="pomhealth-", dir="/var/tmp"))
    join = f'echo $$ > "{group}/cgroup.procs" && exec "$@"'
    unshare = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--uts", "--ipc", "--net", "--cgroup"]
    boot = ["sh", "-c", _BOOT, "sh", str(place), str(ROOT), _SYSTEMD]
    outer = subprocess.Popen(["sh", "-c", join, "sh", *unshare, *boot])
    try:
        yield _when_up(outer)
    finally:
        outer.kill()
        outer.wait()
        _remove(group)
        place.rmdir()


def _when_up(outer: subprocess.Popen[bytes]) -> Box:
    over = time.monotonic() + PATIENCE
    while time.monotonic() < over and outer.poll() is None:
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
        if children:
            box = Box(int(children[0]))
            done = box.run("systemctl", "is-system-running", "--wait", check=False)
            if done.stdout.strip() in ("running", "degraded"):
                return box
        time.sleep(0.05)
    pytest.fail("systemd did not come up")


def _remove(group: Path) -> None:
    """Control groups go from the leaves up, once the kernel has taken their processes out."""
    over = time.monotonic() + PATIENCE
    while group.exists() and time.monotonic() < over:
        for path, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                Path(path).rmdir()
        time.sleep(0.01)

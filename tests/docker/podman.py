"""A container engine of the test's own: podman with its own storage, control groups and network, gone afterwards.

Docker itself needs a daemon that owns the machine. Podman reads the same Dockerfile, runs the same images with the same
options, and serves Docker's API, by which the real Docker Compose works on it.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PATIENCE = 60.0  # seconds for one command
_OPEN = 4096  # descriptors, and processes, of one container
# Podman cannot work with control groups of both versions at once, and wants to write where version 1 is mounted.
_PREPARE = """
set -e
mount --make-rprivate /
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
  umount -R -l /sys/fs/cgroup
  mount -t tmpfs none /sys/fs/cgroup
  for name in $(awk 'NR > 1 && $4 == 1 {print $1}' /proc/cgroups); do
    mkdir "/sys/fs/cgroup/$name"
    mount -t cgroup -o "$name" none "/sys/fs/cgroup/$name" 2>/dev/null || rmdir "/sys/fs/cgroup/$name"
  done
  mkdir /sys/fs/cgroup/systemd
  mount -t cgroup -o none,name=systemd none /sys/fs/cgroup/systemd
fi
ip link set lo up
echo ready
exec sleep 3600
"""
_NAMESPACES = ["unshare", "--mount", "--net", "sh", "-c"]
_CONFIGURATION = """\
[containers]
default_ulimits = ["nofile={open}:{open}", "nproc={open}:{open}"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""

Done = subprocess.CompletedProcess[str]


def lack() -> str:
    """Why no engine can be had here; "" where one can."""
    missing = [
        name
        for name in ("podman", "crun", "debootstrap", "unshare", "nsenter", "ip")
        if shutil.which(name) is None
    ]
    if os.geteuid() != 0:
        return "an engine of the test's own needs root"
    return f"there is no {' and no '.join(missing)} here" if missing else ""


def refusal() -> str:
    """Why the kernel gives us no namespaces of our own; "" where it does."""
    tried = subprocess.run(
        [*_NAMESPACES, _PREPARE.replace("exec sleep 3600", "")], capture_output=True, text=True, check=False
    )
    return (
        f"no namespaces of the test's own can be had here: {tried.stderr.strip()}" if tried.returncode else ""
    )


class Podman:
    """The engine. `root` holds all its files; its network reaches nothing outside."""

    def __init__(self, root: Path, holder: int) -> None:
        self.root = root
        self.socket = root / "api.sock"
        self._mounts = ["nsenter", "--target", str(holder), "--mount", "--wd=/", "--"]
        self._inside = ["nsenter", "--target", str(holder), "--mount", "--net", "--wd=/", "--"]
        self._command = ["podman", "--root", str(root / "storage"), "--runroot", str(root / "run")]
        configuration = root / "containers.conf"
        few = min(_OPEN, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        configuration.write_text(_CONFIGURATION.format(open=few))
        self._environment = {**os.environ, "CONTAINERS_CONF": str(configuration)}

    def run(self, *arguments: str, check: bool = True, timeout: float = _PATIENCE) -> Done:
        """`podman ARGUMENTS`."""
        return self.inside(*self._command, *arguments, check=check, timeout=timeout)

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """`podman ARGUMENTS` while it runs, with pipes to its standard streams; killed at the end."""
        running = subprocess.Popen(
            [*self._inside, *self._command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=self._environment,
        )
        try:
            yield running
        finally:
            running.kill()
            running.communicate()

    def inside(self, *command: str, check: bool = True, timeout: float = _PATIENCE) -> Done:
        """A command of this machine's in the engine's network."""
        return self._call([*self._inside, *command], check=check, timeout=timeout)

    def build(self, file: Path, tag: str, context: Path, **arguments: str) -> None:
        """Builds with the network of this machine, and with the certificates that it trusts."""
        trusted = "/etc/ssl/certs/ca-certificates.crt"
        words = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
        options = [
            "--isolation=chroot",
            "--network=host",
            "--format=docker",
            f"--volume={trusted}:{trusted}:ro",
        ]
        command = [*self._mounts, *self._command, "build", *options, *words]
        self._call([*command, f"--file={file}", f"--tag={tag}", str(context)], check=True, timeout=300)

    def take(self, directory: Path, tag: str, *leave_out: str) -> None:
        """Makes an image of a directory."""
        excluded = [f"--exclude=./{name}" for name in leave_out]
        command = [*self._mounts, *self._command, "import", "--quiet", "-", tag]
        with subprocess.Popen(["tar", "-C", directory, *excluded, "-c", "."], stdout=subprocess.PIPE) as tar:
            done = subprocess.run(
                command, stdin=tar.stdout, stdout=subprocess.DEVNULL, env=self._environment, check=False
            )
        assert (tar.returncode, done.returncode) == (0, 0)

    def logs(self, container: str) -> str:
        """Both streams."""
        done = self.run("logs", container)
        return done.stdout + done.stderr

    def health(self, container: str) -> Done:
        """Runs the container's health check, as the engine does at each interval: exit status 0 or 1."""
        return self.run("healthcheck", "run", container, check=False)

    def until(self, true: Callable[[], bool], what: str) -> None:
        over = time.monotonic() + _PATIENCE
        while not true():
            assert time.monotonic() < over, f"not within {_PATIENCE:g} s: {what}"
            time.sleep(0.1)

    @contextmanager
    def api(self) -> Iterator[dict[str, str]]:
        """Docker's API; gives the environment in which Docker's programs find it."""
        service = [*self._inside, *self._command, "system", "service", "--time=0", f"unix://{self.socket}"]
        running = subprocess.Popen(service, env=self._environment, stderr=subprocess.DEVNULL)
        try:
            self.until(self.socket.exists, "the API is there")
            yield {**os.environ, "DOCKER_HOST": f"unix://{self.socket}"}
        finally:
            running.terminate()
            running.wait(_PATIENCE)

    def _call(self, command: list[str], *, check: bool, timeout: float) -> Done:
        done = subprocess.run(
            command, capture_output=True, text=True, env=self._environment, timeout=timeout, check=False
        )
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done


@contextmanager
def engine() -> Iterator[Podman]:
    """Needs what `lack` tells of."""
    root = Path(tempfile.mkdtemp(prefix="pomhealth-", dir="/var/tmp"))
    holder = subprocess.Popen([*_NAMESPACES, _PREPARE], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        podman = Podman(root, holder.pid)
        try:
            yield podman
        finally:
            for _ in range(2):  # who shares the namespaces of another goes first
                podman.run("rm", "--all", "--force", "--time=0", check=False)
    finally:
        holder.kill()
        holder.communicate()
        shutil.rmtree(root, ignore_errors=True)

"""HAProxy as the load balancer: `option httpchk` on another port, no retries, no redispatch."""

from __future__ import annotations

import csv
import socket
from collections.abc import Sequence
from pathlib import Path

from bench.rollout.balancer import TIMEOUT, Program, Target, installed
from bench.rollout.pace import FALL, RISE, Pace
from bench.rollout.upstream import REPLICA
from pomhealth.demo.errors import DemoError
from pomhealth.demo.ports import free_ports
from pomhealth.demo.running import HOST

_BACKEND = "replicas"


class HaproxyBalancer:
    """An HAProxy that runs; with `tcp` it passes bytes on and leaves TLS to the replicas. Raises DemoError without one."""

    def __init__(self, directory: Path, targets: Sequence[Target], pace: Pace, *, tcp: bool) -> None:
        program = installed("haproxy")
        if program is None:
            raise DemoError("haproxy is not installed here")
        self.port = free_ports(1)[0]
        self._control = directory / "control"
        path = directory / "haproxy.cfg"
        path.write_text(configuration(self.port, self._control, targets, pace, tcp=tcp))
        self._program = Program([program, "-db", "-f", str(path)], directory)

    def in_rotation(self) -> frozenset[str]:
        return frozenset(row["svname"] for row in self._servers() if row["status"].startswith("UP"))

    def take_out(self, name: str) -> None:
        self._ask(f"set server {_BACKEND}/{name} state drain")

    def put_back(self, name: str) -> None:
        self._ask(f"set server {_BACKEND}/{name} state ready")

    def failed_checks(self) -> int:
        return sum(int(row["chkfail"]) for row in self._servers())

    def last_words(self) -> str:
        return self._program.last_words()

    def stop(self) -> None:
        self._program.stop()

    def _servers(self) -> list[dict[str, str]]:
        rows = csv.DictReader(self._ask("show stat").removeprefix("# ").splitlines())
        return [row for row in rows if row["pxname"] == _BACKEND and row["svname"] != "BACKEND"]

    def _ask(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as opened:
            opened.settimeout(5.0)
            opened.connect(str(self._control))
            opened.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: opened.recv(65536), b"")).decode()


def configuration(port: int, control: Path, targets: Sequence[Target], pace: Pace, *, tcp: bool) -> str:
    """The whole configuration. Checks are plain HTTP whatever the replicas speak."""
    transport = "" if tcp else f" ssl verify none sni str({HOST})"
    servers = "\n".join(
        f"  server {one.name} {one.serves[0]}:{one.serves[1]}{transport} check port {one.asked[1]} no-check-ssl"
        for one in targets
    )
    told = "" if tcp else f"  http-after-response set-header {REPLICA} %[srv_name]\n"
    return f"""\
global
  stats socket {control} mode 600 level admin
  nbthread 1
defaults
  mode {"tcp" if tcp else "http"}
  retries 0
  no option redispatch
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 60s
  timeout check {TIMEOUT}s
frontend front
  bind 127.0.0.1:{port}
  default_backend {_BACKEND}
backend {_BACKEND}
  balance roundrobin
  option httpchk GET /readyz
  http-check expect status 200
{told}  default-server inter {pace.interval * 1000:.0f}ms fall {FALL} rise {RISE}
{servers}
"""

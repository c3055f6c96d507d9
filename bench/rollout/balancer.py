"""A load balancer in front of the replicas: what it is told, what is asked of it, and how it is run."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pomhealth.demo.children import end, spawn

TIMEOUT = 2  # seconds that the answer to a check may take

Where = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Target:
    """A replica as a balancer knows it: its name, where it serves, and where it is asked for /readyz."""

    name: str
    serves: Where
    asked: Where


class Balancer(Protocol):
    """A balancer that runs. `port` is where clients reach it, on loopback."""

    port: int

    def in_rotation(self) -> frozenset[str]:
        """The names of those that get new requests. Raises OSError or ValueError where it does not tell."""
        ...

    def take_out(self, name: str) -> None:
        """Gives a replica nothing new, as where an orchestrator deregisters it: what is under way goes on."""
        ...

    def put_back(self, name: str) -> None:
        """Undoes `take_out`."""
        ...

    def failed_checks(self) -> int:
        """How many checks have failed so far, for whatever reason."""
        ...

    def last_words(self) -> str:
        """The end of its log."""
        ...

    def stop(self) -> None: ...


class Program:
    """A balancer's process; its log is in its directory."""

    def __init__(self, command: Sequence[str], directory: Path) -> None:
        self._log = directory / "balancer.log"
        with self._log.open("ab") as output:
            self._process = spawn(command, cwd=directory, output=output)

    def last_words(self) -> str:
        return " / ".join(self._log.read_text("utf-8", "replace").splitlines()[-3:]) or "it says nothing"

    def stop(self) -> None:
        end(self._process)


def installed(name: str) -> str | None:
    """The path of a program, also where only root's PATH leads to it."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")

"""What can be read of a replica's process, and which rights are lacking for the rest. Blocking."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pomhealth.replica import paths, processes
from pomhealth.replica.model import Process, Replica
from pomhealth.settings import Settings
from pomhealth.status import Unobservable

T = TypeVar("T")


@dataclass
class Look:
    """One look at a process: what was read of it, and what is lacking."""

    main: Process
    settings: Settings
    before: Replica | None
    missing: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pid = self.main.pid
        self.argv = processes.argv(pid)
        self.environment: Mapping[str, str] = self.try_to(
            "environment", lambda: processes.environment(pid), {}
        )
        self.cwd = self.try_to("working directory", lambda: processes.cwd(pid), "")
        self.root = self.try_to("mount namespace", lambda: processes.root(pid), "")
        self.same_network = processes.same_network(pid)
        if not self.same_network:
            self.missing["network"] = (
                f"run pomhealth in the replica's network namespace (nsenter --target {pid} --net, "
                "or a container that shares it)"
            )

    def try_to(self, what: str, look: Callable[[], T], otherwise: T) -> T:
        """What `look` sees; where it may not look, what is lacking is noted under `what`."""
        try:
            return look()
        except Unobservable as unobservable:
            self.missing[what] = str(unobservable)
            return otherwise

    def reach(self, path: str) -> str:
        return paths.reach(path, cwd=self.cwd, root=self.root)

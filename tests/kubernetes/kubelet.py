"""What the kubelet does with a pod's probes and at its end, on this machine's processes.

After its code: pkg/probe/http (a probe), pkg/kubelet/lifecycle/handlers.go (a hook) and pkg/kubelet/kuberuntime:
killContainer, executePreStopHook and newTerminationOrdering (the end of a container, and of a pod).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PROGRAM = "/opt/pomhealth/bin/pomhealth"  # in the image
_LEAST = 2  # seconds that a container has to end, whatever its hooks took (minimumGracePeriodInSeconds)


def passes(probe: Mapping[str, Any], address: str) -> bool:
    """One try of a probe with httpGet: 200 to 399, within its time limit."""
    try:
        with urllib.request.urlopen(_url(probe, address), timeout=probe["timeoutSeconds"]) as answer:
            return bool(200 <= answer.status < 400)
    except (OSError, urllib.error.URLError):
        return False


@dataclass
class Container:
    """A container of the manifest: its process, and the hooks that run in it, which end with it."""

    spec: Mapping[str, Any]
    running: Callable[[], bool]
    send: Callable[[signal.Signals], None]
    environment: Mapping[str, str] = field(default_factory=dict)
    hooks: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(self.spec["name"])


class Pod:
    """Containers that end as those of one pod. `done` is all that happened, in order."""

    def __init__(self, spec: Mapping[str, Any], address: str, containers: Sequence[Container]) -> None:
        self._spec = spec
        self._address = address
        self._containers = containers
        self._ended = {one.name: threading.Event() for one in containers}
        self._sidecars = {one["name"] for one in spec.get("initContainers", ())}
        self.done: list[str] = []

    def delete(self) -> None:
        """The pod is deleted: returns when every container has ended."""
        grace = self._spec["terminationGracePeriodSeconds"]
        threads = [threading.Thread(target=self.end, args=(one, grace)) for one in self._containers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def fails(self, container: Container, probe: str) -> None:
        """The container's probe has failed for good: it alone is ended."""
        limit = container.spec[probe].get("terminationGracePeriodSeconds")
        self.end(container, limit or self._spec["terminationGracePeriodSeconds"], in_order=False)

    def end(self, container: Container, grace: float, *, in_order: bool = True) -> None:
        left = grace - self._pre_stop(container, grace)
        if in_order and container.name in self._sidecars:
            until = time.monotonic() + left
            for main in self._spec["containers"]:
                self._ended[main["name"]].wait(max(until - time.monotonic(), 0))
            left = until - time.monotonic()
        self._note(container, "SIGTERM")
        container.send(signal.SIGTERM)
        until = time.monotonic() + max(left, _LEAST)
        while container.running() and time.monotonic() < until:
            time.sleep(0.01)
        if container.running():
            self._note(container, "SIGKILL")
            container.send(signal.SIGKILL)
        self._note(container, "ended")
        for hook in container.hooks:
            hook.kill()
        self._ended[container.name].set()

    def _pre_stop(self, container: Container, grace: float) -> float:
        """Runs the hook until it returns or the time is over, whatever it gives; gives the seconds it took."""
        hook = container.spec.get("lifecycle", {}).get("preStop")
        if hook is None:
            return 0.0
        began = time.monotonic()
        self._note(container, "preStop")
        run = self._execute if "exec" in hook else self._get
        thread = threading.Thread(target=run, args=(hook, container), daemon=True)
        thread.start()
        thread.join(grace)
        self._note(container, "preStop cut off" if thread.is_alive() else "preStop over")
        return time.monotonic() - began

    def _execute(self, hook: Mapping[str, Any], container: Container) -> None:
        program, *arguments = hook["exec"]["command"]
        assert program == PROGRAM
        with subprocess.Popen(
            [sys.executable, "-m", "pomhealth", *arguments],
            env={**os.environ, **container.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as running:
            container.hooks.append(running)
            said, _ = running.communicate()
        self._note(container, f"exit {running.returncode}: {said.strip()}")

    def _get(self, hook: Mapping[str, Any], container: Container) -> None:
        """No time limit, and any answer is an answer: the kubelet does not look at its status."""
        try:
            with contextlib.suppress(urllib.error.HTTPError):
                urllib.request.urlopen(_url(hook, self._address)).close()  # no time limit, as the kubelet's
        except OSError as error:
            self._note(container, f"no answer: {error}")

    def _note(self, container: Container, what: str) -> None:
        self.done.append(f"{container.name}: {what}")


def _url(handler: Mapping[str, Any], address: str) -> str:
    """The agent of a test listens on a port of its own."""
    return f"http://{address}{handler['httpGet']['path']}"

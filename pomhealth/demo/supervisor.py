"""`pomhealth demo` in the foreground: starts the parts, takes requests to break and heal, leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

import psutil
import psycopg

from pomhealth.demo import binaries, control, words
from pomhealth.demo.control import Answer, Request
from pomhealth.demo.errors import DemoError
from pomhealth.demo.faults import ENDED_BY_POSTGRES, ENDED_BY_RESTART, FAULTS, Fault
from pomhealth.demo.ports import is_free
from pomhealth.demo.stage import Stage
from pomhealth.demo.state import State

_LOOK_EVERY = 0.5  # seconds between two looks at the children
_PARTS = ("replica", "postgres", "agent")
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class _Ended(BaseException):
    """A signal asks for the end; raised wherever the supervisor is, so that it never waits."""


class Supervisor:
    """One demo. `terminal` says whether a person watches: then it explains itself, else it prints one line.

    Raises DemoError where there are too few free ports for the agents of so many `replicas`.
    """

    def __init__(
        self, directory: Path, listen: str, *, terminal: bool, usual_ports: bool = True, replicas: int = 1
    ) -> None:
        self._state = State(directory)
        self._listen = listen
        self._terminal = terminal
        self._stage = Stage(directory, listen, usual_ports=usual_ports, replicas=replicas)
        self._broken: list[str] = []
        self._missed: set[str] = set()
        self._without: set[str] = set()  # of the companions' parts, those that are known to have ended

    def run(self) -> int:
        """Runs until SIGTERM, SIGINT or SIGHUP; 0. Raises DemoError when it cannot start."""
        binaries.envoy()
        binaries.postgres()
        before = {number: signal.signal(number, _end) for number in _ENDING}
        try:
            self._state.claim()
            self._check_listen()
            if self._terminal:
                self._say(words.starting(self._stage))
            self._stage.start()
            self._say(words.ready(self._stage) if self._terminal else words.ready_line(self._stage))
            self._serve()
        except _Ended:
            pass
        finally:
            for number in _ENDING:
                signal.signal(number, signal.SIG_IGN)
            try:
                self._stage.stop()
            finally:
                self._state.release()
            for number, handler in before.items():
                signal.signal(number, handler)
        return 0

    def _check_listen(self) -> None:
        host, _, port = self._listen.rpartition(":")
        if not is_free(int(port), host.strip("[]")):
            raise DemoError(
                f"{self._listen}, where the agent is to listen, is taken; choose another with --listen"
            )

    def _serve(self) -> None:
        with control.listen(self._state.control) as listening, selectors.DefaultSelector() as selector:
            selector.register(listening, selectors.EVENT_READ)
            while True:
                if selector.select(_LOOK_EVERY):
                    connection, _ = listening.accept()
                    with connection:
                        request = control.receive(connection)
                        if request is not None:
                            control.reply(connection, self._answer(request))
                self._notice_ends()

    def _answer(self, request: Request) -> Answer:
        try:
            if request.verb == "break":
                return Answer(self._break(request.name))
            return Answer(self._heal(request.name))
        except (DemoError, OSError, psutil.Error, psycopg.Error) as error:
            return Answer(f"{request.verb} {request.name}: {error}", failed=True)

    def _break(self, name: str) -> str:
        if name in self._broken:
            raise DemoError(f"{name} stands already; undo it with: pomhealth demo --heal {name}")
        fault = FAULTS[name]
        rejected = next((standing for standing in self._broken if FAULTS[standing].rejected), None)
        if fault.file and rejected is not None:
            raise DemoError(
                f"the replica would not read another change while {rejected} stands; "
                f"undo that first with: pomhealth demo --heal {rejected}"
            )
        if fault.root and os.geteuid() != 0:
            raise DemoError("only root can make it; run the demo as root for that")
        done = self._make(fault)
        self._broken.append(name)
        self._tell(f"break {name}: {done}")
        return words.broken(fault, done, self._listen)

    def _make(self, fault: Fault) -> str:
        """Makes a fault; what was prepared for one that cannot be made is undone."""
        try:
            return fault.begin(self._stage)
        except Exception:
            if fault.prepare is not None:
                with contextlib.suppress(DemoError, OSError, psutil.Error, psycopg.Error):
                    fault.end(self._stage)
            raise

    def _heal(self, name: str) -> str:
        parts = {"replica": self._heal_replica, "postgres": self._heal_postgres, "agent": self._heal_agent}
        if name in parts:
            done = [parts[name]()]
        elif name == "all":
            done = self._heal_all(parts)
        elif name in self._broken:
            done = [self._undo(name)]
        else:
            return f"{name} does not stand; nothing to heal"
        for line in done:
            self._tell(f"heal {name}: {line}")
        return "\n".join(done) or "nothing is broken"

    def _heal_all(self, parts: Mapping[str, Callable[[], str]]) -> list[str]:
        """Undoes what stands, files first and processes last, then starts what does not run.

        PostgreSQL comes before all, if it was stopped: other faults are undone by asking it.
        """
        stopped = any(name in ENDED_BY_POSTGRES for name in self._broken)
        done = [self._heal_postgres()] if stopped else []
        done += [self._undo(name) for name in reversed(FAULTS) if name in self._broken]
        done += [heal() for part, heal in parts.items() if not self._runs(part)]
        return done + self._stage.companions.heal()

    def _undo(self, name: str) -> str:
        done = FAULTS[name].end(self._stage)
        self._broken.remove(name)
        return done

    def _heal_replica(self) -> str:
        self._stage.replica.restart()
        self._broken = [name for name in self._broken if name not in ENDED_BY_RESTART]
        return f"started the replica again (pid {self._stage.replica.pid})"

    def _heal_postgres(self) -> str:
        self._stage.postgres.resume()
        self._stage.postgres.start()
        self._broken = [name for name in self._broken if name not in ENDED_BY_POSTGRES]
        return f"PostgreSQL runs (port {self._stage.postgres.port})"

    def _heal_agent(self) -> str:
        self._stage.stop_agent()
        self._stage.start_agent()
        return f"started the agent again (pid {self._stage.agent_pid})"

    def _runs(self, part: str) -> bool:
        runs = {
            "replica": self._stage.replica.running,
            "postgres": self._stage.postgres.running,
            "agent": self._stage.agent_runs,
        }
        return runs[part]()

    def _notice_ends(self) -> None:
        """Says once of each part that it ended, and how to start it again."""
        for part in _PARTS:
            if self._runs(part):
                self._missed.discard(part)
            elif part not in self._missed:
                self._missed.add(part)
                if not self._meant(part):
                    self._tell(f"the {part} has ended; start it again with: pomhealth demo --heal {part}")

        ended = self._stage.companions.ended()
        for part in ended:
            if part not in self._without:
                self._tell(f"the {part} has ended; start it again with: pomhealth demo --heal all")
        self._without = set(ended)

    def _meant(self, part: str) -> bool:
        """True when a fault that stands has ended this part."""
        return any(FAULTS[name].ends == part for name in self._broken)

    def _say(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def _tell(self, text: str) -> None:
        """A notice while it runs: beside the one line on standard output where nobody watches."""
        stream = sys.stdout if self._terminal else sys.stderr
        stream.write(f"{text}\n")
        stream.flush()


def _end(_number: int, _frame: FrameType | None) -> None:
    raise _Ended

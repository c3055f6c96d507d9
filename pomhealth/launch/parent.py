"""The first process: starts the command and the agent, waits for signals, passes them on, buries what has ended.

All signals are blocked and waited for in one place, so none comes between two steps, and none is lost to the rule that
the kernel drops what the first process of a container has no handler for (pid_namespaces(7)). Run as a program, isolated
from its surroundings, by `pomhealth.launch.start`.
"""

import _signal  # type: ignore[import-not-found]  # below `signal`, which imports enum
import os
from errno import ENOENT, ENOTDIR
from time import gmtime, monotonic, strftime, time

from pomhealth.launch.conduct import Conduct

NOT_FOUND, NOT_STARTED = 127, 126  # as shells say it
DRAIN = "POMHEALTH_DRAIN_ON_STOP"

_SYNCHRONOUS = ("SEGV", "BUS", "FPE", "ILL", "TRAP", "SYS", "ABRT")  # faults of this process itself
_OF_TERMINALS = ("TSTP", "TTIN", "TTOU", "CONT")  # job control works as it does for any program
_LEFT = {getattr(_signal, f"SIG{name}") for name in (*_SYNCHRONOUS, *_OF_TERMINALS, "KILL", "STOP", "PIPE")}
_WAITED = _signal.valid_signals() - _LEFT
_IGNORED_BY_PYTHON = (_signal.SIGPIPE, _signal.SIGXFSZ)


def hold_signals() -> None:
    """From now on signals wait until they are asked for, here and in the program that this process turns into."""
    _signal.pthread_sigmask(_signal.SIG_BLOCK, _WAITED)


def main(words: list[str]) -> int:
    """Runs until the command has ended; gives its exit status, 128 and the signal's number where a signal ended it.

    `words`: the drain's limit in seconds; "json" or "text", the form of the log; "drain" or "", whether the agent is to
    drain; the number of words of the agent's command line; these words; the command's words.
    """
    limit, form, drain, count, *lines = words
    agent, command = lines[: int(count)], lines[int(count) :]
    hold_signals()
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)  # ignored, no child could be waited for
    parent = Parent(agent, drain=bool(drain), as_json=form == "json")
    try:
        parent.start_command(command)
    except OSError as error:
        why = "no such program" if error.errno in (ENOENT, ENOTDIR) else os.strerror(error.errno or 0)
        os.write(2, f"pomhealth run: {command[0]}: {why}; what stands after -- is run as it is\n".encode())
        return NOT_FOUND if error.errno in (ENOENT, ENOTDIR) else NOT_STARTED
    return parent.run(Conduct(parent, float(limit)))


class Parent:
    """The two children, and the hands of `Conduct`."""

    __slots__ = ("_agent", "_agent_words", "_as_json", "_command", "_drain", "_unstarted")

    def __init__(self, agent: list[str], *, drain: bool, as_json: bool) -> None:
        self._agent_words = agent
        self._drain = drain
        self._as_json = as_json
        self._agent = 0
        self._command = 0
        self._unstarted = False

    def start_command(self, words: list[str]) -> None:
        """Starts the command with this process's environment and descriptors. Raises OSError."""
        self._command = os.posix_spawnp(
            words[0], words, os.environ, setsigmask=(), setsigdef=_IGNORED_BY_PYTHON
        )

    def run(self, conduct: Conduct) -> int:
        conduct.begin(monotonic())
        while conduct.status is None:
            if self._unstarted:
                self._unstarted = False
                conduct.agent_ended(NOT_STARTED, monotonic())
            left = conduct.left(monotonic())
            came = _signal.sigwaitinfo(_WAITED) if left is None else _signal.sigtimedwait(_WAITED, left)
            if came is not None and came.si_signo == _signal.SIGCHLD:
                self._bury(conduct)
            elif came is not None:
                conduct.signal(came.si_signo, monotonic())
            conduct.pass_time(monotonic())
        return conduct.status

    def to_agent(self, number: int) -> None:
        self._send(self._agent, number)

    def to_command(self, number: int) -> None:
        self._send(self._command, number)

    def start_agent(self) -> None:
        """In a process group of its own: a terminal's ^C is for the command, and the agent's end is decided here."""
        environment = dict(os.environ)
        if self._drain:
            environment[DRAIN] = "true"
        try:
            self._agent = os.posix_spawn(
                self._agent_words[0],
                self._agent_words,
                environment,
                file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)],
                setpgroup=0,
                setsigmask=(),
                setsigdef=_IGNORED_BY_PYTHON,
            )
        except OSError:
            self._unstarted = True

    def say(self, level: str, event: str, **values: float) -> None:
        """One line in the form of the agent's log."""
        now = time()
        stamp = f"{strftime('%Y-%m-%dT%H:%M:%S', gmtime(now))}.{int(now % 1 * 1e6):06d}Z"
        if self._as_json:
            more = "".join(f'"{name}": {value:g}, ' for name, value in values.items())
            line = f'{{{more}"event": "{event}", "level": "{level}", "timestamp": "{stamp}"}}\n'
        else:
            line = " ".join(
                [stamp, f"[{level}]", event, *(f"{name}={value:g}" for name, value in values.items())]
            )
            line += "\n"
        try:
            os.write(2, line.encode())
        except OSError:
            return  # nobody reads it

    def _bury(self, conduct: Conduct) -> None:
        """Takes the exit status of every child that has ended; in a container orphans are this process's children too."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._agent:
                self._agent = 0
                conduct.agent_ended(_as_shells_say(status), monotonic())
            elif pid == self._command:
                self._command = 0
                conduct.command_ended(_as_shells_say(status), monotonic())

    def _send(self, pid: int, number: int) -> None:
        if pid:
            try:
                os.kill(pid, number)
            except OSError:  # the command has become another user's
                self.say("error", "a signal could not be passed on", signal=number)


def _as_shells_say(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code

"""What the first process does about each thing that happens. No I/O here: that is done by the hands passed in.

- SIGTERM, SIGINT: the agent is told to stop, which drains; when it has ended, or has had its time, the command gets
  SIGTERM. The second one passes it on at once.
- SIGHUP goes to both, since both read their configuration again; every other signal to the command alone.
- The command ends: the agent is stopped at once, and everything ends with the command's status.
- The agent ends: the command goes on, and the agent is started again, with growing pauses.
"""

import _signal  # type: ignore[import-not-found]  # below `signal`, which imports enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Hands(Protocol):
        """What can be done. `to_agent` and `to_command` send a signal, and are only asked while there is one."""

        def to_agent(self, number: int) -> None: ...
        def to_command(self, number: int) -> None: ...
        def start_agent(self) -> None: ...
        def say(self, level: str, event: str, **values: float) -> None: ...


MARGIN = 5.0  # seconds beyond the drain's own limit: after them an agent that has not ended hangs
CLOSING = 3.0  # seconds that the agent has to close once the command has ended
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds before the agent is started again
STEADY = 60.0  # seconds after which an agent that ends counts as one that had been well

_RUNNING, _DRAINING, _ENDING, _CLOSING = range(4)


class Conduct:
    """One run. Times are monotonic seconds. `status` is the exit status once everything is over, None before."""

    __slots__ = (
        "_agent",
        "_ended_with",
        "_hands",
        "_limit",
        "_pause",
        "_stage",
        "_started",
        "_until",
        "status",
    )

    def __init__(self, hands: "Hands", limit: float) -> None:
        """`limit` is how many seconds a drain may take."""
        self.status: int | None = None
        self._hands = hands
        self._limit = limit
        self._stage = _RUNNING
        self._agent = False
        self._started = 0.0
        self._pause = FIRST_PAUSE
        self._until: float | None = None
        self._ended_with = 0

    def begin(self, now: float) -> None:
        """The command has been started; the agent is to be."""
        self._start(now)

    def left(self, now: float) -> float | None:
        """The seconds until `pass_time` has something to do; None when only an event can come."""
        return None if self._until is None else max(self._until - now, 0.0)

    def signal(self, number: int, now: float) -> None:
        """A signal came."""
        if self._stage == _CLOSING:
            return
        if number in (_signal.SIGTERM, _signal.SIGINT):
            self._stop(now)
            return
        self._hands.to_command(number)
        if number == _signal.SIGHUP and self._agent:
            self._hands.to_agent(number)

    def command_ended(self, status: int, now: float) -> None:
        """The command has ended with this exit status, as a shell counts it."""
        self._stage, self._ended_with, self._until = _CLOSING, status, None
        self._hands.say("info", "the command ended", status=status)
        if not self._agent:
            self.status = status
            return
        self._hands.to_agent(_signal.SIGINT)  # stops without a drain: there is nothing left to drain
        self._until = now + CLOSING

    def agent_ended(self, status: int, now: float) -> None:
        """The agent has ended, or could not be started."""
        self._agent = False
        if self._stage == _CLOSING:
            self.status = self._ended_with
        elif self._stage == _DRAINING:
            self._end()
        elif self._stage == _RUNNING:
            if now - self._started >= STEADY:
                self._pause = FIRST_PAUSE
            self._hands.say(
                "warning", "the agent ended and is started again", status=status, pause_seconds=self._pause
            )
            self._until = now + self._pause
            self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def pass_time(self, now: float) -> None:
        """Does what is due."""
        if self._until is None or now < self._until:
            return
        self._until = None
        if self._stage == _RUNNING:
            self._start(now)
        elif self._stage == _DRAINING:
            self._hands.say("error", "the agent does not end; the command is stopped without it")
            self._end()
        elif self._stage == _CLOSING:
            self._hands.to_agent(_signal.SIGKILL)
            self.status = self._ended_with

    def _start(self, now: float) -> None:
        self._agent, self._started = True, now
        self._hands.start_agent()

    def _stop(self, now: float) -> None:
        if self._agent and self._stage != _ENDING:
            self._hands.to_agent(_signal.SIGTERM)  # a second one ends the agent at once
        if self._agent and self._stage == _RUNNING:
            self._hands.say("info", "stopping: the agent first", limit_seconds=self._limit)
            self._stage, self._until = _DRAINING, now + self._limit + MARGIN
        else:
            self._end()

    def _end(self) -> None:
        self._stage, self._until = _ENDING, None
        self._hands.to_command(_signal.SIGTERM)

"""What a supervisor hands to the process that it starts, in its environment (sd_notify(3), sd_listen_fds(3))."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass

_NOTIFY = "NOTIFY_SOCKET"
_WATCHDOG = ("WATCHDOG_USEC", "WATCHDOG_PID")
_LISTEN = ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID")
_FIRST = 3  # SD_LISTEN_FDS_START
_MOST = 64  # sockets: more are no agent's
_LONGEST = 18  # digits of a number


@dataclass(frozen=True, slots=True)
class Handed:
    """What was handed to this process; all of it empty without a supervisor that speaks this protocol.

    `notify` is the address of its socket for notifications ("/path" or "@abstract"), `watchdog` the seconds after which
    it ends a process that is silent, 0 where it does not. `sockets` are the descriptors of open sockets, each with the
    name of the unit that opened it, "" where that is not told.
    """

    notify: str = ""
    watchdog: float = 0.0
    sockets: tuple[tuple[int, str], ...] = ()


NOTHING = Handed()


def take(environ: MutableMapping[str, str], pid: int) -> Handed:
    """Reads what was handed to the process `pid`, and takes it out of the environment: it is for no child.

    What names another process is not ours: it was meant for one that started us, and left its variables behind.
    """
    said = {name: environ.pop(name, "") for name in (_NOTIFY, *_WATCHDOG, *_LISTEN)}
    ours = said["WATCHDOG_PID"] in ("", str(pid))
    return Handed(
        notify=said[_NOTIFY],
        watchdog=_whole(said["WATCHDOG_USEC"]) / 1e6 if ours else 0.0,
        sockets=_sockets(said) if said["LISTEN_PID"] == str(pid) else (),
    )


def _sockets(said: MutableMapping[str, str]) -> tuple[tuple[int, str], ...]:
    names = said["LISTEN_FDNAMES"].split(":")
    return tuple(
        (_FIRST + place, names[place] if place < len(names) else "")
        for place in range(min(_whole(said["LISTEN_FDS"]), _MOST))
    )


def _whole(text: str) -> int:
    """A number as systemd writes it; 0 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST else 0

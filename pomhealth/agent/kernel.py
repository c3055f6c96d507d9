"""All that the kernel tells of one replica at once: a process that ends, a file, a mount or a place to save that changes."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable

from pomhealth.agent.inotify import Directories
from pomhealth.agent.mounts import Mounts
from pomhealth.agent.pidfds import Pidfds
from pomhealth.agent.stores import stores
from pomhealth.replica.model import Process, Replica
from pomhealth.touch import may_hang, touching

_TOGETHER = 0.02  # seconds: what changes a place to save changes it in several steps


class Kernel:
    """Tells of the replica that it was given last.

    `ended` is called with a process that has ended; `files` when one of the files on which the configuration rests,
    or a way to one, may have changed; `places` when a directory to which the replica saves may have.
    """

    def __init__(
        self, *, ended: Callable[[Process], None], files: Callable[[], None], places: Callable[[], None]
    ) -> None:
        self._files = files
        self._places = places
        self._pidfds = Pidfds(ended)
        self._directories = Directories(files)
        self._stores = Directories(self._at_places)
        self._mounts = Mounts(self._mounted)
        self._soon: asyncio.TimerHandle | None = None
        self._felt: frozenset[str] = frozenset()

    @property
    def whole(self) -> bool:
        """Whether it tells of every process that ends and every file that changes."""
        return self._pidfds.whole and self._directories.whole

    @property
    def tells_of_files(self) -> bool:
        """Whether it tells of every file that changes: of what a server changes on a network mount it does not."""
        return self._directories.whole and not self._felt

    def open(self) -> None:
        """Begins to listen, in the running event loop."""
        self._directories.open()
        self._stores.open()

    def look(self, replica: Replica) -> None:
        """From now on it tells of this replica's files and places. May block where a file system hangs."""
        files, places = _directories(replica), stores(replica)
        self._felt = may_hang({*files, *places})
        self._directories.watch(files)
        self._stores.watch(places)

    def renew(self) -> frozenset[str]:
        """The directories in which a file may have changed since this was asked last. May block as `look` does.

        What the kernel has not given yet, or has taken away, it is asked for anew.
        """
        self._directories.renew()
        self._stores.renew()
        return self._directories.take()

    @property
    def may_hang(self) -> bool:
        """Whether one of the replica's directories is on a network mount or the like."""
        return bool(self._felt)

    def feel(self) -> None:
        """Looks whether the directories answer, whatever they say: of one that hangs the kernel does not tell. May block."""
        for place in self._felt:
            with contextlib.suppress(OSError), touching(place):
                os.stat(place)  # noqa: PTH116  (there may be many)

    def follow(self, replica: Replica | None) -> None:
        """From now on it tells of this replica's processes and mounts, of no process with None."""
        main = replica.main if replica else None
        envoys = replica.envoys if replica else ()
        self._pidfds.watch([*envoys, *((main,) if main else ())])
        self._mounts.watch(main.pid if main else None)

    def close(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
        self._pidfds.close()
        self._directories.close()
        self._stores.close()
        self._mounts.close()

    def _mounted(self) -> None:
        self._files()
        self._at_places()

    def _at_places(self) -> None:
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(_TOGETHER, self._tell)

    def _tell(self) -> None:
        self._soon = None
        self._stores.take()
        self._places()


def _directories(replica: Replica) -> frozenset[str]:
    """Where the replica's files stand, and the links that lead to them (as in a Kubernetes volume)."""
    return frozenset(os.path.dirname(path) or "." for path in replica.stamps)  # noqa: PTH120  (paths are strings here)

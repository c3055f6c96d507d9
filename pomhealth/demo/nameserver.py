"""A name server of the demo's own, and a view of the file system in which it is the only one."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import threading
from pathlib import Path

from pomhealth.demo.children import end, spawn
from pomhealth.demo.errors import DemoError

_ADDRESS = "127.0.9.53"  # of this machine like all of 127/8, and nobody's
_PORT = 53
_ENTER = (
    'mount --bind "$0" /etc/resolv.conf && '
    'if [ -e /etc/nsswitch.conf ]; then mount --bind "$1" /etc/nsswitch.conf; fi && '
    "echo ready && exec sleep infinity"
)
_A = 1
_RESPONSE, _NO_SUCH_NAME = 0x8180, 0x8183


class NameServer:
    """Knows one name, which is 127.0.0.1, until `close`. While `silent` it swallows what it is asked.

    Raises DemoError where its port cannot be had.
    """

    def __init__(self, name: str) -> None:
        self.silent = False
        self._name = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((_ADDRESS, _PORT))
        except OSError as error:
            self._socket.close()
            raise DemoError(
                f"no name server can be started on {_ADDRESS}:{_PORT}: {error.strerror}"
            ) from error
        threading.Thread(target=self._serve, name="name server", daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(
                socket.SHUT_RDWR
            )  # wakes the thread, though it says that nobody is connected
        self._socket.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                query, client = self._socket.recvfrom(4096)
                if not query:
                    return
                if not self.silent and len(query) > 12:
                    self._socket.sendto(self._answer(query), client)

    def _answer(self, query: bytes) -> bytes:
        end = query.index(b"\0", 12) + 5
        question = query[12:end]
        (kind,) = struct.unpack("!H", question[-4:-2])
        known = question[:-4].lower() == self._name
        found = known and kind == _A
        record = struct.pack("!HHHIH", 0xC00C, _A, 1, 0, 4) + socket.inet_aton("127.0.0.1") if found else b""
        flags = _RESPONSE if known else _NO_SUCH_NAME
        return query[:2] + struct.pack("!HHHHH", flags, 1, int(found), 0, 0) + question + record


class View:
    """A mount namespace in which /etc/resolv.conf names our server alone; this machine's own is not touched.

    `descriptor` is what enters it. It ends with `close` and the last process in it. Root only; raises DemoError.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        resolv, switch = directory / "resolv.conf", directory / "nsswitch.conf"
        resolv.write_text(f"nameserver {_ADDRESS}\n")
        switch.write_text("passwd: files\ngroup: files\nhosts: files dns\n")
        self._holder = spawn(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER, str(resolv), str(switch)],
            cwd=directory,
            output=subprocess.PIPE,
            errors=subprocess.DEVNULL,
        )
        if self._holder.stdout is None or self._holder.stdout.readline() != b"ready\n":
            self._end()
            raise DemoError("a file system of one's own cannot be made here: that needs CAP_SYS_ADMIN")
        self.descriptor = os.open(f"/proc/{self._holder.pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        os.close(self.descriptor)
        self._end()

    def _end(self) -> None:
        end(self._holder)
        if self._holder.stdout is not None:
            self._holder.stdout.close()

"""What a demo that was killed left behind: found by its state directory, and removed."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
from pathlib import Path

import psutil

from pomhealth.demo import mounts

_IPC_RMID = 0
_LIBC = ctypes.CDLL(None, use_errno=True)


def sweep(directory: Path) -> None:
    """Ends every process that works inside `directory`, frees their shared memory, unmounts, and removes it all."""
    ours = [process for process in psutil.process_iter() if _works_in(process, directory)]
    for process in ours:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(ours, timeout=5.0)
    for path in directory.glob("**/pomerium-envoy-base-id"):
        free_envoy_memory(path)
    for path in directory.glob("**/postmaster.pid"):
        free_postgres_memory(path)
    mounts.unmount_below(directory)
    shutil.rmtree(directory, ignore_errors=True)


def free_envoy_memory(base_id_path: Path) -> None:
    """Removes the hot-restart memory that Envoy leaves behind when it ends; the file holds its base id."""
    with contextlib.suppress(OSError, ValueError):
        base_id = int(base_id_path.read_text())
        Path(f"/dev/shm/envoy_shared_memory_{base_id * 10}").unlink()


def free_postgres_memory(postmaster_pid: Path) -> None:
    """Removes the shared memory segment of a PostgreSQL server that was killed; its seventh line names it."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        segment = int(postmaster_pid.read_text().splitlines()[6].split()[1])
        _LIBC.shmctl(segment, _IPC_RMID, None)


def _works_in(process: psutil.Process, directory: Path) -> bool:
    try:
        return process.pid != os.getpid() and Path(process.cwd()).is_relative_to(directory)
    except psutil.Error:
        return False

"""Faults of the cache directory: its disk is full, or it belongs to somebody else."""

from __future__ import annotations

import os
from pathlib import Path

from pomhealth.demo import mounts
from pomhealth.demo.faults.fault import Fault
from pomhealth.demo.stage import Stage

_DISK = "4m"
_OTHER = 65534  # nobody, by custom
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2  # by which root goes over owners and modes


def _small_disk(stage: Stage) -> None:
    cache = stage.replica.cache_dir
    if not mounts.is_mount(cache):
        mounts.move_to_small_disk(cache, _DISK)


def _fill(stage: Stage) -> str:
    mounts.fill(stage.replica.cache_dir / "ballast")
    return f"filled the file system of {stage.replica.cache_dir} ({_DISK}) to the last block"


def _own_disk(stage: Stage) -> str:
    mounts.make_writable(stage.replica.cache_dir)
    return f"took the small file system off {stage.replica.cache_dir}"


def _bind_by_modes(stage: Stage) -> None:
    """Owners and modes mean nothing to root with all its capabilities: a hardened unit takes these."""
    stage.replica.without = (_DAC_OVERRIDE, _DAC_READ_SEARCH)
    stage.replica.restart()


def _give_away(stage: Stage) -> str:
    cache = stage.replica.cache_dir
    _chown(cache, _OTHER)
    return f"gave {cache} to uid {_OTHER}; the replica was restarted without CAP_DAC_OVERRIDE, as a hardened unit runs"


def _take_back(stage: Stage) -> str:
    cache = stage.replica.cache_dir
    _chown(cache, os.geteuid())
    return f"gave {cache} back to uid {os.geteuid()}"


def _free_of_modes(stage: Stage) -> None:
    if stage.replica.without:
        stage.replica.without = ()
        stage.replica.restart()


def _chown(directory: Path, uid: int) -> None:
    for path in (directory, *directory.rglob("*")):
        os.chown(path, uid, uid)


FAULTS = (
    Fault(
        "cache-full",
        "the cache directory's disk is full",
        "zero.bootstrap-config.save",
        "disk-full",
        False,
        _fill,
        _own_disk,
        prepare=_small_disk,
        seen="look",
        root=True,
    ),
    Fault(
        "cache-other-owner",
        "the cache directory belongs to another user",
        "zero.bootstrap-config.save",
        "wrong-owner",
        False,
        _give_away,
        _take_back,
        prepare=_bind_by_modes,
        seen="look",
        root=True,
        tidy=_free_of_modes,
    ),
)

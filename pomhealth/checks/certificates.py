"""The replica's certificates as they stand on disk and as Envoy has them loaded, shared by the checks that judge them."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, replace

from pomhealth.certs import reading, served, sources
from pomhealth.certs.model import Certificate, Pair
from pomhealth.certs.served import CERTS
from pomhealth.checks.context import Context
from pomhealth.checks.kept import Kept, asked_or_kept
from pomhealth.checks.xds import LISTENERS, ask_json
from pomhealth.replica.model import Replica
from pomhealth.replica.paths import resolve
from pomhealth.replica.routes import hosts
from pomhealth.status import Unobservable
from pomhealth.storage.access import credentials

_DEADLINE = 4.0  # seconds, for a thousand files on a slow disk
_THEN = "certificates on disk when Envoy was asked"
_FRESH = 0.2  # seconds for which one reading serves both checks


@dataclass(frozen=True, slots=True)
class OnDisk:
    """The pairs that the configuration asks for; `unread` tells why what autocert obtained cannot be read here."""

    pairs: tuple[Pair, ...] = ()
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What Envoy has loaded; None where it cannot be asked, and `why`. `seconds` is what it cost its main thread."""

    certificates: tuple[Certificate, ...] | None
    why: str = ""
    seconds: float = 0.0


def options_known(replica: Replica) -> bool:
    return not replica.options.zero and "options" not in replica.missing


async def on_disk(context: Context) -> OnDisk:
    """Every pair of the configuration, read again where a file changed. Raises Silent."""
    if not options_known(context.replica):
        return OnDisk()

    async def read() -> tuple[Replica, OnDisk]:
        disk = await context.workers.call("certificates", lambda: _read(context.replica), deadline=_DEADLINE)
        return context.replica, disk

    (replica, disk), _ = await context.notes.shared("certificates on disk", read, fresh=_FRESH)
    if replica is not context.replica:  # from before the files changed
        _, disk = await read()
    return disk


async def loaded(context: Context, disk: OnDisk) -> Loaded:
    """What Envoy presents to users, or presented when it was asked last. Raises nothing.

    An answer from before the files changed says nothing of what they hold now.
    """
    known = frozenset(pair.leaf.serial for pair in disk.pairs if pair.leaf is not None)
    then = context.notes.recall(_THEN)

    async def ask() -> Kept[tuple[Certificate, ...]]:
        return await asked_or_kept(
            context, CERTS, lambda: _loaded(context, known), every=0.0, watching=True, urgent=then != known
        )

    try:
        kept, _ = await context.notes.shared("certificates loaded", ask, fresh=_FRESH)
    except Unobservable as error:
        return Loaded(None, str(error))
    if kept.cost:
        context.notes.keep(_THEN, known)
    elif then != known:
        return Loaded(
            None, "Envoy was not asked again since the files changed: its main thread has enough to do"
        )
    return Loaded(kept.answer, seconds=kept.cost)


async def _loaded(context: Context, known: Collection[str]) -> tuple[tuple[Certificate, ...], float]:
    """What Envoy presents, and the seconds it took. Raises Unobservable.

    Its listeners are asked only where it has loaded something that is not on disk: that may be an old one.
    """
    answer, seconds = await ask_json(context, CERTS)
    try:
        found = served.listed(answer)
    except ValueError as error:
        raise Unobservable(f"Envoy's {CERTS}", str(error)) from None
    if all(one.serial in known for one in found):
        return found, seconds
    files = None
    try:
        dump, more = await ask_json(context, LISTENERS)
        files, seconds = served.presented_files(dump), seconds + more
    except Unobservable:
        pass  # then what is replaced is told by names and dates
    return served.current(found, files), seconds


def _read(replica: Replica) -> OnDisk:
    options = replica.options
    eyes = reading.Eyes(
        reach=lambda path: resolve(replica, path),
        who=credentials(replica.main) if replica.main else None,
        sure=lambda path: _sure(replica, path),
    )
    asked = list(sources.asked_for(options, whole="environment" not in replica.missing))
    unread = ""
    directory = sources.autocert_directory(options, replica.data_dir, replica.release)
    if directory is not None and sources.in_bucket(str(directory.value)):
        unread = "autocert keeps its certificates in a bucket"
    elif directory is not None:
        names = (host.name for host in hosts(options))
        try:
            asked += reading.autocert(options, str(directory.value), names, eyes.reach)
        except PermissionError as error:
            unread = f"this user may not read {os.fsdecode(error.filename or str(directory.value))}"
    return OnDisk(tuple(reading.read(replace(source, base=replica.cwd), eyes) for source in asked), unread)


def _sure(replica: Replica, path: str) -> bool:
    """Whether what is not found here is not there for the replica either.

    Not where its mount namespace may be another that cannot be entered, or its working directory is not known.
    """
    if replica.main is None:
        return replica.offline
    lacking = replica.missing.keys()
    return "mount namespace" not in lacking and (path.startswith("/") or "working directory" not in lacking)

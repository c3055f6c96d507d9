"""Can the replica write its cache files?

In Zero mode its configuration (bootstrap.dat), without which it cannot start while the cloud is out of reach; in every
mode the certificates for Envoy. A look every few seconds is a glance; the write is tried when something has changed,
while it fails, and now and then.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from pomhealth.checks.context import Context
from pomhealth.reach import Silent
from pomhealth.replica.model import Replica
from pomhealth.replica.paths import resolve
from pomhealth.status import Evidence, Finding, Unobservable, failed, passed, unseen
from pomhealth.storage import access
from pomhealth.storage import places as saving
from pomhealth.storage.access import Credentials
from pomhealth.storage.places import Facts, Place, Ruling
from pomhealth.touch import SAYS, touching

ID = "zero.bootstrap-config.save"

_DEADLINE = 1.5  # seconds
_AGAIN = 600.0  # seconds between two writes while nothing changes
_WRITEBACK = "BOOTSTRAP_CONFIG_WRITEBACK_URI"


@dataclass(frozen=True, slots=True)
class _Tried:
    at: float
    facts: tuple[Facts, ...]
    rulings: tuple[Ruling, ...]


async def look(context: Context) -> Finding:
    replica = context.replica
    main = context.main
    before: _Tried | None = context.notes.recall(ID)

    if replica.cache_dir is None:
        lack = replica.missing.get("environment", "")
        raise Unobservable("where the replica keeps its cache is not known", lack)

    def see() -> _Tried:
        found = places(replica)
        for place in found:
            with touching(place.here):  # fails at once where it is known to hang
                pass
        return _see(found, access.credentials(main), before)

    try:
        tried = await context.workers.call("cache files", see, deadline=_DEADLINE)
    except (Silent, TimeoutError):
        where = str(replica.cache_dir.value)
        return failed(
            "not-writable",
            f"the file system of {where} does not answer",
            Evidence(where, SAYS, "a write"),
            steps=(f"See what it is mounted from: `findmnt -T {where}`, and have that answer again.",),
            silent=True,
        )
    context.notes.keep(ID, tried)
    bad = next((ruling for ruling in tried.rulings if ruling.cause), None)
    who = access.credentials(main)
    if bad:
        return _bad(bad, who)
    elsewhere = replica.environment.get(_WRITEBACK, "") if replica.bootstrap_file else ""
    if elsewhere and not _is_file(elsewhere):
        return unseen(
            f"the replica saves its configuration to {elsewhere}, and only its own report tells whether it can",
            *_good(tried.rulings, who).evidence,
        )
    return _good(tried.rulings, who)


def places(replica: Replica) -> tuple[Place, ...]:
    """What the replica saves. Looks at links, so it may block. Raises Unobservable where the replica's directories are not known."""
    if replica.cache_dir is None:
        lack = replica.missing.get("environment", "")
        raise Unobservable("where the replica keeps its cache is not known", lack)
    whole = str(replica.cache_dir.value)
    files = f"{whole}/envoy/files"
    saved = _saved(replica)
    if saved is None:
        first = Place(whole, resolve(replica, whole), replica.cache_dir.origin)
    else:
        first = Place(saved[0], resolve(replica, saved[0]), saved[1], file=True)
    return first, Place(files, resolve(replica, files), replica.cache_dir.origin)


def _saved(replica: Replica) -> tuple[str, str] | None:
    """The file to which Zero mode saves, and what says so; None where it saves to none."""
    if replica.bootstrap_file is None:
        return None
    uri = replica.environment.get(_WRITEBACK, "")
    if _is_file(uri):
        return urlsplit(uri).path, f"environment {_WRITEBACK}"
    return None if uri else (str(replica.bootstrap_file.value), replica.bootstrap_file.origin)


def _is_file(uri: str) -> bool:
    return urlsplit(uri).scheme == "file"


def _see(found: tuple[Place, ...], who: Credentials, before: _Tried | None) -> _Tried:
    """Blocking. Writes only where the glance says that it is worth it."""
    facts = tuple(saving.glance(place) for place in found)
    now = time.monotonic()
    same = (
        before is not None and before.facts == facts and tuple(one.place for one in before.rulings) == found
    )
    if (
        before is not None
        and same
        and now - before.at < _AGAIN
        and not any(one.cause for one in before.rulings)
    ):
        return before
    rulings = tuple(saving.rule(place, seen, who) for place, seen in zip(found, facts, strict=True))
    return _Tried(now, tuple(saving.glance(place) for place in found), rulings)


def _good(rulings: tuple[Ruling, ...], who: Credentials) -> Finding:
    how = (
        "tried"
        if all(one.tried for one in rulings)
        else "worked out from owner, mode, mount and room, not tried"
    )
    evidence = (Evidence(one.place.path, one.observed, f"writable by uid {who.uid}") for one in rulings)
    where = " and ".join(one.place.path for one in rulings)
    return passed(f"the replica's user (uid {who.uid}) can write {where} ({how})", *evidence)


def _bad(ruling: Ruling, who: Credentials) -> Finding:
    place, facts = ruling.place, ruling.facts
    how = "tried" if ruling.tried else "worked out, not tried"
    owner = (
        f"; {facts.target} belongs to uid {facts.uid}, gid {facts.gid}, mode {facts.mode:04o}"
        if facts.there
        else ""
    )
    return failed(
        ruling.cause,
        f"the replica's user (uid {who.uid}) cannot {_needs(place)} {place.path}: {ruling.observed}{owner} ({how})",
        Evidence(f"{place.path} ({place.origin})", ruling.observed, f"writable by uid {who.uid}"),
        steps=_steps(ruling, who),
        names=(("DIRECTORY", _directory(ruling.facts)), ("UID", str(who.uid)), ("GID", str(who.gid))),
    )


def _needs(place: Place) -> str:
    """What the replica does there: a file that it saves it also reads, when it starts without the cloud."""
    return "read and write" if place.file else "write"


def _directory(facts: Facts) -> str:
    return facts.target if facts.directory or not facts.there else facts.target.rpartition("/")[0]


def _steps(ruling: Ruling, who: Credentials) -> tuple[str, ...]:
    target = ruling.facts.target
    directory = _directory(ruling.facts)
    steps = {
        "read-only": f"See the mount: `findmnt -T {directory}`; if it should be writable: "
        f"`mount -o remount,rw $(findmnt -n -o TARGET -T {directory})`.",
        "disk-full": f"See what is left: `df -h {directory}; df -i {directory}`, and make room.",
        "wrong-owner": f"Give it to the replica's user: `chown -R {who.uid}:{who.gid} {target}`.",
        "not-writable": f"Let its owner write: `chmod u+{'rwx' if ruling.facts.directory else 'rw'} {target}`.",
        "missing": f"Make it: `install -d -m 0700 -o {who.uid} -g {who.gid} {directory}`.",
    }
    return (steps[ruling.cause],)

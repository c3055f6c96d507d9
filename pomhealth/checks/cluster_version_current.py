"""Does the replica run the newest version of Pomerium?

The feed of releases is asked once a day at most, in a thread, and not waited for: what it said is kept in a file. It
cannot be had: that is unknown, and no fault of the replica's. Where the cluster is known, what runs is compared with
what the other replicas run.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

from pomhealth.checks import across
from pomhealth.checks.context import Context
from pomhealth.reach import Silent
from pomhealth.releases import cache
from pomhealth.releases.cache import Kept
from pomhealth.releases.feed import FeedError, Newest, read
from pomhealth.releases.number import behind, parse
from pomhealth.replica.model import Value
from pomhealth.replica.replaced import Replaced, replaced
from pomhealth.settings import OFF
from pomhealth.status import Evidence, Finding, Outcome, Unobservable, passed, unseen, warned

ID = "cluster_version_current"

_DAY = 86400.0
_RETRY = 3600.0  # seconds until a feed that could not be had is asked again
_STALE = 30 * _DAY  # for which an answer is still worth something while no newer one can be had
_DEADLINE = 1.5  # seconds
_FETCH = 1.2
_PROGRAM = 2.5  # for a program that is installed anew to tell its version
_THREAD = "releases"


async def look(context: Context) -> Finding:
    roster = context.roster()
    if across.lacking(context, roster) is not None:
        return await _own(context)
    from pomhealth.cluster.judge import versions  # noqa: PLC0415  (loaded only where the cluster view is on)

    found = versions.judge(roster)
    if found is None or found.outcome is not Outcome.WARN:
        return across.together(await _own(context), found)
    try:
        return mixed(found, await _own(context))
    except Unobservable:
        return found


def mixed(found: Finding, own: Finding) -> Finding:
    """That replicas run different versions, and that this one's is an old one too, where that is so. Pure."""
    if own.cause != "outdated":
        return found
    return replace(
        found,
        summary=f"{found.summary}; {own.summary}",
        evidence=(*found.evidence, *own.evidence),
        steps=own.steps,
        names=(*own.names, *(one for one in found.names if one[0] not in dict(own.names))),
    )


async def _own(context: Context) -> Finding:
    """What is so on this replica."""
    running = context.replica.version
    if running is None:
        lack = context.replica.missing.get("version", context.replica.missing.get("process", ""))
        raise Unobservable("which version runs is not known", lack)
    other = await _installed(context)
    feed = context.settings.release_feed
    if feed == OFF:
        return judge(running, other, None, "", "the newest release is not asked for (release_feed is off)")
    kept = await _known(context, feed)
    now = time.time()
    where = _shown(feed)
    if kept.newest is None or now - kept.asked > _STALE:
        again = (
            f"; asked again in {max(1.0, (kept.failed + _RETRY - now) / 60):.0f} min" if kept.failed else ""
        )
        return judge(
            running, other, None, where, f"{where} cannot tell the newest release: {kept.why}{again}"
        )
    days = int((now - kept.asked) // _DAY)
    return judge(running, other, kept.newest, where, f"as of {days} days ago" if days > 1 else "")


async def _installed(context: Context) -> Replaced | None:
    """What stands in the place of the running program, where that is something else and can be told."""
    main, root = context.replica.main, context.replica.root
    if main is None:
        return None
    try:
        return await context.workers.call(_THREAD, lambda: replaced(main, root), deadline=_PROGRAM)
    except Silent:
        return None


async def _known(context: Context, feed: str) -> Kept:
    """What is known of the feed, asked now where that is due."""
    now = time.time()
    digest = cache.digest(feed)
    noted: Kept | None = context.notes.recall(ID)
    known = noted if noted is not None and noted.feed == digest else Kept(digest)
    if not _due(known, now):
        return known
    path = cache.place(context.settings.cache_dir, os.environ)
    try:
        known = await context.workers.call(
            _THREAD, lambda: consult(feed, path, known, now), deadline=_DEADLINE
        )
    except Silent as silence:
        known = replace(known, failed=now, why=silence.why)
    context.notes.keep(ID, known)
    return known


def consult(feed: str, path: Path, noted: Kept, now: float) -> Kept:
    """What the file and, where that is due, the feed say. Blocking. `noted` is what this process knows of it."""
    kept = cache.load(path, cache.digest(feed), now)
    known = max(kept, noted, key=lambda one: max(one.asked, one.failed))
    if not _due(known, now):
        return known
    from pomhealth.releases.fetch import fetch  # noqa: PLC0415  (loaded once a day, where it is asked at all)

    try:
        answer = fetch(feed, known.etag if known.newest else "", deadline=_FETCH)
        newest = known.newest if answer.body is None else read(answer.body)
        known = Kept(known.feed, newest, asked=now, etag=answer.etag)
    except FeedError as error:
        known = replace(known, failed=now, why=str(error))
    cache.store(path, known)
    return known


def _due(known: Kept, now: float) -> bool:
    return now - known.asked >= _DAY and now - known.failed >= _RETRY


def judge(running: Value, other: Replaced | None, newest: Newest | None, where: str, note: str) -> Finding:
    """What follows from the versions. `note` is what else is to be said of the feed. Pure."""
    version = str(running.value).removeprefix("v")
    runs = parse(version)
    if runs is None:
        return unseen(f"the running version is {version}, which is no release's number")
    installed = parse(other.version) if other else None
    if other is not None and installed is not None and installed > runs:
        return _restart(version, running.origin, other, newest)
    disk = _on_disk(other)
    best = parse(newest.version) if newest else None
    if newest is None or best is None:
        off = not where
        return passed(f"Pomerium {version} runs; {note}{disk}") if off else unseen(f"{note}{disk}")
    seen = Evidence(running.origin, f"Pomerium {version}", f"{newest.version}, the newest by {where}")
    when = f" ({note})" if note else ""
    if best <= runs:
        newer = " (newer than the newest release)" if runs > best else ", the newest release"
        return passed(f"Pomerium {version} runs{newer}{when}{disk}", seen)
    far = behind(runs, best, tuple(one for one in map(parse, newest.known) if one))
    described = (f"Read what changes: {newest.url}.",) if newest.url else ()
    return warned(
        "outdated",
        f"Pomerium {version} runs, {far}: {newest.version} is out{when}{disk}",
        seen,
        steps=described,
        names=(("VERSION", newest.version),),
    )


def _restart(version: str, origin: str, other: Replaced, newest: Newest | None) -> Finding:
    there = str(parse(other.version))
    later = f" ({newest.version} is out)" if newest and newest.version != there else ""
    return warned(
        "outdated",
        f"Pomerium {there} is installed, and {version} still runs: restart the replica{later}",
        Evidence(
            f"{other.path} --version", other.version, f"{version}, as {origin} says of the running program"
        ),
        steps=("Restart the replica now; only then does what is installed run.",),
        names=(("VERSION", newest.version if newest else there),),
    )


def _on_disk(other: Replaced | None) -> str:
    if other is None:
        return ""
    which = f" by {other.version}" if other.version else ""
    return f"; its program {other.path} was replaced{which} since it started"


def _shown(feed: str) -> str:
    scheme, _, rest = feed.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path.partition('?')[0]}"

"""What is kept of a feed's last answer, in a file, so that it is asked once a day by all who want to know."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pomhealth.releases.feed import Newest
from pomhealth.releases.number import parse

_NAME = "releases.json"
_LIMIT = 65536  # bytes
_SKEW = 60.0  # seconds by which the clock may have been set back since


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of one feed (`feed` is its digest: an address may hold a secret). Times are seconds since the epoch.

    `asked` is when it last answered, `failed` when it was last asked in vain, and `why` that was.
    """

    feed: str
    newest: Newest | None = None
    asked: float = 0.0
    etag: str = ""
    failed: float = 0.0
    why: str = ""


def digest(url: str) -> str:
    return hashlib.sha256(url.encode("utf-8", "replace")).hexdigest()[:32]


def place(setting: str, environment: Mapping[str, str]) -> Path:
    """The file: in the directory of the settings, systemd's, the user's, the system's."""
    if setting:
        return Path(setting) / _NAME
    systemds = environment.get("CACHE_DIRECTORY", "").partition(":")[0]
    if systemds:
        return Path(systemds) / _NAME
    users = environment.get("XDG_CACHE_HOME", "")
    if not users and environment.get("HOME"):
        users = f"{environment['HOME']}/.cache"
    return Path(users or "/var/cache") / "pomhealth" / _NAME


def load(path: Path, feed: str, now: float) -> Kept:
    """What the file holds of this feed; nothing where it is not there, damaged, another feed's, or of the future."""
    nothing = Kept(feed)
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(_LIMIT + 1))
        newest = document.get("newest")
        kept = Kept(
            str(document["feed"]),
            Newest(newest["version"], str(newest["url"]), tuple(newest["known"])) if newest else None,
            float(document["asked"]),
            str(document["etag"]),
            float(document["failed"]),
            str(document["why"]),
        )
        versions = (kept.newest.version, *kept.newest.known) if kept.newest else ()
        sound = all(parse(one) is not None for one in versions)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return nothing
    if not sound or kept.feed != feed or max(kept.asked, kept.failed) > now + _SKEW:
        return nothing
    return kept


def store(path: Path, kept: Kept) -> None:
    """Writes it, all or nothing. Where that cannot be it is only asked again after a restart."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=".releases-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(kept), file)
            os.replace(name, path)  # noqa: PTH105
        except BaseException:
            os.unlink(name)  # noqa: PTH108
            raise

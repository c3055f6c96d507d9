"""The archive: its manifest, its read-me, and the last look that nothing secret is in it. Pure."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pomhealth import __version__
from pomhealth.bundle.agent import STATUS
from pomhealth.bundle.cleaner import Cleaner
from pomhealth.bundle.part import Collected, Lack, Part
from pomhealth.publish.moment import when
from pomhealth.report.style import Style

LARGEST = 5 * 1024 * 1024  # bytes of all files together, and so of the archive at most
SCHEMA = 1
_RESERVE = 64 * 1024  # bytes that the manifest and the read-me may take
_MODE = 0o600
_STYLE = Style()
_NO_AGENT = "No agent answered: check.json, measured once for this bundle, stands for its map."


class Leak(Exception):  # noqa: N818
    """A secret would be in the archive; the text says in which file and of which kind."""


@dataclass(frozen=True, slots=True)
class Archive:
    """The bytes of an archive, and what is in it."""

    data: bytes
    files: tuple[str, ...]
    lacks: tuple[Lack, ...]


def pack(collected: Collected, name: str, now: float, cleaner: Cleaner) -> Archive:
    """The archive of these parts, below a directory `name`, made at `now` (seconds since the epoch).

    What would make it too large is left out, the last first. Raises Leak.
    """
    parts, left_out = fitting(collected.parts)
    lacks = (*collected.lacks, *left_out)
    for place, text in (*((one.name, one.text) for one in parts), *((one.name, one.why) for one in lacks)):
        kind = cleaner.left_in(text) or cleaner.left_in(place)
        if kind:
            raise Leak(f"{cleaner.text(place)} would hold {kind}")
    files = [("README.txt", readme(parts, lacks, now)), ("MANIFEST.json", manifest(parts, lacks, now))]
    files += [(one.name, one.text) for one in parts]
    return Archive(_tar(files, name, now), tuple(place for place, _ in files), lacks)


def fitting(parts: Iterable[Part]) -> tuple[tuple[Part, ...], tuple[Lack, ...]]:
    """The parts that there is room for, and what is left out."""
    room = LARGEST - _RESERVE
    taken, left_out = [], []
    for one in parts:
        size = len(_bytes(one.text))
        if size > room:
            left_out.append(Lack(one.name, f"there is no room left for its {size} bytes"))
            continue
        room -= size
        taken.append(one)
    return tuple(taken), tuple(left_out)


def manifest(parts: Iterable[Part], lacks: Iterable[Lack], now: float) -> str:
    """Every file with its size in bytes and SHA-256, and what could not be had, and why."""
    document = {
        "schema": SCHEMA,
        "made": when(now),
        "pomhealth": __version__,
        "files": [
            {
                "name": one.name,
                "says": one.says,
                "size": len(_bytes(one.text)),
                "sha256": hashlib.sha256(_bytes(one.text)).hexdigest(),
            }
            for one in parts
        ],
        "missing": [{"name": one.name, "why": one.why} for one in lacks],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def readme(parts: Sequence[Part], lacks: Sequence[Lack], now: float) -> str:
    """What is what, for whoever opens the archive."""
    answered = any(one.name == STATUS for one in parts)
    return "\n".join(
        [
            f"A support bundle of pomhealth {__version__}, made {when(now)}",
            "",
            *([] if answered else [_STYLE.wrap(_NO_AGENT), ""]),
            "What is in it",
            _line("MANIFEST.json", "every file with its size and SHA-256, and what is missing"),
            *(_line(one.name, one.says) for one in parts),
            "",
            *(["What could not be had", *(_line(one.name, one.why) for one in lacks), ""] if lacks else []),
            *_REDACTED,
            "",
        ]
    )


def _line(name: str, says: str) -> str:
    return _STYLE.wrap(says, f"  {name:22}")


_REDACTED = (
    "What was taken out ([redacted] stands there instead)",
    "  every secret option of Pomerium's, such as shared_secret and signing_key",
    "  passwords in connection strings and addresses",
    "  private keys, PEM files in base64, JSON Web Tokens, cookies and",
    "  Authorization headers",
    "  in logs and units, whatever has the name of a secret; of environments all",
    "  but the names",
    "",
    "What is still in it",
    "  hostnames, IP addresses, ports, user names and paths of files: without",
    "  them the rest says little. Look through it before you send it.",
)


def _tar(files: Iterable[tuple[str, str]], name: str, now: float) -> bytes:
    """The same bytes for the same files, name and moment."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for place, text in files:
            data = _bytes(text)
            member = tarfile.TarInfo(f"{name}/{place}")
            member.size, member.mtime, member.mode = len(data), int(now), _MODE
            tar.addfile(member, io.BytesIO(data))
    return gzip.compress(plain.getvalue(), mtime=int(now))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")

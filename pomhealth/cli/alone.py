"""`pomhealth check` of a configuration file that no replica runs: what may be judged so, and by which version."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pomhealth.catalogue.load import catalogue
from pomhealth.cli.usage import WrongUsage
from pomhealth.replica import processes
from pomhealth.replica.discover import check_readable
from pomhealth.replica.model import Replica, Value
from pomhealth.replica.offline import from_file, given, guessed
from pomhealth.settings import Settings


def enough(ids: tuple[str, ...]) -> bool:
    """Whether a file is enough for each of these checks; there must be at least one."""
    return bool(ids) and set(ids) <= set(judgeable())


def judgeable() -> tuple[str, ...]:
    """The checks that a file is enough for."""
    return tuple(check.id for check in catalogue() if check.offline)


def version_of(text: str | None, settings: Settings, ids: tuple[str, ...]) -> Value | None:
    """The version that is asked for; None where none is. Raises WrongUsage where it makes no sense."""
    if text is None:
        return None
    if not settings.pomerium_config:
        msg = "--pomerium-version says by which version a file is judged: name it with --pomerium-config FILE"
        raise WrongUsage(msg)
    if settings.pid is not None:
        msg = "--pomerium-version judges a file alone: leave out --pid"
        raise WrongUsage(msg)
    found = given(text)
    if found is None:
        msg = f"--pomerium-version {text!r} is no version: write it as 0.33 or v0.33.1"
        raise WrongUsage(msg)
    running = [id_ for id_ in ids if id_ not in judgeable()]
    if running:
        msg = f"{running[0]} needs a running replica; a file alone is enough for {', '.join(judgeable())}"
        raise WrongUsage(msg)
    return found


def judge(path: str, version: Value | None) -> Callable[[], Replica]:
    """What reads the file, and finds out by which version where none is asked for. Blocking; raises ReplicaError."""
    return partial(_judge, path, version)


def _judge(path: str, version: Value | None) -> Replica:
    check_readable(path)
    if version is None:
        return from_file(path, guessed(processes.replicas()), "none runs with this file")
    return from_file(path, version, "the version to judge by was given")

"""A configuration file alone, as the replica that Pomerium would make of it: for checks that need no more. Blocking."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace

from pomhealth.compat.vocabulary import newest
from pomhealth.replica import addresses, configfile, paths, surroundings, validate, version
from pomhealth.replica.backend import storage
from pomhealth.replica.model import Process, Replica, Value
from pomhealth.replica.options import merge
from pomhealth.replica.services import services_of
from pomhealth.status import Unobservable

_VERSION = re.compile(r"v?(?P<version>\d{1,4}\.\d{1,4}(\.\d{1,4}\S{0,40})?)\Z")
_LACKING = ("process", "admin", "health", "network", "environment")


def from_file(path: str, judged: Value, why: str) -> Replica:
    """What Pomerium of the version `judged` would make of this file; what it would refuse is in the options' problems.

    `why` tells in one clause why no replica is looked at.

    A replica's environment may hold further options, and is not known: nothing is said to be lacking that may be there.
    Files that the options name are reached from our own working directory, as Pomerium reaches them from its own.
    """
    cwd = os.getcwd()  # noqa: PTH109  (a string like every other path of a replica)
    release = Replica(version=judged).release

    def reach(one: str) -> str:
        return paths.reach(one, cwd=cwd, root="")

    file = configfile.load(path, reached_by=path)
    options = merge(file, {})
    if file.parsed:
        found = validate.problems(options, reach, release, environment_known=False)
        options = replace(options, problems=tuple(found))
    missing = dict.fromkeys(_LACKING, why)
    if file.unread:
        missing["options"] = missing["config"] = file.unread
    try:
        backend = None if options.zero else storage(options, surroundings.data_dir({}, release), reach)
    except Unobservable as unobservable:
        backend, missing["storage"] = None, str(unobservable)
    return Replica(
        options=options,
        endpoints=() if options.zero else addresses.asked_for(options, release),
        services=services_of(options),
        storage=backend,
        version=judged,
        cwd=cwd,
        same_network=False,
        offline=True,
        missing=missing,
    )


def given(text: str) -> Value | None:
    """The version that a person names, such as 0.33 or v0.33.1; None for what is none."""
    found = _VERSION.match(text)
    return Value(found["version"], "--pomerium-version") if found else None


def guessed(running: Sequence[Process]) -> Value:
    """The version to judge by where nobody names one: the replica's, if one runs; the installed program's; the newest known."""
    if len(running) == 1:
        try:
            found = version.of_program(running[0])
        except Unobservable:
            pass
        else:
            return Value(found.value, f"the replica that runs here, pid {running[0].pid}")
    installed = version.of_installed()
    if installed is not None:
        return installed
    major, minor = newest()
    return Value(f"{major}.{minor}", "the newest release that pomhealth knows")

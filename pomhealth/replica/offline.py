"""A configuration that no replica runs, as a replica: for checks that only need the file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

from pomhealth.replica import addresses, configfile, paths, surroundings, validate
from pomhealth.replica.backend import storage
from pomhealth.replica.model import Replica, Value
from pomhealth.replica.options import merge
from pomhealth.replica.services import services_of
from pomhealth.status import Unobservable


def from_file(path: str, environment: Mapping[str, str], version: str | None) -> Replica:
    """The replica that Pomerium of this version would be with this file and environment. Blocking.

    What Pomerium would refuse is in the options' problems.
    """
    cwd = os.getcwd()  # noqa: PTH109  (a string like every other path of a replica)
    known = Value(version.removeprefix("v"), "given") if version else None
    release = Replica(version=known).release

    def reach(one: str) -> str:
        return paths.reach(one, cwd=cwd, root="")

    file = configfile.load(path, reached_by=reach(path))
    options = merge(file, environment)
    if file.parsed:
        options = replace(options, problems=tuple(validate.problems(options, reach, release)))
    missing = {"process": "no replica runs this configuration", "admin": "no replica runs this configuration"}
    if file.unread:
        missing["options"] = file.unread
    data = surroundings.data_dir(environment, release)
    cache = surroundings.cache_dir(environment)
    try:
        backend = None if options.zero else storage(options, data, reach)
    except Unobservable as unobservable:
        backend, missing["storage"] = None, str(unobservable)
    return Replica(
        options=options,
        endpoints=() if options.zero else addresses.asked_for(options, release),
        services=services_of(options),
        storage=backend,
        cache_dir=cache,
        data_dir=data,
        bootstrap_file=surroundings.bootstrap_file(environment, cache) if options.zero else None,
        health=addresses.health(options, release),
        version=known,
        cwd=cwd,
        environment=surroundings.kept(environment),
        missing=missing,
    )

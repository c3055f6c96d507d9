"""Everything that is known of one replica whose process can be seen. Blocking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pomhealth.replica import (
    addresses,
    commandline,
    configfile,
    paths,
    processes,
    surroundings,
    validate,
    watched,
)
from pomhealth.replica.backend import storage
from pomhealth.replica.envoy import LEARNT, admin_of, learn
from pomhealth.replica.eyes import Look
from pomhealth.replica.goaddress import listen_address
from pomhealth.replica.model import (
    SOMEWHERE,
    AdminAddress,
    Endpoint,
    Holder,
    Options,
    Process,
    Replica,
    Value,
)
from pomhealth.replica.options import merge
from pomhealth.replica.platform import platform_of
from pomhealth.replica.redirect import redirect_listener
from pomhealth.replica.running import version_of
from pomhealth.replica.services import services_of
from pomhealth.replica.sockets import SocketTable
from pomhealth.settings import Settings
from pomhealth.touch import SAYS

_ZERO = "Pomerium Zero keeps this replica's options in its encrypted bootstrap file"


def with_process(main: Process, settings: Settings, before: Replica | None) -> Replica:
    """The replica that this process is."""
    look = Look(main, settings, before)
    envoys = processes.envoys(main)
    options = _options(look)
    admin = admin_of(
        envoys, settings, look.environment, look.root, look.missing, same_network=look.same_network
    )
    learnt = _learnt(look, options, admin)
    version = version_of(look, options, learnt)
    release = _release(version)
    options = _validated(look, options, release)
    endpoints = tuple(_endpoints(look, options, release, learnt))
    cache, data = _directories(look, release)
    return Replica(
        main=main,
        envoys=envoys,
        options=options,
        endpoints=endpoints,
        services=services_of(options),
        storage=_storage(look, options, data),
        cache_dir=cache,
        data_dir=data,
        bootstrap_file=surroundings.bootstrap_file(look.environment, cache)
        if options.zero and cache
        else None,
        admin=admin,
        health=_health(look, options, release),
        version=version,
        platform=platform_of(main, look.environment, look.root, look.missing),
        cwd=look.cwd,
        root=look.root,
        environment=surroundings.kept(look.environment),
        same_network=look.same_network,
        missing=look.missing,
        stamps=watched.stamps(
            options,
            own=settings.pomerium_config,
            cwd=look.cwd,
            root=look.root,
            data=data,
            release=release,
        ),
    )


def awaited(settings: Settings, before: Replica | None) -> Replica:
    """The replica that is expected and does not run, with what its configuration says where that is named."""
    options = before.options if before is not None else Options()
    stamps: dict[str, tuple[int, ...]] = {}
    if settings.pomerium_config:
        path = settings.pomerium_config
        options = _judged(merge(configfile.load(path, reached_by=path), {}, options), before)
        stamps = watched.stamps_of(path)
    kept = before if before is not None and not before.root else Replica()  # files are reached as before
    return Replica(
        options=options,
        services=services_of(options),
        storage=kept.storage,
        environment=kept.environment,
        cwd=kept.cwd,
        same_network=kept.same_network,
        health=health_of(options, settings, None, {}),
        awaited=True,
        platform=before.platform if before is not None else SOMEWHERE,
        missing={"process": "no pomerium process is running", "admin": "no pomerium process is running"},
        stamps=stamps,
    )


def _judged(options: Options, before: Replica | None) -> Options:
    """The options of a replica that does not run, with what Pomerium would refuse of them.

    Its environment and its working directory are not known, so nothing is said of what they may hold.
    """
    if options.problems:
        return options
    release = before.release if before is not None else None
    found = validate.problems(options, lambda path: path, release, environment_known=False)
    return replace(options, problems=tuple(one for one in found if one.check != "certificates_current"))


def health_of(
    options: Options, settings: Settings, release: tuple[int, int] | None, missing: dict[str, str]
) -> Endpoint | None:
    """The replica's own health server: as the operator says, else as its options and release say."""
    if settings.health_address:
        host, port = listen_address(settings.health_address, default_port=28080)
        origin = settings.origins.get("health_address", "settings")
        return Endpoint("health_check_addr", host, port, Holder.POMERIUM, origin)
    found = addresses.health(options, release)
    if found is None and release is not None:
        missing["health"] = f"Pomerium {release[0]}.{release[1]} has no health server (0.31 brought it)"
    return found


def _health(look: Look, options: Options, release: tuple[int, int] | None) -> Endpoint | None:
    """The replica's health server; where its address is a guess, only if the replica's user listens there."""
    found = health_of(options, look.settings, release, look.missing)
    guessed = found is not None and found.origin == "default" and not options.zero
    if found is None or not guessed or not {"options", "environment"} & look.missing.keys():
        return found
    users = {one.uid for one in SocketTable().listening() if (one.host, one.port) == (found.host, found.port)}
    if look.same_network and users == {look.main.uid}:
        return found
    look.missing["health"] = look.missing.get("options") or look.missing["environment"]
    return None


def main_address(main: Process) -> str:
    """The process's main address in words, as far as it can be read."""
    look = Look(main, Settings(), None)
    endpoint = next(iter(addresses.asked_for(_options(look), None)), None)
    return endpoint.where if endpoint is not None and "options" not in look.missing else "not known"


def _options(look: Look) -> Options:
    """The options from file and environment, before anything is said of their worth."""
    named = look.settings.pomerium_config or commandline.config_file(look.argv)
    before = look.before.options if look.before is not None else None
    file = configfile.ConfigFile("")
    if look.settings.pomerium_config:
        file = configfile.load(named, reached_by=named)
    elif named.startswith("/") or (named and look.cwd):
        shown = paths.reach(named, cwd=look.cwd, root="")
        file = configfile.load(shown, reached_by=look.reach(named))
        if "mount namespace" in look.missing and file.problems and not file.digest:
            file = configfile.ConfigFile("", unread=look.missing["mount namespace"])  # there it may be found
    elif named:
        file = configfile.ConfigFile("", unread=look.missing["working directory"])
    options = merge(file, look.environment, before)
    if file.silent and before is not None and before.path == file.path:
        look.missing["config"] = file.unread  # it is followed as it was, until the file can be read again
        return replace(options, problems=before.problems, digest=before.digest)
    if file.unread:
        look.missing["options"] = look.missing["config"] = file.unread
        options = replace(options, path="")
    elif file.problems and (before is None or before.path != file.path):
        look.missing["options"] = "the file is rejected now, and what the replica runs was not seen before"
    return options


def _validated(look: Look, options: Options, release: tuple[int, int] | None) -> Options:
    """The options with what Pomerium would refuse of them; then those of before stay in force."""
    if options.problems:
        return options
    known = "environment" not in look.missing
    refused = tuple(validate.problems(options, look.reach, release, environment_known=known))
    if not refused:
        return options
    before = look.before.options if look.before is not None else None
    if before is not None and before.path == options.path and before.values:
        return replace(options, values=before.values, problems=refused)
    return replace(options, problems=refused)


def learns(replica: Replica) -> bool:
    """Whether this replica's addresses are taken from Envoy, as its options cannot tell them all."""
    return replica.options.zero or bool({"options", "environment"} & replica.missing.keys())


def _learnt(look: Look, options: Options, admin: AdminAddress | None) -> tuple[Endpoint, ...]:
    """What Envoy listens on, where that is needed; as it was, while Envoy does not answer."""
    if not learns(Replica(options=options, missing=look.missing)):
        return ()
    found = learn(admin, look.missing)
    if found is not None:
        return found
    before = look.before
    if before is None or before.main != look.main:
        return ()
    return tuple(one for one in before.endpoints if one.origin == LEARNT)


def _release(version: Value | None) -> tuple[int, int] | None:
    return Replica(version=version).release


def _endpoints(
    look: Look, options: Options, release: tuple[int, int] | None, learnt: tuple[Endpoint, ...]
) -> Iterator[Endpoint]:
    """As the options ask; what they cannot tell is taken from what Envoy listens on."""
    if options.zero or "options" in look.missing:
        yield from learnt
        nothing: tuple[Endpoint, ...] = ()
        if look.same_network:
            yield from look.try_to("sockets", lambda: redirect_listener(look.main), nothing)
        return
    asked = addresses.asked_for(options, release)
    if "environment" not in look.missing:
        yield from asked
        return
    certain = [one for one in asked if one.origin != "default"]
    yield from certain
    roles = {one.role for one in certain}
    yield from (one for one in learnt if one.role not in roles)


def _directories(look: Look, release: tuple[int, int] | None) -> tuple[Value | None, Value | None]:
    if "environment" in look.missing:
        return None, None
    return surroundings.cache_dir(look.environment), surroundings.data_dir(look.environment, release)


def _storage(look: Look, options: Options, data: Value | None) -> Any:
    if options.zero:
        look.missing["storage"] = _ZERO
        return None
    if "options" in look.missing:
        look.missing["storage"] = look.missing["options"]
        return None
    if "environment" in look.missing and options.get("databroker_storage_type") is None:
        look.missing["storage"] = look.missing["environment"]
        return None
    try:
        return look.try_to("storage", lambda: storage(options, data, look.reach), None)
    except TimeoutError as silence:
        if look.before is not None and look.before.storage is not None:
            return look.before.storage
        look.missing["storage"] = f"{SAYS}: {silence.filename}"
        return None

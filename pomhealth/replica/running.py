"""Which run of a replica it is and which version runs, asked no oftener than it takes. Blocking."""

from __future__ import annotations

from pomhealth.replica import addresses, processes
from pomhealth.replica.eyes import Look
from pomhealth.replica.model import Endpoint, Options, Replica, Value
from pomhealth.replica.version import of_listener, of_program
from pomhealth.status import Unobservable

_STARTING = 20.0  # seconds that an Envoy has to open its listeners


def version_of(look: Look, options: Options, learnt: tuple[Endpoint, ...]) -> Value | None:
    """The version. The program is asked once a process, its gRPC listener until it answers or no longer can be starting."""
    before = look.before if look.before is not None and look.before.main == look.main else None
    if before is not None and (before.version is not None or not version_may_come(before)):
        if before.version is None and "version" in before.missing:
            look.missing["version"] = before.missing["version"]
        return before.version
    if before is None:
        try:
            return of_program(look.main)
        except Unobservable as unobservable:
            look.missing["version"] = str(unobservable)
    else:
        look.missing["version"] = before.missing["version"].partition("; ")[0]
    listeners = learnt or addresses.asked_for(options, None)
    grpc = next((one for one in listeners if one.role == "grpc_address"), None)
    if grpc is None or not look.same_network:
        return None
    try:
        found = of_listener(grpc)
    except Unobservable as unobservable:
        look.missing["version"] += f"; {unobservable}"
        return None
    del look.missing["version"]
    return found


def version_may_come(replica: Replica) -> bool:
    """Whether the listener that tells the version may still be coming up: it is asked again until then."""
    envoy = replica.envoy
    starting = envoy is None or processes.age(envoy) < _STARTING
    return replica.version is None and starting and replica.endpoint("grpc_address") is not None


def identity(replica: Replica) -> object:
    """What tells one run of a replica from the next: its process, else its Envoy's admin address (new each start)."""
    return replica.awaited, replica.main or replica.admin


def awaits_envoy(replica: Replica | None) -> bool:
    """Whether its process was started a moment ago, and its Envoy will be in another."""
    main = replica.main if replica is not None and not replica.envoys else None
    return main is not None and processes.age(main) < _STARTING

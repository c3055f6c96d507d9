"""What the hosts of Pomerium Zero's cloud and the replica's stream say together. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pomhealth.outside.cloud import CONNECT, TELEMETRY, Host
from pomhealth.outside.trouble import Trouble
from pomhealth.status import Evidence, Finding, failed, passed, unseen

UP, DOWN, UNTOLD = "up", "down", "untold"
_YOUNG = 60.0  # seconds for which a replica may be without a stream after its start


@dataclass(frozen=True, slots=True)
class Reached:
    """What came of one host. `addresses` are those of whom the connection goes to, a proxy's where there is one."""

    host: Host
    said: str = ""
    trouble: Trouble | None = None
    unjudged: str = ""
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """Whether a connection of the replica's stands that may be its stream: UP, DOWN or UNTOLD, and why."""

    state: str
    said: str


def find_stream(there: frozenset[str], known: frozenset[str], port: int, *, age: float) -> Stream:
    """What the addresses that the replica is connected to on this port say of its stream. Pure.

    A name may lead elsewhere today than when the stream was made: then it cannot be told which connection it is.
    """
    up = sorted(there & known)
    if up:
        return Stream(UP, f"the replica has a connection to {up[0]}, port {port}")
    if age < _YOUNG:
        return Stream(UNTOLD, f"the replica has run for {age:.0f} s only, and has no connection there yet")
    if there:
        others = ", ".join(sorted(there)[:3])
        return Stream(UNTOLD, f"the replica has connections on port {port}, but to other addresses: {others}")
    return Stream(DOWN, f"no connection to {', '.join(sorted(known)) or 'it'}, port {port}")


def judge(reached: tuple[Reached, ...], stream: Stream) -> Finding:
    """What all hosts and the stream say together. Pure. The worst host counts, the measurements' host least."""
    evidence = [_evidence(one) for one in reached]
    where = next(one.host.where for one in reached if one.host.role == CONNECT)
    evidence.append(Evidence(f"the replica's connections to {where}", stream.said, "an established one"))
    bad = [one for one in reached if one.trouble is not None]
    if bad:
        return _bad(reached, bad, stream, evidence)
    if stream.state == DOWN:
        said = f"the cloud can be reached, but the replica's stream to {where} is down: {stream.said}"
        return failed("stream-down", said, evidence[-1], *evidence[:-1], names=(("HOST", _named(reached)),))
    unjudged = next((one for one in reached if one.unjudged), None)
    if unjudged is not None:
        return unseen(f"{unjudged.host.where}: {unjudged.unjudged}", *evidence)
    if stream.state == UNTOLD:
        return unseen(
            f"the cloud can be reached; whether the stream is up cannot be told: {stream.said}", *evidence
        )
    return passed(f"every host of the cloud answers, and the stream is up: {stream.said}", *evidence)


def _bad(
    reached: tuple[Reached, ...], bad: list[Reached], stream: Stream, evidence: list[Evidence]
) -> Finding:
    worst = min(bad, key=lambda one: (one.host.role == TELEMETRY, one.host.role != CONNECT))
    trouble = worst.trouble
    assert trouble is not None
    said = f"{worst.host.where} cannot be used: {trouble.why}"
    if worst.host.role == TELEMETRY:
        said = f"only measurements for the Zero console are lost: {said}"
    elif len(bad) == len(reached):
        said = f"no host of the cloud can be used; {said}"
    if worst.host.role == CONNECT and stream.state == UP and not _proxy(worst):
        said += "; the stream that was made before still stands"
    way = worst.host.way
    names = (("HOST", way.host if way else worst.host.where), ("PROXY", _proxy(worst)))
    place = reached.index(worst)
    return failed(
        trouble.cause,
        said,
        evidence[place],
        *(one for number, one in enumerate(evidence) if number != place),
        steps=_steps(worst, trouble, bad),
        names=tuple((word, text) for word, text in names if text),
    )


def _steps(worst: Reached, trouble: Trouble, bad: list[Reached]) -> tuple[str, ...]:
    """What to do in just this case."""
    steps = []
    if worst.host.variable and (trouble.cause == "dns" or worst.host.way is None):
        steps.append(f"This address comes from `{worst.host.variable.split()[-1]}`: see that it is right.")
    late = [one for one in bad if one.trouble is not None and one.trouble.clock]
    if trouble.clock:
        sure = "Several certificates are out of their time at once: most" if len(late) > 1 else "Most"
        steps.append(f"{sure} often it is this machine's clock that is wrong: `timedatectl` or `date -u`.")
    if trouble.strange and not worst.host.variable:
        steps.append(
            f"The cloud's own certificate comes from a public authority. {trouble.authority} is most likely that of a"
            " firewall or proxy which opens TLS to inspect it: have it let this host through unopened."
        )
    if trouble.cause == "proxy":
        way = worst.host.way
        origin = way.proxy.origin.split()[-1] if way and way.proxy else "HTTPS_PROXY"
        steps.append(f"The proxy comes from `{origin}` in the replica's environment: see that it is right.")
    return tuple(steps)


def _evidence(one: Reached) -> Evidence:
    origin = f" ({one.host.variable})" if one.host.variable else ""
    if one.trouble is not None:
        return Evidence(f"{one.host.where}{origin}", one.trouble.why, one.trouble.expected)
    return Evidence(f"{one.host.where}{origin}", one.said or one.unjudged, "an answer")


def _proxy(one: Reached) -> str:
    return one.host.way.proxy.where if one.host.way and one.host.way.proxy else ""


def _named(reached: tuple[Reached, ...]) -> str:
    way = next(one.host.way for one in reached if one.host.role == CONNECT)
    return way.host if way else ""

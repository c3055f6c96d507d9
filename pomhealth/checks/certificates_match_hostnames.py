"""Has every route's hostname, and the sign-in page's, a certificate?

By the rules by which browsers judge (pomhealth.certs.matching). A certificate that has ended counts here: that it has
is another check's to tell. What autocert has still to obtain is waited for: it asks for every host of a new
configuration one after the other, and does not ask again for one that it was refused until the configuration changes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from pomhealth.certs.matching import Index
from pomhealth.certs.model import METRICS, Certificate
from pomhealth.certs.sources import obtainable
from pomhealth.checks.ages import since
from pomhealth.checks.certificates import Loaded, OnDisk, loaded, on_disk, options_known
from pomhealth.checks.context import Context
from pomhealth.checks.served import served_hosts
from pomhealth.replica import processes
from pomhealth.replica.model import Replica
from pomhealth.replica.routes import Host
from pomhealth.status import Evidence, Finding, failed, not_applicable, passed, unseen

ID = "certificates_match_hostnames"

_NAMED = 10  # hosts told of one by one
_OBTAIN = 900.0  # seconds that autocert has for the hosts of a new configuration
_NOTE = "hosts against certificates"


@dataclass(frozen=True, slots=True)
class Standing:
    """What users get: the certificates that count, whether Pomerium adds one of its own, and whether autocert runs."""

    certificates: tuple[Certificate, ...]
    own: bool
    autocert: bool


async def look(context: Context) -> Finding:
    replica = context.replica
    if options_known(replica) and replica.options.true("insecure_server"):
        return not_applicable(
            "insecure_server is set: who stands in front of this replica serves the certificates"
        )
    hosts, seconds = await served_hosts(context)
    if not hosts:
        return not_applicable("this replica serves no host name")
    disk = await on_disk(context)
    envoys = await loaded(context, disk)
    if envoys.certificates is None and (not options_known(replica) or _blind(disk)):
        return unseen(_blind(disk) or envoys.why)
    standing = _standing(replica, disk, envoys)
    lacking = _unmatched(context, hosts, standing)
    hidden = envoys.certificates is None and "environment" in replica.missing
    if hidden and lacking and not standing.certificates and not standing.autocert:
        return unseen(f"the certificates may be named in the environment: {replica.missing['environment']}")
    finding = judge(hosts, lacking, standing, waiting=_waiting(context))
    if hidden and lacking:
        finding = replace(
            finding, summary=f"{finding.summary}; the environment is not looked at and may name more"
        )
    return replace(finding, cost=seconds + envoys.seconds)


def judge(hosts: Sequence[Host], unmatched: Sequence[Host], standing: Standing, *, waiting: bool) -> Finding:
    """The finding, from the hosts that no certificate is good for. `waiting` while autocert may still be at it. Pure."""
    pending = [host for host in unmatched if standing.autocert and waiting and obtainable(host.name)]
    missing = [host for host in unmatched if host not in set(pending)] if pending else unmatched
    count = (("hosts", str(len(hosts))), ("unmatched", str(len(missing))), ("pending", str(len(pending))))
    if not missing:
        later = f"; autocert has still to obtain {len(pending)} of them" if pending else ""
        return passed(f"every host has a certificate ({len(hosts)} hosts{later})", attributes=count)
    get = served_instead(standing)
    told = [
        Evidence(host.origin, f"no certificate is good for {host.name}; users get {get}", _wanted(host.name))
        for host in missing[:_NAMED]
    ]
    if len(missing) > _NAMED:
        more = f"and {len(missing) - _NAMED} more hosts without one"
        told.append(Evidence("further routes", more, "a certificate for each"))
    first = missing[0]
    others = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
    refused = standing.autocert and obtainable(first.name)
    return failed(
        "no-match",
        f"no certificate is good for {first.name}, {first.origin}{others}: users get {get}, and a warning",
        told[0],
        *told[1:],
        steps=(_AUTOCERT,) if refused else (),
        attributes=count,
        names=(("ROUTE_HOST", first.name.replace("*", "any")),),
    )


_AUTOCERT = (
    "Autocert did not obtain it, and does not try again before the configuration changes or the replica is restarted: "
    "see that the name resolves to this replica and that port 443 (or port 80, with `http_redirect_addr: :80`) "
    "is reached from outside, read Pomerium's log for `autocert`, then restart the replica."
)


def served_instead(standing: Standing) -> str:
    """What Pomerium presents to who asks for a name that no certificate has."""
    if standing.own or not standing.certificates:
        return "the one that Pomerium makes itself (issued by O=Pomerium, CN=Pomerium PSK CA)"
    if len(standing.certificates) == 1:
        return f"the one for {standing.certificates[0].title}"
    return f"one of the {len(standing.certificates)} that are for other names"


def _wanted(name: str) -> str:
    parent = name.partition(".")[2]
    wildcard = f" or *.{parent}" if "." in parent and "*" not in name else ""
    return f"a certificate with {name}{wildcard} among its subject alternative names"


def _standing(replica: Replica, disk: OnDisk, envoys: Loaded) -> Standing:
    """Of what Envoy has loaded, what is not on disk counts too: a console or a controller may have brought it."""
    metrics = {pair.leaf.serial for pair in disk.pairs if pair.leaf and pair.source.role == METRICS}
    found = {
        pair.leaf.serial: pair.leaf
        for pair in disk.pairs
        if pair.leaf is not None and pair.complaint is None and pair.source.role != METRICS
    }
    own = False
    for one in envoys.certificates or ():
        if one.names == ("*",):
            own = True  # it is good for no name
        elif one.serial not in metrics:
            found.setdefault(one.serial, one)
    options = replica.options
    derived = bool(options.get("tls_derive"))
    return Standing(
        tuple(found.values()), own or derived, options_known(replica) and options.true("autocert")
    )


def _unmatched(context: Context, hosts: Sequence[Host], standing: Standing) -> Sequence[Host]:
    """The hosts that no certificate is good for; worked out again only when hosts or certificates are others."""
    asked = (context.replica.options, frozenset(one.serial for one in standing.certificates))
    kept = context.notes.recall(_NOTE)
    if kept is not None and kept[0] == asked[1] and kept[1] is asked[0] and not asked[0].zero:
        found: Sequence[Host] = kept[2]
        return found
    found = unmatched(hosts, standing.certificates)
    context.notes.keep(_NOTE, (asked[1], asked[0], found))
    return found


def unmatched(hosts: Sequence[Host], certificates: Collection[Certificate]) -> tuple[Host, ...]:
    """The hosts that none of these certificates is good for. Pure."""
    index = Index(certificates)
    return tuple(host for host in hosts if not index.covers(host.name))


def _blind(disk: OnDisk) -> str:
    """Why the certificates on disk cannot all be seen; empty when they can."""
    return disk.unread or next((pair.unseen for pair in disk.pairs if pair.unseen and pair.leaf is None), "")


def _waiting(context: Context) -> bool:
    """Whether autocert may still be at work on this configuration; always, for a replica that does not run."""
    replica, main = context.replica, context.replica.main
    if main is None:
        return True
    mark = next(iter(replica.stamps.values()), ())  # the configuration file's own
    changed = mark[3] / 1e9 if len(mark) > 3 and replica.options.path else 0.0
    if processes.age(main) < _OBTAIN:
        return True
    return since(context.notes, "configuration of autocert", changed, changed) < _OBTAIN

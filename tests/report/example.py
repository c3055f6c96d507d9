"""A small catalogue, a replica and a map of it, for the tests of the report."""

from __future__ import annotations

from pomhealth.catalogue import Catalogue, Cause, Check, Step
from pomhealth.replica.model import (
    AdminAddress,
    Endpoint,
    Holder,
    Options,
    Process,
    Replica,
    Storage,
    Value,
)
from pomhealth.status import (
    Component,
    Evidence,
    Finding,
    Gate,
    Outcome,
    Report,
    StatusMap,
    failed,
    not_applicable,
    observe,
    passed,
    report,
    unseen,
    warned,
)


def check(id_: str, area: str, gate: Gate, *causes: Cause, needs: tuple[str, ...] = ()) -> Check:
    return Check(
        id=id_,
        area=area,
        question=f"Is {id_} well?",
        means=f"What {id_} is good for.",
        gate=gate,
        interval=1.0,
        deadline=1.0,
        retry=0.5,
        dear=False,
        needs=needs,
        report_cause="reported",
        causes={cause.code: cause for cause in causes},
    )


CATALOGUE = Catalogue(
    {
        one.id: one
        for one in (
            check(
                "envoy.server",
                "Envoy",
                Gate.LIVE,
                Cause(
                    "hung",
                    Outcome.FAIL,
                    "Envoy answers nothing.",
                    (Step("See whether it is busy: `top -H -p PID`."),),
                ),
            ),
            check(
                "xds.listener",
                "Envoy",
                Gate.READY,
                Cause(
                    "gone",
                    Outcome.FAIL,
                    "It is gone.",
                    (
                        Step(
                            "Restart it:",
                            {"linux": "`systemctl restart pomerium`.", "docker": "`docker restart NAME`."},
                        ),
                    ),
                ),
                needs=("envoy.server",),
            ),
            check(
                "storage.backend",
                "Storage",
                Gate.READY,
                Cause(
                    "read-only",
                    Outcome.FAIL,
                    "It takes no writes.",
                    (Step("Promote the standby."), Step("Or change the DSN.")),
                    "database",
                ),
            ),
            check(
                "persistent_backend",
                "Storage",
                Gate.ALERT,
                Cause("in-memory", Outcome.WARN, "A restart forgets.", ()),
            ),
            check("zero.bootstrap-config.save", "Storage", Gate.ALERT),
        )
    }
)

REPLICA = Replica(
    main=Process(4242, 100, 0, 0),
    envoys=(Process(4250, 110, 0, 0),),
    options=Options(path="/etc/pomerium/config.yaml"),
    endpoints=(Endpoint("address", "", 443, Holder.ENVOY, "default"),),
    storage=Storage("postgres", "default", dsn="postgres://pomerium:hunter2@db/pomerium"),
    admin=AdminAddress("abstract", "6ec57f84", "envoy-config.yaml"),
    version=Value("v0.33.1", "the process"),
)

FINE: dict[str, Finding] = {
    "envoy.server": passed("LIVE, and its workers answer"),
    "xds.listener": passed("every listener was accepted"),
    "storage.backend": passed("connects, answers and takes writes"),
    "persistent_backend": passed("postgres survives a restart"),
    "zero.bootstrap-config.save": not_applicable("this replica is not managed by Pomerium Zero"),
}
HUNG = failed(
    "hung",
    "Envoy's workers do not answer",
    Evidence("TLS handshake with 127.0.0.1:443", "no answer in 1 s", "an answer within 1 s"),
    steps=("Let it go on: `kill -CONT 4250`.",),
    silent=True,
)
READ_ONLY = failed(
    "read-only", "PostgreSQL takes no writes", Evidence("db:5432, show transaction_read_only", "on", "off")
)
IN_MEMORY = warned(
    "in-memory", "databroker_storage_type is memory", Evidence("default", "memory", "postgres or file")
)
UNREADABLE = unseen("the cache directory cannot be read: run as root or as pomerium")


def status(reports: dict[str, Report] | None = None, **findings: Finding) -> StatusMap:
    """The map with these findings (a dot is written as two underscores), the others fine."""
    given = {name.replace("__", "."): finding for name, finding in findings.items()}
    map_ = StatusMap(
        {one.id: Component(one.id, one.gate, measures=True, needs=one.needs) for one in CATALOGUE}
    )
    for id_, finding in (FINE | given).items():
        map_ = observe(map_, id_, finding, at=1.0)
    return report(map_, reports or {}, {}, at=2.0)

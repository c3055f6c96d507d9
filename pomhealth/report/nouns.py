"""What the answers are made of, as JSON Schemas: entries, alerts, changes. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from pomhealth.catalogue import CURERS, PLATFORMS
from pomhealth.drain.model import End, Phase, Reason
from pomhealth.publish.members import STATES
from pomhealth.report.shapes import (
    Shape,
    by_name,
    listed,
    moment,
    number,
    one_of,
    perhaps,
    record,
    ref,
    text,
    truth,
    whole,
)
from pomhealth.status import Gate, Outcome

_STATUSES = ("RUNNING", "TERMINATING", "UNKNOWN")
_STOPPED = ("/healthz", "/readyz")
_KINDS = ("memory", "file", "postgres")

OUTCOME = one_of(Outcome, "pass and warn are well, fail is not; unknown cannot be seen, or was not yet")
GATE = one_of(Gate, "what a failure stops: live /healthz and /readyz, ready /readyz, alert nothing")
WHO = one_of(
    ("", *CURERS),
    'who can cure it, "" where nothing is to cure: '
    + "; ".join(f"{key} is {who}" for key, who in CURERS.items()),
)
CAUSE = text('code of what is wrong, from docs/checks.md; "" where nothing is')
ID = text("id of a check, from docs/checks.md, or one that only the replica itself reports")
IDS = listed(text("id of a check"), "ids of checks")
FIX = listed(text("one step; commands stand between backticks"), "what to do, in order")
DOCS = text('where the documentation of the check stands, in the project\'s tree; "" for an unknown one')
SINCE = moment("when this state began", never=True)

SHAPES: Mapping[str, Shape] = {
    "evidence": record(
        "one observation",
        {
            "source": text("where it was made: an address, a file and line, a query"),
            "observed": text("what was seen"),
            "expected": text("what should be"),
        },
    ),
    "attribute": record("in Pomerium's own form", {"Key": text("its name"), "Value": text("its value")}),
    "report": record(
        "the replica's own report, where it says otherwise than was measured",
        {"status": text("Pomerium's word")},
        {"error": text("what it says is wrong")},
    ),
    "certificate": record(
        "one certificate",
        {
            "name": text("the names that a person knows it by"),
            "where": text("the file or option that it is in"),
            "serial": text('serial number, "" where it could not be read'),
            "not_before": moment("from when on it is valid", never=True),
            "not_after": moment("until when it is valid", never=True),
            "problem": text('why it could not be read; "" where it could'),
        },
    ),
    "entry": record(
        "one check: the keys of Pomerium's own health report, and those of pomhealth",
        {
            "status": one_of(_STATUSES, "Pomerium's word: UNKNOWN also where nothing is known"),
            "outcome": OUTCOME,
            "cause": CAUSE,
            "summary": text("what was found, in one clause"),
            "fix": FIX,
            "who": WHO,
            "since": SINCE,
            "checked": moment("when it was last looked at", never=True),
            "blocked_by": text('id of the failing check that this one follows, "" for none'),
            "docs": DOCS,
            "evidence": listed(ref("evidence"), "what was seen"),
        },
        {
            "error": text("only where it stops readiness: the summary"),
            "attributes": listed(ref("attribute"), "what else is known of it"),
            "certificates": listed(ref("certificate"), "those looked at, the first to end first"),
            "reported": ref("report"),
        },
    ),
    "alert": record(
        "something to act on",
        {
            "id": ID,
            "cause": CAUSE,
            "outcome": one_of((Outcome.FAIL.value, Outcome.WARN.value), "fail, or warn, which stops nothing"),
            "gate": GATE,
            "stops": listed(one_of(_STOPPED, "a path that answers 503"), "what it stops now"),
            "summary": text("what was found, in one clause"),
            "evidence": listed(ref("evidence"), "what was seen"),
            "attributes": listed(ref("attribute"), "what else is known of it"),
            "fix": FIX,
            "who": WHO,
            "since": SINCE,
            "docs": DOCS,
            "followers": IDS,
        },
    ),
    "change": record(
        "one turn of one check",
        {
            "at": moment("when it turned"),
            "id": ID,
            "is": text('its state from then on: "pass", "fail: CAUSE"'),
            "summary": text("what was found, in one clause"),
            "was": text('its state before, "" at the first look'),
            "lasted": number("how long that state lasted, in seconds"),
            "followers": IDS,
        },
    ),
    "drain": record(
        "the drain that stands",
        {
            "reason": one_of(Reason, "why: asked for, the agent is stopped, or the replica stops"),
            "phase": one_of(Phase, "the load balancer is to notice, connections are to end, it is over"),
            "age": number("seconds since it began"),
            "notice": number("seconds that the load balancer has to notice"),
            "limit": number("seconds that it may take in all"),
            "connections": perhaps(whole("connections left; null where that cannot be seen")),
            "requests": perhaps(whole("requests left; null where that cannot be seen")),
            "most": whole("the most connections that were left at one look"),
            "end": perhaps(one_of(End, "how it came to its end; null while it goes on")),
            "drained": truth("whether the replica can be stopped without a request being cut"),
            "state": text("how many connections are left, in words"),
            "summary": text("how it stands, in words"),
        },
    ),
    "replica": record(
        "the replica that the agent watches",
        {"state": one_of(("found", "awaited", "not found"), "whether it is there")},
        {
            "version": perhaps(text("Pomerium's version")),
            "pid": perhaps(whole("its main process")),
            "envoy_pids": listed(whole("a process"), "its Envoys: two during a hot restart"),
            "addresses": by_name(text("HOST:PORT, * for every address"), "what it listens on, by option"),
            "services": listed(text("a service"), "which services it runs"),
            "storage": perhaps(one_of(_KINDS, "its storage backend")),
            "config": perhaps(text("path of its configuration file")),
            "platform": perhaps(one_of(PLATFORMS, "what it runs on")),
            "zero": truth("whether Pomerium Zero manages it"),
            "envoy_admin": perhaps(text("Envoy's admin interface: @NAME, /PATH or HOST:PORT")),
            "not_seen": by_name(text("the right that is lacking"), "what cannot be seen of it"),
        },
    ),
    "subject": record(
        "the replica that was looked at",
        {
            "version": perhaps(text("Pomerium's version")),
            "pid": perhaps(whole("its main process")),
            "envoy_pid": perhaps(whole("its Envoy")),
            "config": perhaps(text("path of its configuration file")),
            "zero": truth("whether Pomerium Zero manages it"),
            "services": listed(text("a service"), "which services it runs"),
            "addresses": by_name(text("HOST:PORT, * for every address"), "what it listens on, by option"),
            "envoy_admin": perhaps(text("Envoy's admin interface: @NAME, /PATH or HOST:PORT")),
            "storage": perhaps(one_of(_KINDS, "its storage backend")),
            "platform": perhaps(one_of(PLATFORMS, "what it runs on")),
            "offline": truth("whether a file alone was judged, and no replica"),
            "version_from": perhaps(text("what tells the version")),
            "missing": by_name(text("the right that is lacking"), "what cannot be seen of it"),
        },
    ),
    "check": record(
        "one check",
        {
            "id": ID,
            "area": text("what part of the replica it is about"),
            "outcome": OUTCOME,
            "cause": CAUSE,
            "gate": GATE,
            "summary": text("what was found, in one clause"),
            "says": text("what that means"),
            "evidence": listed(ref("evidence"), "what was seen"),
            "fix": FIX,
            "who": WHO,
            "docs": DOCS,
            "reported_otherwise": text('what the replica itself says, where it differs, else ""'),
            "blocked_by": text('id of the failing check that this one follows, "" for none'),
            "followers": IDS,
        },
    ),
    "ailment": record(
        "a check of a replica that fails or warns, in short",
        {
            "id": ID,
            "cause": CAUSE,
            "outcome": text('"fail", or "warn", which stops nothing'),
            "gate": text('what a failure stops: "live", "ready", "alert" (nothing)'),
            "summary": text("what was found, in one clause"),
        },
    ),
    "member": record(
        "a replica of the cluster; of one without an agent no more than the keys that are always there, and seen_by",
        {
            "host": text("its host's name; of one without an agent its address, as far as it is known"),
            "agent": truth("whether an agent tells of it"),
            "state": one_of(
                STATES,
                "stale and forgotten: silent, the latter for more than 24 hours; stopped: its agent said that it stops",
            ),
            "ready": truth("whether its /readyz answers 200, as its agent said within the last half minute"),
        },
        {
            "seen_by": text("of one without an agent: what shows it"),
            "id": text("id of the replica, a UUID that survives restarts"),
            "self": truth("whether it is the replica of the agent that answers"),
            "sound": truth("what its /readyz would answer by the policy strict"),
            "live": truth("whether its /healthz answered 200 when its agent last told"),
            "draining": truth("whether it was being taken out of rotation when its agent last told"),
            "worst": perhaps(ref("ailment", "the first of its ailments; null without any")),
            "ailments": listed(
                ref("ailment"), "its checks that fail or warn, worst first: 16 at most, all with /replicas/ID"
            ),
            "pomerium": text("Pomerium's version"),
            "envoy": text("Envoy's version"),
            "agent_version": text("the agent's version"),
            "config": text(
                'fingerprint of the configuration that runs, equal on equal replicas; "" where unknown'
            ),
            "config_since": moment("when it was first seen with that configuration", never=True),
            "addresses": by_name(text("HOST:PORT, * for every address"), "what it listens on, by option"),
            "clock": perhaps(number("seconds that its clock is ahead of the database's", least=None)),
            "first_seen": moment("when its agent first told of it", never=True),
            "last_seen": moment("the last sign of life of its agent", never=True),
            "version_since": moment(
                "with /replicas/ID: when it was first seen with these versions", never=True
            ),
            "certificates_since": moment("with /replicas/ID: the same of its certificates", never=True),
            "peer": text(
                "with /replicas/ID: from where its agent reaches the database; empty over a Unix socket"
            ),
            "metrics": text("with /replicas/ID: where the replica announces its own metrics, HOST:PORT"),
            "instead_of": text(
                "with /replicas/ID: the id that it gave up, since another replica lives with it"
            ),
            "checks": by_name(
                text('"pass", "warn CAUSE", "fail CAUSE", "skipped", "unknown"'),
                "with /replicas/ID: each of its checks by id",
            ),
        },
    ),
    "line": record(
        "one value",
        {
            "name": text("its name"),
            "value": {"description": "itself, of whatever type; secrets are replaced by [redacted]"},
            "origin": text('where it comes from: a file and line, a variable, an option, "default"'),
        },
    ),
}

"""The alerts that belong to no single cause, on what the agent's collector tells."""

from __future__ import annotations

from pathlib import Path

from pomhealth.catalogue import catalogue
from pomhealth.catalogue.load import STRANGER
from pomhealth.generate.monitoring.rules import Wishes, groups
from pomhealth.status import Finding, Outcome, Validity, failed, passed, unseen
from pomhealth.status.tally import Count
from tests.findings import SEEN
from tests.metrics.reading import Series, scraped
from tests.monitoring.promtool import Case, Fires, complaints
from tests.monitoring.replicas import BROKEN, JOB, READY, WELL, Minutes, series, view, well

_DAY = 1440  # minutes


def text(name: str) -> dict[str, str]:
    """The annotations of an alert as the rules have them, without a template's parts, which these tests write out."""
    rules = (alert for group in groups(catalogue(), Wishes()) for alert in group.alerts)
    return dict(next(alert for alert in rules if alert.name == name).annotations)


def fires(name: str, severity: str, labels: dict[str, str], **said: str) -> Fires:
    return Fires(name, {**labels, "job": JOB, "severity": severity}, text(name) | said)


def two(told: Series | None, count: int) -> list[dict[str, str]]:
    """One replica that is told of, and one beside it that is ready."""
    return [*series(BROKEN, [Minutes(count, told)]), *series(WELL, [Minutes(count, {READY: 1.0})])]


def test_when_no_replica_is_ready_that_is_told_beside_the_cause_of_each(tmp_path: Path) -> None:
    down = scraped(view({"xds.cluster": failed("rejected", "seen", SEEN)}))
    story = [Minutes(2, well()), Minutes(4, down)]
    nobody = fires("PomhealthNoReplicaReady", "critical", {}, summary=f"{JOB}: no replica is ready")
    found = Case(
        "nobody",
        [*series(BROKEN, story), *series(WELL, story)],
        {2: ()},
        alerts={4: (nobody,)},
        queries=[counted(4, PomhealthNoReplicaReady=1, PomhealthXdsClusterRejected=2)],
    )
    assert complaints([found], tmp_path) == ""


def blind() -> Series:
    """Nothing of what readiness depends on can be seen."""
    found: dict[str, Finding | None] = {
        check.id: unseen("no right") for check in catalogue() if "<" not in check.id
    }
    return scraped(view(found))


def without_cause() -> Fires:
    return fires(
        "PomhealthNotReadyWithoutCause",
        "critical",
        {"instance": BROKEN},
        summary=f"{BROKEN}: not ready, and no check fails",
    )


def counted(minute: int, **counts: int) -> dict[str, object]:
    """How many alerts fire then, of each name."""
    samples = [{"labels": f'{{alertname="{name}"}}', "value": count} for name, count in counts.items()]
    return {
        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": f"{minute}m",
        "exp_samples": samples,
    }


def test_a_replica_that_is_not_ready_though_nothing_fails_is_told(tmp_path: Path) -> None:
    not_looked_at = scraped(view({"xds.cluster": None}))
    cases = [
        Case("blind", two(blind(), 5), {0: (), 1: (without_cause(),)}),
        Case("not looked at", two(not_looked_at, 5), {0: (), 1: (without_cause(),)}),
    ]
    assert complaints(cases, tmp_path) == ""


def test_what_only_the_replica_knows_and_what_only_a_newer_agent_knows_is_told(tmp_path: Path) -> None:
    def other(check: str, cause: str, gate: str, severity: str) -> Fires:
        labels = {"instance": BROKEN, "check": check, "cause": cause, "gate": gate, "outcome": "fail"}
        steps = "\n".join(f"{number}. {step.text}" for number, step in enumerate(STRANGER.steps, 1))
        return fires(
            *("PomhealthOtherCause", severity, labels),
            summary=f"{BROKEN}: {check}: {cause}",
            explain=f"pomhealth explain {check}/{cause}",
            steps=steps,
        )

    strange = scraped(view({"databroker.moon": failed("reported", "seen", SEEN)}))
    newer = scraped(view({"routes.reachable": failed("ill-tempered", "seen", SEEN)}))
    cases = [
        Case(
            "strange",
            two(strange, 6),
            {0: (), 3: (other("databroker.moon", "reported", "ready", "critical"),)},
        ),
        Case(
            "newer",
            two(newer, 6),
            {0: (), 3: (other("routes.reachable", "ill-tempered", "alert", "warning"),)},
        ),
    ]
    assert complaints(cases, tmp_path) == ""


def certificate(ends: float) -> Series:
    """A well replica with one certificate that ends then, in seconds since the epoch, with which promtool begins."""
    one = Validity("*.example.com", "/etc/tls.pem", "0a1b", not_before=1.0, not_after=ends)
    return scraped(view({"certificates_current": Finding(Outcome.PASS, "fine", certificates=(one,))}))


def ending(name: str, severity: str, left: str, days: int) -> Fires:
    labels = {"instance": BROKEN, "name": "*.example.com", "where": "/etc/tls.pem", "serial": "0a1b"}
    return fires(
        *(name, severity, labels),
        summary=f"{BROKEN}: *.example.com {left}",
        description=f"The certificate in /etc/tls.pem, serial 0a1b, has less than {days} days left and has not been renewed.",
    )


def test_a_certificate_that_is_not_renewed_is_told_ahead_of_time_and_one_that_always_ends_soon_is_not(
    tmp_path: Path,
) -> None:
    ends = 30 * 86400.0
    minutes = 31 * _DAY
    first = ending("PomhealthCertificateNotRenewed", "warning", "ends in 15d 0h 0m 0s", 21)
    weeks = ending("PomhealthCertificateNotRenewed", "warning", "ends in 1d 0h 0m 0s", 21)
    last = ending("PomhealthCertificateEndsSoon", "critical", "ends in 1d 0h 0m 0s", 3)
    gone = (
        ending("PomhealthCertificateNotRenewed", "warning", "has ended", 21),
        ending("PomhealthCertificateEndsSoon", "critical", "has ended", 3),
    )
    long = Case(
        "a month",
        seldom(two(certificate(ends), minutes // 360)),
        {5 * _DAY: (), 15 * _DAY: (first,), 29 * _DAY: (weeks, last), 30 * _DAY + 360: gone},
    )
    short = Case("a day", seldom(two(certificate(86400.0), 4)), {360: (), 1080: ()})
    assert complaints([long, short], tmp_path, every="6h") == ""


def seldom(stored: list[dict[str, str]]) -> list[dict[str, str]]:
    """Series that are told every six hours: of a month, only what these rules ask for."""
    return [
        one for one in stored if one["series"].startswith(("up{", "pomhealth_certificate", "pomhealth_ready"))
    ]


def test_an_agent_that_does_not_answer_is_told_and_that_nobody_is_asked(tmp_path: Path) -> None:
    down = fires(
        *("PomhealthAgentDown", "critical", {"instance": BROKEN}),
        summary=f"{BROKEN}: the agent does not answer",
        steps=text("PomhealthAgentDown")["steps"].replace("{{ $labels.instance }}", BROKEN),
    )
    absent = fires("PomhealthAgentAbsent", "warning", {})
    silent = [Minutes(2, well()), Minutes(5, None)]
    cases = [
        Case(
            "down", [*series(BROKEN, silent), *series(WELL, [Minutes(7, {READY: 1.0})])], {3: (), 4: (down,)}
        ),
        Case(
            "absent", [{"series": 'up{job="other",instance="a"}', "values": "1+0x10"}], {4: (), 5: (absent,)}
        ),
    ]
    assert complaints(cases, tmp_path) == ""


def test_a_check_that_cannot_be_seen_any_more_is_told_and_one_that_never_could_is_not(tmp_path: Path) -> None:
    id_ = "routes.reachable"
    unknown = scraped(view({id_: unseen("no right")}))
    lost = fires(
        *("PomhealthCheckUnknown", "warning"),
        {"instance": BROKEN, "check": id_, "gate": "alert", "state": "unknown"},
        summary=f"{BROKEN}: {id_} cannot be seen any more",
        steps=f"1. `pomhealth check {id_}` beside the replica says which right, version or namespace is lacking.",
        explain=f"pomhealth explain {id_}",
    )
    once = [
        *series(BROKEN, [Minutes(3, well()), Minutes(40, unknown)]),
        *series(WELL, [Minutes(43, {READY: 1.0})]),
    ]
    cases = [
        Case("lost", once, {32: (), 33: (lost,)}),
        Case("never", two(unknown, 40), {39: ()}),
    ]
    assert complaints(cases, tmp_path) == ""


def test_an_agent_that_is_late_for_long_is_told(tmp_path: Path) -> None:
    late = fires(
        *("PomhealthAgentLate", "warning", {"instance": BROKEN}),
        summary=f"{BROKEN}: the agent does not get to run for 2s at a time",
    )
    assert complaints([Case("late", two(scraped(view(late=2.0)), 15), {9: (), 10: (late,)})], tmp_path) == ""


def test_looks_that_break_off_by_a_fault_of_our_own_are_told(tmp_path: Path) -> None:
    broken = fires(
        *("PomhealthProbeBroken", "warning", {"instance": BROKEN, "check": "xds.other"}),
        summary=f"{BROKEN}: looks at xds.other break off",
    )
    before, after = (scraped(view(tally={"xds.other": Count(looks=9, broken=count)})) for count in (0, 1))
    stored = [
        *series(BROKEN, [Minutes(3, before), Minutes(30, after)]),
        *series(WELL, [Minutes(33, {READY: 1.0})]),
    ]
    assert complaints([Case("broken", stored, {2: (), 4: (broken,), 25: ()})], tmp_path) == ""


def test_a_replica_that_is_well_is_told_nothing_of(tmp_path: Path) -> None:
    hours = 3
    stored = two(scraped(view({"certificates_current": passed("fine")})), hours * 60)
    assert complaints([Case("well", stored, dict.fromkeys((1, 60, hours * 60 - 1), ()))], tmp_path) == ""

"""One component of the status map: what is measured of it, what the replica reports of it, and what that means."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pomhealth.status.finding import Evidence, Finding, Gate, Outcome, failed, passed, unseen


@dataclass(frozen=True, slots=True)
class Report:
    """What the replica says of one of its components on its own health server (Pomerium 0.31 and newer).

    `required` tells whether the replica counts it for its own readiness, `early` that it is starting: what it has said
    nothing of yet is then no fault.
    """

    status: str
    error: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    required: bool = False
    early: bool = False

    @property
    def healthy(self) -> bool:
        """Judged by `error`, since an entry may be RUNNING with one (seen in 0.33.1), and by a status that is not RUNNING."""
        return not self.error and self.status == "RUNNING"


@dataclass(frozen=True, slots=True)
class Component:
    """What is known of one id. Times are seconds since the epoch.

    `measures` tells whether a probe of ours looks at it; `measured` is the last settled finding of that probe.
    `report_cause` is the cause code of a failing report, `pending_cause` that of one which only is not RUNNING yet (""
    where that is none of its own), `joint` tells whether one counts beside a measurement that
    found nothing wrong, and `patience` for how many seconds it must have failed before it counts. `failing_since` is
    when the replica began to report it as failing (0: it does not), `insists` whether that is long enough ago.
    `since` is when the present outcome and cause began,
    `checked` when it was last looked at, and `proven` whether it has passed since the replica started. `excused` is why
    it stops nothing though it is there to stop readiness ("" where it is not excused): `gate` is what it stops now.
    """

    id: str
    gate: Gate
    measures: bool = False
    needs: tuple[str, ...] = ()
    report_cause: str = "reported"
    pending_cause: str = ""
    joint: bool = False
    patience: float = 0.0
    failing_since: float = 0.0
    insists: bool = True
    measured: Finding | None = None
    reported: Report | None = None
    since: float = 0.0
    checked: float = 0.0
    proven: bool = False
    excused: str = ""

    @property
    def strictly(self) -> Gate:
        """What it stops where nothing is excused."""
        return Gate.READY if self.excused else self.gate

    def excuse(self, reason: str) -> Component:
        """The component with this reason to stop nothing, or with none. Only what gates readiness can have one."""
        if reason == self.excused:
            return self
        return replace(self, gate=Gate.ALERT if reason else self.strictly, excused=reason)

    @property
    def finding(self) -> Finding | None:
        """The two sources as one: a measurement outranks a report, a report without a measurement counts.

        Of a joint component a failing report counts too: it tells of what the measurement cannot see. So it does where
        there is nothing to measure here, as of a sign-in page that another service serves.

        None while nothing has been seen yet, which for what is measured means: until the first look.
        """
        measured = self.measured
        reported = self.reported if self.insists else None
        sound = (Outcome.PASS, Outcome.WARN, Outcome.SKIPPED)
        joint = self.joint and measured is not None and measured.outcome in sound
        if joint or (measured is not None and not measured.applies):
            said = (
                _as_finding(reported, self.report_cause, self.pending_cause) if reported is not None else None
            )
            if said is not None and said.outcome is Outcome.FAIL:
                return said
        if measured is not None and (measured.outcome is not Outcome.UNKNOWN or measured.early):
            return measured
        if reported is not None and (measured is not None or not self.measures):
            return _as_finding(reported, self.report_cause, self.pending_cause)
        return measured

    @property
    def contradicted(self) -> bool:
        """Whether the replica's report says otherwise than our measurement."""
        if self.measured is None or self.reported is None:
            return False
        if self.measured.outcome in (Outcome.UNKNOWN, Outcome.SKIPPED) or self.finding is not self.measured:
            return False
        return self.reported.healthy != (self.measured.outcome is not Outcome.FAIL)


def _as_finding(report: Report, cause: str, pending: str) -> Finding:
    said = report.error.strip() or f"status {report.status}"
    evidence = Evidence("the replica's own report", said, "RUNNING without an error")
    if report.healthy:
        return passed("reported as running by the replica", evidence, attributes=report.attributes)
    if report.early:
        return replace(unseen(f"the replica is starting: it reports {said}", evidence), early=True)
    if pending and not report.error and report.status != "TERMINATING":
        return failed(
            pending, f"not done yet: the replica reports {said}", evidence, attributes=report.attributes
        )
    if report.error or report.required or report.status == "TERMINATING":
        return failed(cause, f"the replica reports: {said}", evidence, attributes=report.attributes)
    return unseen(f"the replica says nothing of it yet ({said})", evidence)

"""Alerts that belong to no single check: of the agent, of the replica as a whole, of certificates ahead of time. Pure."""

from __future__ import annotations

from pomhealth.catalogue.load import STRANGER
from pomhealth.generate.monitoring.alert import Alert, Group, quoted, verbatim
from pomhealth.generate.monitoring.causes import Holds, numbered

_OTHER = "PomhealthOtherCause"
_END = "pomhealth_certificate_not_after_timestamp_seconds"
_GUIDE = "docs/monitoring.md"
_INSTANCE = "{{ $labels.instance }}"
_WHEN = "{{ if lt $value 0.0 }}has ended{{ else }}ends in {{ $value | humanizeDuration }}{{ end }}"


def groups(job: str, docs_url: str, holds: Holds) -> tuple[Group, ...]:
    """`job` is the name under which Prometheus scrapes the agents; for `docs_url` and `holds` see causes."""
    return (
        Group("pomhealth-replicas", (_nobody(holds), _without_cause(holds), _other(holds))),
        Group("pomhealth-certificates-ahead", (_ends("21", "7", "warning"), _ends("3", "4", "critical"))),
        Group("pomhealth-agent", _of_the_agent(job, docs_url)),
    )


def _nobody(holds: Holds) -> Alert:
    return Alert(
        "PomhealthNoReplicaReady",
        "max by (job, namespace, cluster) (pomhealth_ready) == 0",
        holds.fails,
        {"severity": "critical"},
        {
            "summary": "{{ $labels.job }}: no replica is ready",
            "description": "Every replica that answers Prometheus is out of rotation: nobody is let in.",
            "steps": "1. The alerts of the replicas tell what each one lacks; a cause that all of them have is the one to cure.\n"
            "2. Beside a replica, `pomhealth check` says the same with evidence.",
        },
    )


def _without_cause(holds: Holds) -> Alert:
    return Alert(
        "PomhealthNotReadyWithoutCause",
        'pomhealth_ready == 0 unless on (job, instance) (pomhealth_check_cause{severity="fail", gate!="alert"} > 0)',
        # A replica that starts has some seconds in which nothing is known of it.
        holds.fails,
        {"severity": "critical"},
        {
            "summary": f"{_INSTANCE}: not ready, and no check fails",
            "description": "The replica gets no traffic, since nothing is known of it yet, or nothing at all can be seen from where the agent runs.",
            "steps": "1. `pomhealth health` beside the replica names what has not been looked at.\n"
            "2. `pomhealth config` shows which replica is found, and what the agent may not see and why.",
        },
    )


def _other(holds: Holds) -> Alert:
    told = f'ALERTS{{alertname=~"Pomhealth.+", alertname!="{_OTHER}"}}'
    return Alert(
        _OTHER,
        f"pomhealth_check_cause > 0 unless on (job, instance, check, cause) {told}",
        holds.fails,
        {
            "severity": '{{ if or (eq $labels.severity "warn") (eq $labels.gate "alert") }}warning{{ else }}critical{{ end }}',
            "outcome": "{{ $labels.severity }}",
        },
        {
            "summary": f"{_INSTANCE}: {{{{ $labels.check }}}}: {{{{ $labels.cause }}}}",
            "description": "These rules have no words for it: the agent, or Pomerium, is newer than they are. "
            "Rules that fit the agent: `pomhealth generate prometheus`.",
            "steps": verbatim(numbered(STRANGER.steps)),
            "explain": "pomhealth explain {{ $labels.check }}/{{ $labels.cause }}",
        },
    )


def _ends(days: str, age: str, severity: str) -> Alert:
    """Of a certificate that has been seen for `age` days: one that lives for a day only is renewed all the time."""
    left = f"{_END} - time()"
    seen = f"{_END} offset {age}d"
    return Alert(
        "PomhealthCertificateNotRenewed" if severity == "warning" else "PomhealthCertificateEndsSoon",
        f"({left} < {days} * 86400) and on (job, name, serial) ({seen})",
        "1h",
        {"severity": severity},
        {
            "summary": f"{_INSTANCE}: {{{{ $labels.name }}}} {_WHEN}",
            "description": f"The certificate in {{{{ $labels.where }}}}, serial {{{{ $labels.serial }}}}, has less than {days} days left and has not been renewed.",
            "steps": "1. See why it was not renewed, and renew it.\n"
            "2. `pomhealth check certificates_current` tells when the replica serves the new one.",
            "explain": "pomhealth explain certificates_current/expiring",
        },
    )


def _of_the_agent(job: str, docs_url: str) -> tuple[Alert, ...]:
    up = f"up{{job={quoted(job)}}}"
    guide = {"runbook_url": docs_url + _GUIDE}
    return (
        Alert(
            "PomhealthAgentDown",
            f"{up} == 0",
            "2m",
            {"severity": "critical"},
            {
                "summary": f"{_INSTANCE}: the agent does not answer",
                "description": "Nothing is known of its replica, and a supervisor that asks the agent takes that one out of rotation.",
                "steps": "1. Linux package: `systemctl status pomhealth`, `journalctl -u pomhealth`; in a container: its log.\n"
                "2. From Prometheus's machine: `curl http://{{ $labels.instance }}/metrics`; the agent listens on the loopback address unless `listen` says otherwise.",
                **guide,
            },
        ),
        Alert(
            "PomhealthAgentAbsent",
            f"absent({up})",
            "5m",
            {"severity": "warning"},
            {
                "summary": f"Prometheus asks no agent: it knows no target of the job {verbatim(job)}",
                "description": "None of these rules can tell anything.",
                "steps": "1. See the job under Status, Targets in Prometheus.\n"
                "2. Where the job has another name: `pomhealth generate prometheus --job NAME`.",
                **guide,
            },
        ),
        Alert(
            "PomhealthCheckUnknown",
            'pomhealth_check_state{state="unknown"} == 1 and on (job, instance, check) '
            'max by (job, instance, check) (max_over_time(pomhealth_check_state{state=~"pass|warn|fail"}[1d])) == 1',
            "30m",
            {"severity": "warning"},
            {
                "summary": f"{_INSTANCE}: {{{{ $labels.check }}}} cannot be seen any more",
                "description": "It was seen within the last day. What is unknown stops nothing, and hides a fault.",
                "steps": "1. `pomhealth check {{ $labels.check }}` beside the replica says which right, version or namespace is lacking.",
                "explain": "pomhealth explain {{ $labels.check }}",
            },
        ),
        Alert(
            "PomhealthAgentLate",
            "pomhealth_agent_lag_seconds > 1",
            "10m",
            {"severity": "warning"},
            {
                "summary": f"{_INSTANCE}: the agent does not get to run for {{{{ $value | humanizeDuration }}}} at a time",
                "description": "While it is late it judges no silence: a hang is told later, or not at all. The replica shares the machine, and is likely to be late too.",
                "steps": "1. See what takes the processor: `top`, and the limits of the container.",
                **guide,
            },
        ),
        Alert(
            "PomhealthProbeBroken",
            "increase(pomhealth_probe_errors_total[15m]) > 0",
            "0s",
            {"severity": "warning"},
            {
                "summary": f"{_INSTANCE}: looks at {{{{ $labels.check }}}} break off",
                "description": "The fault is pomhealth's own.",
                "steps": "1. Report it, with the lines of the agent's log that name the check.",
                **guide,
            },
        ),
    )

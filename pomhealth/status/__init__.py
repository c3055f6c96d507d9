"""The nouns: findings, components, and the map of them. No I/O here."""

from pomhealth.status.changes import Change, Told, changes, resumed, stands
from pomhealth.status.component import Component, Report
from pomhealth.status.excuse import excusing, strict
from pomhealth.status.finding import (
    DRAINING,
    Evidence,
    Finding,
    Gate,
    Outcome,
    Unobservable,
    Validity,
    blocked,
    failed,
    not_applicable,
    passed,
    unseen,
    void,
    warned,
)
from pomhealth.status.settle import Streak, Thresholds, settle
from pomhealth.status.starting import of_start, report_of_start
from pomhealth.status.statusmap import Entry, StatusMap, forget, observe, report, restarted, shifted

__all__ = [
    "DRAINING",
    "Change",
    "Component",
    "Entry",
    "Evidence",
    "Finding",
    "Gate",
    "Outcome",
    "Report",
    "StatusMap",
    "Streak",
    "Thresholds",
    "Told",
    "Unobservable",
    "Validity",
    "blocked",
    "changes",
    "excusing",
    "failed",
    "forget",
    "not_applicable",
    "observe",
    "of_start",
    "passed",
    "report",
    "report_of_start",
    "restarted",
    "resumed",
    "settle",
    "shifted",
    "stands",
    "strict",
    "unseen",
    "void",
    "warned",
]

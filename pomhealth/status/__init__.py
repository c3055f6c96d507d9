"""The nouns: findings, components, and the map of them. No I/O here."""

from pomhealth.status.component import Component, Report
from pomhealth.status.finding import (
    Evidence,
    Finding,
    Gate,
    Outcome,
    Unobservable,
    blocked,
    failed,
    not_applicable,
    passed,
    unseen,
    warned,
)
from pomhealth.status.settle import Streak, Thresholds, settle
from pomhealth.status.statusmap import Entry, StatusMap, observe, report

__all__ = [
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
    "Unobservable",
    "blocked",
    "failed",
    "not_applicable",
    "observe",
    "passed",
    "report",
    "settle",
    "unseen",
    "warned",
]

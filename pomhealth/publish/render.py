"""Turns a view into what is served. Pure: values in, bytes out.

Three forms. JSON in the shape of Pomerium's own health endpoints, with our keys beside its own; plain text in the
shape of kube-apiserver's `?verbose`; and, for the fast client, lines:

    pomhealth 1 ready=0|1 live=0|1
    id<TAB>outcome<TAB>stops<TAB>gate<TAB>cause<TAB>summary<TAB>fix<TAB>blocked_by

one line for each check that applies, the worst first. `stops` is 1 where the check itself keeps /readyz at 503 now, else 0; `gate` is
live, ready or alert; the steps in `fix` are joined by " ; "; tabs and line breaks within a field are spaces; a field
without a value is empty. Further fields may come to stand after the last.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from pomhealth.publish.entry import Told, attributes, tell
from pomhealth.publish.moment import when
from pomhealth.publish.view import View
from pomhealth.status import Entry, Gate, Outcome
from pomhealth.status.changes import Change, state

LINES = "text/tab-separated-values"


def is_open(view: View, question: str, exclude: Iterable[str] = ()) -> bool:
    """Whether /startupz, /readyz or /healthz ("startup", "ready", "live") answers 200."""
    excluded = frozenset(exclude)
    status = view.status
    if question == "live":
        failing = (one for one in status.counting(Gate.LIVE) if one.outcome is Outcome.FAIL)
        return all(one.id in excluded for one in failing)
    if question == "startup":
        if view.started or not excluded:
            return view.started
        counting = [one for one in status.counting(Gate.LIVE, Gate.READY) if one.id not in excluded]
        return not any(one.outcome is Outcome.UNKNOWN for one in counting) and is_open(view, "live", excluded)
    return not status.blind and not status.stopping(Gate.LIVE, Gate.READY, exclude=excluded)


def counted(view: View, question: str, exclude: Iterable[str] = ()) -> tuple[Entry, ...]:
    """The entries that a question is answered by."""
    gates = (Gate.LIVE,) if question == "live" else (Gate.LIVE, Gate.READY)
    excluded = frozenset(exclude)
    return tuple(entry for entry in view.status.counting(*gates) if entry.id not in excluded)


def flat(view: View, entries: Iterable[Entry]) -> bytes:
    """The map by id, as Pomerium's /readyz gives it."""
    return f"{_entries(entries, view)}\n".encode("utf-8", "replace")


def verbose(view: View, question: str, exclude: Iterable[str] = ()) -> bytes:
    """The form that `kubectl get --raw '/readyz?verbose'` has made known, but with reasons."""
    excluded = frozenset(exclude)
    name = {"startup": "startupz", "ready": "readyz", "live": "healthz"}[question]
    said = [
        *_warning_lines(view, excluded),
        *(
            f"[+]{entry.id} excluded" if entry.id in excluded else _verbose_line(view, entry)
            for entry in counted(view, question)
        ),
        f"{name} check {'passed' if is_open(view, question, excluded) else 'failed'}",
    ]
    return ("\n".join(said) + "\n").encode()


def status(view: View) -> bytes:
    """Everything, in a shape that a client written for Pomerium's /status reads unchanged."""
    entries = view.status.entries.values()
    counting = view.status.counting(Gate.LIVE, Gate.READY)
    counts = {entry.id for entry in counting}
    shown = [entry for entry in entries if entry.id in counts or _is_seen(entry)]
    document = {
        "checks": [entry.id for entry in counting],
        **state_of(view),
        "replica": view.replica,
        "drain": view.drain,
        "agent": {"late": round(view.late, 3), "control": view.control, "unkept": view.unkept},
        "unobserved": {
            entry.id: entry.finding.summary if entry.finding else "not looked at yet"
            for entry in entries
            if entry.unobserved or (entry.pending and entry.id not in counts)
        },
        "not_applicable": {
            entry.id: entry.finding.summary for entry in entries if entry.finding and not entry.applies
        },
        "history": [_change(change) for change in reversed(view.history)],
    }
    statuses = _entries(shown, view).replace("\n", "\n  ")
    return f'{{\n  "statuses": {statuses},'.encode("utf-8", "replace") + _json(document)[1:]


def state_of(view: View) -> Mapping[str, Any]:
    """The verdicts, and what the agent has to say of itself."""
    return {
        "ready": view.status.ready,
        "live": view.status.live,
        "started": view.started,
        "notice": view.notice,
    }


def turn(change: Change, view: View) -> Mapping[str, Any]:
    """One turn of a check, with the verdicts that it led to and the alert that stands now, if any."""
    entry = view.status.entries.get(change.id)
    stands = entry is not None and entry.outcome in (Outcome.FAIL, Outcome.WARN)
    return {
        **_change(change),
        "outcome": change.outcome.value,
        "cause": change.cause,
        "ready": view.status.ready,
        "live": view.status.live,
        "alert": _alert(entry, view) if entry is not None and stands else None,
    }


def alerts(view: View) -> bytes:
    """What a person should act on now, worst first."""
    document = {
        "alerts": [_alert(entry, view) for entry in view.status.alerts()],
        "ready": view.status.ready,
        "live": view.status.live,
        "notice": view.notice,
    }
    return _json(document)


def drain(view: View) -> bytes:
    """The drain that stands."""
    return _json(view.drain)


def lines(view: View) -> bytes:
    """The form for the fast client; the module's docstring describes it."""
    stopping = {entry.id for entry in view.status.stopping(Gate.LIVE, Gate.READY)}
    rows = [f"pomhealth 1 ready={view.status.ready:d} live={view.status.live:d}"]
    for entry in sorted(view.status.entries.values(), key=lambda entry: entry.urgency):
        if entry.applies:
            told = Told.of(entry, view)
            fields = (
                entry.id,
                entry.outcome.value,
                "1" if entry.id in stopping else "0",
                entry.component.gate.value,
                told.cause,
                told.summary,
                " ; ".join(told.fix),
                entry.blocked_by,
            )
            rows.append("\t".join(" ".join(field.split()) for field in fields))
    return ("\n".join(rows) + "\n").encode()


def unknown_ids(view: View, ids: Iterable[str]) -> tuple[str, ...]:
    """One line for each id that is no check's, with the nearest that is."""
    known = list(view.status.components)
    return tuple(_unknown(id_, known) for id_ in ids if id_ not in known)


def _unknown(id_: str, known: list[str]) -> str:
    near = difflib.get_close_matches(id_, known, 1)
    return f"there is no check {id_!r}" + (f"; did you mean {near[0]}?" if near else "")


def _is_seen(entry: Entry) -> bool:
    return entry.applies and not entry.unobserved and not entry.pending


def _warning_lines(view: View, excluded: frozenset[str]) -> list[str]:
    notice = [view.notice] if view.notice else []
    return [f"warning: {text}" for text in [*notice, *unknown_ids(view, sorted(excluded))]]


def _verbose_line(view: View, entry: Entry) -> str:
    told = Told.of(entry, view)
    if entry.outcome is Outcome.PASS:
        return f"[+]{entry.id} ok"
    if entry.outcome is Outcome.WARN:
        return f"[+]{entry.id} ok, warning: {told.cause}: {told.summary}"
    if entry.outcome is Outcome.FAIL:
        fix = "".join(f"\n    {step}" for step in told.fix)
        return f"[-]{entry.id} failed: {told.cause}: {told.summary}{fix}"
    if entry.outcome is Outcome.SKIPPED:
        return f"[-]{entry.id} skipped: {told.summary}"
    return f"[-]{entry.id} unknown: {told.summary}"


def _alert(entry: Entry, view: View) -> Mapping[str, Any]:
    told = Told.of(entry, view)
    gate = entry.component.gate
    stops = {Gate.LIVE: ["/healthz", "/readyz"], Gate.READY: ["/readyz"], Gate.ALERT: []}[gate]
    return {
        "id": entry.id,
        "cause": told.cause,
        "outcome": entry.outcome.value,
        "gate": gate.value,
        "stops": stops if entry.outcome is Outcome.FAIL else [],
        "summary": told.summary,
        "evidence": told.evidence,
        "attributes": attributes(entry),
        "fix": list(told.fix),
        "who": told.who,
        "since": when(told.since),
        "docs": told.docs,
        "followers": list(entry.followers),
    }


def _change(change: Change) -> Mapping[str, Any]:
    return {
        "at": when(change.at),
        "id": change.id,
        "is": state(change.outcome, change.cause),
        "summary": change.summary,
        "was": change.was,
        "lasted": round(change.lasted, 3),
        "followers": list(change.followers),
    }


def _entries(entries: Iterable[Entry], view: View) -> str:
    """The entries by id. Each is worked out when it changes, and not with every other."""
    texts = [
        f"  {json.dumps(one.id, ensure_ascii=False)}: {view.memo.text(one, view.platform, partial(_entry, one, view))}"
        for one in entries
    ]
    return "{\n" + ",\n".join(texts) + "\n}" if texts else "{}"


def _entry(entry: Entry, view: View) -> str:
    return _text(tell(entry, view)).replace("\n", "\n  ")


def _json(document: Any) -> bytes:
    return _text(document).encode("utf-8", "replace") + b"\n"


def _text(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2)

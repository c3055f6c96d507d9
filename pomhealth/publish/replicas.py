"""/replicas: the cluster as this agent knows it, and /replicas/ID: one replica of it. Pure.

A line for each replica, so that whoever reads them with grep, or reads thousands, finds them one at a time.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pomhealth.cluster.model import Member, Roster
from pomhealth.publish.members import agentless, state, tight, whole
from pomhealth.publish.message import Request, Response, text
from pomhealth.publish.moment import told
from pomhealth.publish.view import View

HIDDEN = "forgotten"
_COMPARED = 200  # names that a word is compared with: it takes the event loop's time
_BETWEEN = ",\n"
_LONGEST = 100  # letters of a word that is answered
_NAMED = 5  # replicas that are named where a word means several
_TURN_ON = (
    "Set `cluster = true` in the agent's settings, or POMHEALTH_CLUSTER=true, beside every replica, and restart the agents.",
    "They meet in the PostgreSQL that the replicas share; any other will do too, by `cluster_dsn_file` or `cluster_dsn`.",
)
_LOOK = ("See what keeps this agent from it: `pomhealth explain cluster_registry`, and the agent's own log.",)


def answer(request: Request, view: View) -> Response:
    """All replicas but those that were silent for long, which are there with ?all."""
    return Response(HTTPStatus.OK, listed(view, everyone=everyone(request)), headers=(("Vary", "Accept"),))


def everyone(request: Request) -> bool:
    """Whether those are asked for too that were silent for long."""
    return any(value.lower() not in ("0", "false") for value in request.values("all"))


def answer_one(word: str, view: View) -> Response:
    """The replica with this id, or on this host where it is the only one."""
    roster = view.roster
    if not roster.wanted:
        return text(HTTPStatus.NOT_FOUND, f"{notice(roster)}: no replica is known by name")
    members = [member for member in roster.members if word in (member.id, member.account.host)]
    strange = [seen for seen in roster.agentless if seen.where == word]
    if len(members) + len(strange) != 1:
        return text(HTTPStatus.NOT_FOUND, _not_one(word, members, roster))
    known = whole(members[0], roster) if members else agentless(strange[0])
    document = {**_head(view), **known}
    return Response(HTTPStatus.OK, (json.dumps(document, indent=2) + "\n").encode())


def listed(view: View, *, everyone: bool) -> bytes:
    """The document."""
    roster = view.roster
    states = [(member, state(member, roster)) for member in roster.members]
    shown = [pair for pair in states if everyone or pair[1] != HIDDEN]
    lines = view.memo.members.all(roster, shown)
    lines += [tight(agentless(seen)) for seen in roster.agentless]
    head = {
        **_head(view),
        "self": roster.mine,
        "expected": view.expected,
        "ready": sum(how == "ready" for _, how in states),
        "policy": policy(view),
        "rollout": _rollout(roster),
        "hidden": len(states) - len(shown),
    }
    rows = f"[\n{_BETWEEN.join(lines)}\n]" if lines else "[]"
    return f'{json.dumps(head, indent=2)[:-2]},\n  "replicas": {rows}\n}}\n'.encode()


def policy(view: View) -> str:
    """The readiness policy in force."""
    lines = (line for section in view.sections if section.title == "settings" for line in section.lines)
    return next((str(line.value) for line in lines if line.name == "readiness_policy"), "strict")


def _head(view: View) -> Mapping[str, Any]:
    """What must be known to judge the rest."""
    roster = view.roster
    return {
        "enabled": roster.wanted,
        "complete": roster.complete,
        "notice": notice(roster),
        "fix": list(fix(roster)),
        "at": told(roster.at),
    }


def notice(roster: Roster) -> str:
    """Why not all is known; "" where it is."""
    if not roster.wanted:
        return "the cluster view is off"
    why = " ".join(roster.trouble.why.split()) if roster.trouble is not None else ""
    if roster.at <= 0.0:
        return f"the cluster view is not there yet: {why or 'the registry has not been read yet'}"
    return f"the cluster view is incomplete, as of {told(roster.at)[11:19]} UTC: {why}" if why else ""


def fix(roster: Roster) -> tuple[str, ...]:
    """What to do about it."""
    if not roster.wanted:
        return _TURN_ON
    return (roster.trouble.steps or _LOOK) if roster.trouble is not None else ()


def _rollout(roster: Roster) -> Mapping[str, str] | None:
    """Who may restart its replica now."""
    lease = roster.lease
    if lease is None or lease.until <= roster.at:
        return None
    host = next((member.account.host for member in roster.members if member.id == lease.holder), "")
    return {"holder": lease.holder, "host": host, "until": told(lease.until)}


def _not_one(word: str, members: Sequence[Member], roster: Roster) -> str:
    """Why the word names no one replica, and what would."""
    if len(members) > 1:
        ids = ", ".join(member.id for member in members[:_NAMED])
        more = ", …" if len(members) > _NAMED else ""
        return f"{len(members)} replicas are on {_shown(word)}; name one by its id: {ids}{more}"
    known = [name for member in roster.members for name in (member.account.host, member.id)]
    known += [seen.where for seen in roster.agentless]
    near = difflib.get_close_matches(word[:_LONGEST], known[:_COMPARED], 1) or [
        name for name in known if word and name.startswith(word)
    ]
    return f"there is no replica {_shown(word)}" + (f"; did you mean {_shown(near[0])}?" if near else "")


def _shown(word: str) -> str:
    """Of whatever came, what a terminal can be sent."""
    return ascii(word[:_LONGEST])

"""The JSON Schemas of what pomhealth answers, made from the same words as the answers: `python -m` writes the files."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from pomhealth.report.document import SCHEMA
from pomhealth.report.nouns import CAUSE, FIX, IDS, OUTCOME, SHAPES
from pomhealth.report.shapes import (
    Shape,
    by_name,
    document,
    listed,
    moment,
    number,
    perhaps,
    record,
    ref,
    text,
    truth,
    whole,
)

READY = truth("whether /readyz answers 200")
LIVE = truth("whether /healthz answers 200")
STARTED = truth("whether /startupz answers 200")
NOTICE = text('what the agent has to say of itself, "" for nothing')

_CLUSTER = {
    "enabled": truth("whether the agent takes part in the cluster's registry"),
    "complete": truth("whether all that is registered is known, as it is now"),
    "notice": text("why not all is known, in one line; empty where it is"),
    "fix": FIX,
    "at": moment("the moment of which this tells, by the clock of the registry's database", never=True),
}


def schemas() -> Mapping[str, Shape]:
    """Every schema, by the name of its file."""
    lines = listed(ref("line"), "values, each with its origin")
    sections = ("settings", "replica", "addresses", "options", "refused_by_Pomerium", "not_seen")
    made = {
        "check": (
            "pomhealth check -o json",
            record(
                "everything measured once",
                {
                    "error": perhaps(text("why nothing could be measured; null where it could")),
                    "schema": {"const": SCHEMA, "description": "of this form; a change that breaks readers"},
                    "replica": ref("subject"),
                    "ready": perhaps(truth("fit for traffic; null where only some checks were asked for")),
                    "errors": listed(text("id of a check"), "what fails, and what was not looked at in time"),
                    "warnings": IDS,
                    "checks": listed(ref("check"), "worst first, each followed by what follows from it"),
                },
            ),
        ),
        "status": (
            "GET /status",
            record(
                "the whole map, which a client written for Pomerium's own /status reads unchanged",
                {
                    "statuses": by_name(ref("entry"), "every check that can be seen, by id"),
                    "checks": listed(text("id of a check"), "those that count for readiness"),
                    "ready": READY,
                    "live": LIVE,
                    "started": STARTED,
                    "notice": NOTICE,
                    "replica": ref("replica"),
                    "drain": perhaps(ref("drain")),
                    "agent": record(
                        "the agent itself",
                        {
                            "late": number(
                                "seconds in one go for which it did not get to run, in the last minute"
                            ),
                            "control": text("where orders to drain are taken: @NAME"),
                            "unkept": text(
                                "why what happened would not survive a restart, and what to do; empty"
                            ),
                        },
                    ),
                    "unobserved": by_name(text("why"), "checks that cannot be seen from here"),
                    "not_applicable": by_name(text("why"), "checks without a meaning for this replica"),
                    "history": listed(ref("change"), "what changed last, newest first"),
                },
            ),
        ),
        "alerts": (
            "GET /alerts",
            record(
                "what a person should act on now",
                {
                    "alerts": listed(ref("alert"), "worst first"),
                    "ready": READY,
                    "live": LIVE,
                    "notice": NOTICE,
                },
            ),
        ),
        "readyz": (
            "GET /readyz, /healthz, /startupz and /readyz/ID",
            by_name(ref("entry"), "the checks that count for the question, by id"),
        ),
        "event": (
            "data of the event `change` of GET /events",
            {
                **ref("change"),
                **record(
                    "one turn of one check, and what it led to",
                    {
                        "outcome": OUTCOME,
                        "cause": CAUSE,
                        "ready": READY,
                        "live": LIVE,
                        "alert": perhaps(ref("alert", "as in /alerts; null where it stands no more")),
                    },
                ),
            },
        ),
        "replicas": (
            "GET /replicas",
            record(
                "the cluster as the agent knows it",
                {
                    **_CLUSTER,
                    "self": text("id of the replica of the agent that answers; empty while it has none"),
                    "expected": whole(
                        "how many replicas there should be, by the agent's settings; 0: no expectation"
                    ),
                    "ready": whole("how many are ready"),
                    "policy": text("the readiness policy of the agent that answers"),
                    "rollout": perhaps(
                        record(
                            "who may restart its replica now; null for nobody",
                            {
                                "holder": text("id of the replica"),
                                "host": text("its host's name"),
                                "until": moment("until when"),
                            },
                        )
                    ),
                    "hidden": whole("replicas that were silent for more than 24 hours; ?all lists them too"),
                    "replicas": listed(
                        ref("member"), "in the order of their hosts; last those without an agent"
                    ),
                },
            ),
        ),
        "replica": (
            "GET /replicas/ID",
            {**ref("member"), **record("one replica of the cluster", _CLUSTER)},
        ),
        "config": (
            "pomhealth config -o json",
            record(
                "settings and replica, each value with its origin",
                {"settings": lines},
                dict.fromkeys(sections[1:], lines),
            ),
        ),
    }
    return {
        f"{name}.schema.json": document(name, title, shape, _used(shape))
        for name, (title, shape) in made.items()
    }


def written(schema: Shape) -> str:
    """The text of a schema's file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _used(shape: Shape) -> dict[str, Shape]:
    """The named shapes that a shape refers to, directly or not, in their order."""
    names: set[str] = set()
    ahead = [json.dumps(shape)]
    while ahead:
        said = ahead.pop()
        found = {name for name in SHAPES if f'"#/$defs/{name}"' in said} - names
        names |= found
        ahead += [json.dumps(SHAPES[name]) for name in found]
    return {name: shape for name, shape in SHAPES.items() if name in names}


if __name__ == "__main__":
    for name, schema in schemas().items():
        (Path(sys.argv[1]) / name).write_text(written(schema), encoding="utf-8")

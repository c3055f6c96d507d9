"""What a PodMonitor may say, as far as ours goes, by hand: the packages of the API's schemas have only Kubernetes' own.

From the operator's monitoring.coreos.com_podmonitors.yaml: each field here is one of its, with the pattern that it has
there; a field that is not here is refused, though the definition may know it.
"""

from __future__ import annotations

from typing import Any

import jsonschema  # type: ignore[import-untyped]

_DURATION = r"^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$"
_LABELS = {"type": "object", "additionalProperties": {"type": "string"}}


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_RELABELING = _object(
    targetLabel={"type": "string"},
    replacement={"type": "string"},
)
_ENDPOINT = _object(
    port={"type": "string"},
    path={"type": "string"},
    interval={"type": "string", "pattern": _DURATION},
    scrapeTimeout={"type": "string", "pattern": _DURATION},
    relabelings={"type": "array", "items": _RELABELING},
)
_SCHEMA = _object(
    ("apiVersion", "kind", "metadata", "spec"),
    apiVersion={"const": "monitoring.coreos.com/v1"},
    kind={"const": "PodMonitor"},
    metadata=_object(("name",), name={"type": "string"}, namespace={"type": "string"}, labels=_LABELS),
    spec=_object(
        ("selector",),
        selector=_object(matchLabels=_LABELS),
        podMetricsEndpoints={"type": "array", "items": _ENDPOINT},
    ),
)


def complaints(monitor: dict[str, Any]) -> list[str]:
    """What is wrong with it."""
    return [error.message for error in jsonschema.Draft202012Validator(_SCHEMA).iter_errors(monitor)]

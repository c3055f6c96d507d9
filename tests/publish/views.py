"""Views to render: real catalogue, made-up findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from pomhealth.catalogue import catalogue
from pomhealth.publish.browser import Part
from pomhealth.publish.message import Response
from pomhealth.publish.view import View
from pomhealth.status import Component, Finding, Gate, Report, StatusMap, observe, passed, report

AT = 1_800_000_000.0  # 2027-01-15T08:00:00Z


def component(id_: str, gate: Gate | None = None) -> Component:
    """As the catalogue has it."""
    check = catalogue().checks[id_]
    return Component(id_, gate or check.gate, measures=True, needs=check.needs)


class NoPage:
    """A page without parts, which can be drawn at once."""

    ready = True

    async def load(self) -> None:
        """Nothing is to be loaded."""

    def parts(self, document: str, view: View) -> Iterator[Part]:
        del document, view
        return iter(())

    def page(self, document: str, view: View, place: str, parts: Mapping[str, str]) -> Response:
        del document, view
        return Response(HTTPStatus.OK, f"{place}{dict(parts)}".encode(), "text/html; charset=utf-8")

    def file(self, path: str) -> Response:
        return Response(HTTPStatus.OK, path.encode(), "text/css; charset=utf-8")


def view(
    findings: dict[str, Finding | None],
    reports: dict[str, Report] | None = None,
    *,
    proven: bool = False,
    **more: Any,
) -> View:
    """A view of these findings, None for what has not been looked at; `proven` once each has passed before."""
    status = StatusMap({id_: component(id_) for id_ in findings})
    for id_, finding in findings.items():
        if proven:
            status = observe(status, id_, passed("fine"), at=AT - 60)
        if finding is not None:
            status = observe(status, id_, finding, at=AT)
    if reports:
        status = report(status, reports, {}, at=AT)
    return View(status, catalogue(), **more)

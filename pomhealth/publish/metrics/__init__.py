"""/metrics: the view in Prometheus's text formats, by its official client."""

from __future__ import annotations

from http import HTTPStatus

from pomhealth.publish.message import Request, Response
from pomhealth.publish.view import View


def answer(request: Request, view: View) -> Response:
    """The answer to a scrape, as OpenMetrics where its Accept header asks for that."""
    from pomhealth.publish.metrics.exposition import exposed  # noqa: PLC0415  (the client: only once it is asked)

    kind, body = exposed(request.accept, view)
    return Response(HTTPStatus.OK, body, kind)

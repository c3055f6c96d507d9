"""Which page answers which request. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus

from pomhealth.publish import metrics, render, replicas
from pomhealth.publish.browser import DOCUMENTS, EVERY_REPLICA, REPLICA, REPLICAS
from pomhealth.publish.events.feed import CHANGES
from pomhealth.publish.events.wire import KIND
from pomhealth.publish.message import ALLOWED, Request, Response, text
from pomhealth.publish.view import View
from pomhealth.status import Gate

_QUESTIONS = {"/startupz": "startup", "/readyz": "ready", "/healthz": "live"}
_INDEX = """\
pomhealth: the health of the Pomerium replica beside it

/             a page to look at, in a browser
/readyz       200 when the replica should get traffic, else 503: each check that counts, as JSON
/healthz      200 unless a restart would help
/startupz     200 once everything that counts has been looked at
/status       every check, what cannot be seen, and what changed last
/alerts       what to act on now, worst first, with evidence and next steps
/readyz/ID    one check
/replicas     every replica of the cluster (for a browser a page), where the agents share a registry; ?all with those long silent
/replicas/ID  one replica, by its id or host
/events       what changes, as server-sent events
/metrics      all of it as numbers, for Prometheus
/drained      answers when a drain is over: 200 when the replica can be stopped, 503 when it took too long

?verbose      plain text instead of JSON (on /readyz, /healthz, /startupz)
?exclude=ID   answers without this check; may be repeated
"""


def answer(request: Request, view: View) -> Response:
    """The answer to this request at this moment."""
    if request.method == "OPTIONS":
        return Response(HTTPStatus.NO_CONTENT, headers=(("Allow", ALLOWED),))
    if request.method not in ("GET", "HEAD"):
        return text(
            HTTPStatus.METHOD_NOT_ALLOWED,
            f"only {ALLOWED} are answered here: nothing can be changed over HTTP",
            (("Allow", ALLOWED),),
        )
    path = request.path.rstrip("/") or "/"
    if path in _QUESTIONS:
        return _question(request, view, _QUESTIONS[path])
    if path.startswith("/readyz/"):
        return _one(path.removeprefix("/readyz/"), view)
    if path.startswith("/replicas/"):
        return replicas.answer_one(path.removeprefix("/replicas/"), view)
    page = _PAGES.get(path)
    if page is None:
        known = ", ".join((*_QUESTIONS, *_PAGES))
        return text(HTTPStatus.NOT_FOUND, f"there is no such page; there are {known}")
    return page(request, view)


def _index(request: Request, view: View) -> Response:
    """The page for a browser, for others what else there is."""
    del view
    if "text/html" not in request.accept:
        return text(HTTPStatus.OK, _INDEX.encode(), (("Vary", "Accept"),))
    return Response(HTTPStatus.OK, page=REPLICA)


def _asset(request: Request, view: View) -> Response:
    """A file that belongs to the pages."""
    del view
    return Response(HTTPStatus.OK, page=request.path.rstrip("/"))


def _replicas(request: Request, view: View) -> Response:
    """The page for a browser, for others the same as JSON."""
    if "text/html" not in request.accept:
        return replicas.answer(request, view)
    everyone = replicas.everyone(request)
    if request.path.endswith("/"):  # addresses in the page are relative: a proxy may have it below any path
        where = "../replicas?all" if everyone else "../replicas"
        return text(
            HTTPStatus.PERMANENT_REDIRECT, f"it is at {where}", (("Location", where), ("Vary", "Accept"))
        )
    return Response(HTTPStatus.OK, page=EVERY_REPLICA if everyone else REPLICAS)


def _status(request: Request, view: View) -> Response:
    if render.LINES in request.accept:
        return Response(HTTPStatus.OK, render.lines(view), f"{render.LINES}; charset=utf-8")
    return Response(HTTPStatus.OK, render.status(view))


def _alerts(request: Request, view: View) -> Response:
    del request
    return Response(HTTPStatus.OK, render.alerts(view))


def _events(request: Request, view: View) -> Response:
    """Goes on for as long as somebody listens."""
    del view
    parts = request.values("parts")
    return Response(
        HTTPStatus.OK,
        kind=f"{KIND}; charset=utf-8",
        headers=(("X-Accel-Buffering", "no"),),
        follow=CHANGES if not parts else parts[0] if parts[0] in DOCUMENTS else REPLICA,
    )


def _question(request: Request, view: View, question: str) -> Response:
    exclude = request.values("exclude")
    status = _verdict(is_open=render.is_open(view, question, exclude))
    warnings = tuple(
        ("Warning", '299 pomhealth "' + warning.replace('"', "'") + '"')
        for warning in render.unknown_ids(view, exclude)
    )
    if any(value.lower() not in ("0", "false") for value in request.values("verbose")):
        return text(status, render.verbose(view, question, exclude), warnings)
    return Response(status, render.flat(view, render.counted(view, question, exclude)), headers=warnings)


def _one(id_: str, view: View) -> Response:
    """One check: 503 where it stops readiness, or follows something that does."""
    entry = view.status.entries.get(id_)
    if entry is None:
        return text(HTTPStatus.NOT_FOUND, "; ".join(render.unknown_ids(view, (id_,))))
    stopping = {one.id for one in view.status.stopping(Gate.LIVE, Gate.READY)}
    is_open = entry.id not in stopping and entry.blocked_by not in stopping
    return Response(_verdict(is_open=is_open), render.flat(view, (entry,)))


def _drained(request: Request, view: View) -> Response:
    """Held until there is a drain and it is over."""
    del request
    if view.drain is None or view.drain["end"] is None:
        return Response(HTTPStatus.SERVICE_UNAVAILABLE, later=True)
    return Response(_verdict(is_open=view.drain["drained"]), render.drain(view))


def _verdict(*, is_open: bool) -> HTTPStatus:
    return HTTPStatus.OK if is_open else HTTPStatus.SERVICE_UNAVAILABLE


_PAGES: Mapping[str, Callable[[Request, View], Response]] = {
    "/": _index,
    "/page.css": _asset,
    "/page.js": _asset,
    "/replicas.css": _asset,
    "/status": _status,
    "/alerts": _alerts,
    "/replicas": _replicas,
    "/events": _events,
    "/metrics": metrics.answer,
    "/drained": _drained,
}

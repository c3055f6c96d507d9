"""Does the authorization check answer? Every request crosses it, the one to the replica's own /ping too."""

from __future__ import annotations

from dataclasses import replace

from pomhealth.checks.context import Context
from pomhealth.checks.request import PATH, ping
from pomhealth.status import Evidence, Finding, blocked, failed, not_applicable, passed, unseen

ID = "authorize.service"


async def look(context: Context) -> Finding:
    if not context.replica.runs("authorize"):
        return not_applicable("this replica does not run the authorize service")
    if not context.replica.runs("proxy"):
        return unseen("this replica has no proxy through which the authorization check could be asked")
    answer = await ping(context)
    source = f"GET {PATH} on {answer.where}"
    if answer.authorize_failed:
        return failed(
            "no-answer",
            "Envoy gets no answer from the authorization check, so every request is refused with 503",
            Evidence(source, "503, and Envoy's counter http.ingress.ext_authz.error rose with it", "200 OK"),
        )
    if answer.status != 200:
        return blocked("proxy.service", "a request does not get as far as the authorization check")
    well = passed(
        f"{PATH} on {answer.where} passed the authorization check", Evidence(source, "200", "200 OK")
    )
    return replace(well, again=answer.serves)

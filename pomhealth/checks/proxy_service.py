"""Does a request through the main listener get its answer?"""

from __future__ import annotations

from dataclasses import replace

from pomhealth.checks.context import Context
from pomhealth.checks.request import PATH, ping
from pomhealth.status import Evidence, Finding, blocked, failed, not_applicable, passed

ID = "proxy.service"


async def look(context: Context) -> Finding:
    if not (context.replica.runs("proxy") or context.replica.runs("authenticate")):
        return not_applicable("this replica runs neither the proxy nor the authenticate service")
    answer = await ping(context)
    source = f"GET {PATH} on {answer.where}"
    if answer.authorize_failed:
        return blocked("authorize.service", f"{PATH} answers 503 because the authorization check fails")
    if answer.status == 0:
        return failed(
            "no-answer",
            f"a request to {answer.where} gets no answer: {answer.why}",
            Evidence(source, answer.why, "200 OK"),
            silent=answer.silent,
            names=_names(answer.where),
        )
    if answer.status != 200:
        return failed(
            "unexpected-status",
            f"a request to {answer.where} is answered with {answer.status}",
            Evidence(source, str(answer.status), "200 OK"),
            names=_names(answer.where),
        )
    well = passed(f"{PATH} on {answer.where} answers 200", Evidence(source, "200", "200 OK"))
    return replace(well, again=answer.serves)


def _names(where: str) -> tuple[tuple[str, str], ...]:
    return ("ADDRESS", where), ("PORT", where.rpartition(":")[2])

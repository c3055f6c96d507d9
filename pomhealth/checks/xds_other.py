"""Did Envoy accept everything else that Pomerium sent (secrets, endpoints, generic-proxy routes)?"""

from __future__ import annotations

from pomhealth.checks.context import Context
from pomhealth.checks.xds import judge_counters
from pomhealth.status import Finding

ID = "xds.other"


async def look(context: Context) -> Finding:
    return await judge_counters(context, ID, "other resource")

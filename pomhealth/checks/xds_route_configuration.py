"""Did Envoy accept the route configuration that Pomerium sent?"""

from __future__ import annotations

from pomhealth.checks.context import Context
from pomhealth.checks.xds import judge_counters
from pomhealth.status import Finding

ID = "xds.route-configuration"


async def look(context: Context) -> Finding:
    return await judge_counters(context, ID, "route configuration")

"""Do the clocks of all replicas of the cluster agree?"""

from __future__ import annotations

from pomhealth.checks.across import lacking
from pomhealth.checks.context import Context
from pomhealth.status import Finding

ID = "cluster_clocks_agree"


async def look(context: Context) -> Finding:
    roster = context.roster()
    lacks = lacking(context, roster)
    if lacks is not None:
        return lacks
    from pomhealth.cluster.judge import clocks  # noqa: PLC0415  (loaded only where the cluster view is on)

    return clocks.judge(roster)

"""Has every replica of the cluster one agent, and an id of its own?"""

from __future__ import annotations

from pomhealth.checks.across import lacking
from pomhealth.checks.context import Context
from pomhealth.status import Finding

ID = "cluster_ids_unique"


async def look(context: Context) -> Finding:
    roster = context.roster()
    lacks = lacking(context, roster)
    if lacks is not None:
        return lacks
    from pomhealth.cluster.judge import identities  # noqa: PLC0415  (loaded only where the cluster view is on)

    return identities.judge(roster)

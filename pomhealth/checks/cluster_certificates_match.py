"""Do all replicas of the cluster have the same certificate for a name?"""

from __future__ import annotations

from pomhealth.checks.across import lacking
from pomhealth.checks.context import Context
from pomhealth.status import Finding

ID = "cluster_certificates_match"


async def look(context: Context) -> Finding:
    roster = context.roster()
    lacks = lacking(context, roster)
    if lacks is not None:
        return lacks
    from pomhealth.cluster.judge import certificates  # noqa: PLC0415  (loaded only where the cluster view is on)

    return certificates.judge(roster)

"""What fails, and yet stops nothing for now. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from pomhealth.status.statusmap import StatusMap


def excusing(status: StatusMap, reasons: Mapping[str, str]) -> StatusMap:
    """The map in which these components stop nothing, for these reasons, and every other what it is there to stop."""
    after = {id_: one.excuse(reasons.get(id_, "")) for id_, one in status.components.items()}
    same = all(one is status.components[id_] for id_, one in after.items())
    return status if same else StatusMap(after)


def strict(status: StatusMap) -> StatusMap:
    """The map with nothing excused."""
    return excusing(status, {}) if any(one.excused for one in status.components.values()) else status

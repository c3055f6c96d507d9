"""One module a check. A module here with `ID` and `look` is a check; nothing else needs to know of it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Mapping
from functools import cache

from pomhealth.checks.context import Context
from pomhealth.status import Finding

Look = Callable[[Context], Awaitable[Finding]]


@cache
def probes() -> Mapping[str, Look]:
    """Every probe by its check's id: the modules of this package that have an `ID` and a `look`."""
    found: dict[str, Look] = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        if hasattr(module, "ID"):
            found[module.ID] = module.look
    return found


__all__ = ["Context", "Look", "probes"]

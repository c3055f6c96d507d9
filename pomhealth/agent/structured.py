"""structlog without rich, which it takes along for colourful tracebacks wherever that is installed.

The terminal view needs rich, the agent never shows a traceback: 5 MiB for nothing.
"""

from __future__ import annotations

import sys

_KEPT_OUT = "rich"

_loaded = _KEPT_OUT in sys.modules
if not _loaded:
    sys.modules[_KEPT_OUT] = None  # type: ignore[assignment]  # an import of it then fails, as where it is not installed
try:
    import structlog
finally:
    if not _loaded:
        del sys.modules[_KEPT_OUT]

__all__ = ["structlog"]

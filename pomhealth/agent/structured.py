"""structlog without what it takes along wherever that is installed: rich for colourful tracebacks, greenlet for another
kind of threads.

The terminal view needs rich, a test's browser greenlet, and the agent neither: 6 MiB for nothing.
"""

from __future__ import annotations

import sys

_KEPT_OUT = [name for name in ("greenlet", "rich") if name not in sys.modules]

for _name in _KEPT_OUT:
    sys.modules[_name] = None  # type: ignore[assignment]  # an import of it then fails, as where it is not installed
try:
    import structlog
finally:
    for _name in _KEPT_OUT:
        del sys.modules[_name]

__all__ = ["structlog"]

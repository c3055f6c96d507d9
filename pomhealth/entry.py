"""Where `pomhealth` starts. `health` must start faster than can be felt, so it passes by everything else."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` alone would take a tenth of the time that `health` takes
    from collections.abc import Callable
    from typing import Any


def main() -> int:
    """Runs the command line in `sys.argv`; the result is the exit status."""
    if sys.argv[1:2] == ["health"]:
        _health(sys.argv[2:])
    if sys.argv[1:2] == ["run"]:
        _hold_term()
    usual, sys.unraisablehook = sys.unraisablehook, lambda it: _unraisable(it, usual)
    try:
        from pomhealth.cli.main import run  # noqa: PLC0415  (loads click, which `health` does without)

        return run()
    except KeyboardInterrupt:  # while modules are loaded; from then on `run` sees to it
        return 130


def _hold_term() -> None:
    """As a container's first process, has a SIGTERM wait until the agent listens to it: the kernel would drop it."""
    import _signal  # type: ignore[import-not-found]  # noqa: PLC0415
    import os  # noqa: PLC0415

    if os.getpid() == 1:
        _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGTERM,))


def _health(arguments: list[str]) -> None:
    import _signal  # noqa: PLC0415  (below `signal`, which imports enum)
    import os  # noqa: PLC0415

    from pomhealth.client import main as health  # noqa: PLC0415

    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)  # ^C ends it as any program ends, without a traceback
    os._exit(health(arguments))  # nothing is buffered; tearing the interpreter down takes a tenth of the run


def _unraisable(it: "Any", usual: "Callable[[Any], object]") -> None:
    """An interrupt that came in a callback of the interpreter's own, where none can be raised, ends the program too."""
    if issubclass(it.exc_type, KeyboardInterrupt):
        import os  # noqa: PLC0415

        os._exit(130)
    usual(it)

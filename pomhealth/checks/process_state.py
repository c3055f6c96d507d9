"""What the kernel says of a process by itself: ended, or stopped (proc(5))."""

from __future__ import annotations

from pomhealth.replica import processes
from pomhealth.replica.model import Process
from pomhealth.status import Evidence, Finding, failed

_ENDED = (None, "Z", "X")
_STOPPED = ("T", "t")


def by_state(process: Process, who: str) -> Finding | None:
    """What is wrong with this process, named `who` in the text; None when the kernel runs it."""
    state = processes.state(process)
    source = f"/proc/{process.pid}/stat"
    said = "no such process" if state is None else f"state {state}"
    if state in _ENDED:
        return failed("not-running", f"{who} has ended", Evidence(source, said, "a running process"))
    if state in _STOPPED:
        why = "it was sent SIGSTOP, or a debugger holds it"
        return failed("stopped", f"{who} is stopped ({said}): {why}", Evidence(source, said, "R or S"))
    return None

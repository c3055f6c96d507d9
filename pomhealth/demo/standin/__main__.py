"""`python -m pomhealth.demo.standin --config FILE`: the stand-in's process, named and called `pomerium`.

POMHEALTH_STANDIN_RELEASE says which release it stands for (the newest when unset), POMHEALTH_STANDIN_STARTS_AFTER
names a file that must be there before it starts anything: a start that takes its time.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from pomhealth.demo.standin import log
from pomhealth.demo.standin.disguise import take_name
from pomhealth.demo.standin.pairs import Rejected
from pomhealth.demo.standin.releases import NEWEST, release
from pomhealth.demo.standin.replica import Replica

_AFTER = "POMHEALTH_STANDIN_STARTS_AFTER"


async def _run(path: Path, version: str) -> int:
    try:
        return await Replica(path, release(version), os.environ).run()
    except (Rejected, ValueError) as error:
        log.fatal("cmd/pomerium", error=str(error))
    except OSError as error:
        log.fatal("cmd/pomerium", error=f"{error.strerror}: {error.filename or 'listen'}")
    return 1


def _hold_up(file: str | None) -> None:
    """Zero's replicas open no port before their first bootstrap; this one until the file is there."""
    while file and not Path(file).exists():
        time.sleep(0.05)


def main(arguments: list[str]) -> int:
    """The exit status."""
    if len(arguments) != 2 or arguments[0] != "--config":
        sys.stderr.write("usage: pomerium --config FILE\n")
        return 2
    take_name(["pomerium", *arguments])
    _hold_up(os.environ.get(_AFTER))
    return asyncio.run(_run(Path(arguments[1]), os.environ.get("POMHEALTH_STANDIN_RELEASE") or NEWEST))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

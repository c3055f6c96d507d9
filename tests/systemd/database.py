"""`python database.py DIRECTORY PORT PASSWORD`: a PostgreSQL server with Pomerium's database, as a service of Type=notify."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from pomhealth.demo.postgres import PostgresServer

DATABASE = "pomerium"


def main(directory: str, port: str, password: str) -> None:
    place = Path(directory)
    fresh = not (place / "data").exists()
    server = PostgresServer(place, port=int(port), password=password)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    server.start()
    if fresh:
        server.create_database(DATABASE)
    subprocess.run(["systemd-notify", "--ready"], check=True)
    signal.sigwait({signal.SIGTERM})
    server.stop("immediate")


if __name__ == "__main__":
    main(*sys.argv[1:])

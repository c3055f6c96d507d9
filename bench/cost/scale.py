"""`pomhealth check` on a replica with 10,000 routes and 1,000 certificates, and each check's look alone.

The peer is what merely parses the same file: PyYAML's own loader (`CSafeLoader`), as a whole process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bench.spent import peak_memory
from bench.table import table
from pomhealth.demo.running import RunningReplica

ROUTES = 10_000
CERTIFICATES = 1_000
PATIENCE = 180.0  # seconds until such a replica serves
_ALONE = {**os.environ, "POMHEALTH_RELEASE_FEED": "off"}  # a benchmark asks nobody outside
_PARSE = "import sys, yaml; yaml.load(open(sys.argv[1], 'rb'), yaml.CSafeLoader)"


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process took: CPU and wall time in seconds, memory at its largest in MiB, and its exit status."""

    cpu: float
    wall: float
    memory: float
    status: int


def run(*, runs: int) -> str:
    """The whole command beside its peer, in turns; then each look."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        replica = large(Path(directory))
        replica.start(patience=PATIENCE)
        try:
            return _compared(replica, runs)
        finally:
            replica.stop()


def _compared(replica: RunningReplica, runs: int) -> str:
    check = [sys.executable, "-m", "pomhealth", "check", "--pid", str(replica.pid), "-o", "json"]
    peer = [sys.executable, "-c", _PARSE, str(replica.config_path)]
    whole = [(_spent(check), _spent(peer)) for _ in range(runs)]
    rows = [
        _row(name, [pair[place] for pair in whole])
        for place, name in enumerate(("pomhealth check", "PyYAML"))
    ]
    ratio = _middle([mine.cpu / theirs.cpu for mine, theirs in whole])
    return (
        f"{ROUTES:,} routes and {CERTIFICATES:,} certificates, whole processes, medians of {runs} (budget: 96 MiB):\n"
        + table(("", "CPU", "wall", "memory", "exit"), [*rows, ("ratio", f"{ratio:.2f}", "", "", "")])
        + "\n\nEach check's first look, in one process one after the other (budget: every check in 1 s):\n"
        + table(("", "CPU", "wall", "outcome"), _looks(replica.pid))
    )


def _looks(pid: int) -> list[tuple[str, str, str, str]]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.cost.looks", str(pid)], env=_ALONE, capture_output=True, check=True
    )
    taken = json.loads(done.stdout)
    rows = [(id_, f"{cpu:.2f} s", f"{wall:.2f} s", outcome) for id_, (cpu, wall, outcome) in taken.items()]
    every = sum(cpu for id_, (cpu, _, _) in taken.items() if not id_.startswith("("))
    return [*rows, ("all looks", f"{every:.2f} s", "", "")]


def _row(name: str, spent: list[Spent]) -> tuple[str, ...]:
    return (
        name,
        f"{_middle([one.cpu for one in spent]):.2f} s",
        f"{_middle([one.wall for one in spent]):.2f} s",
        f"{max(one.memory for one in spent):.0f} MiB",
        str(spent[0].status),
    )


def _spent(command: Sequence[str]) -> Spent:
    """Its memory is as last seen in /proc while it ran: a child's rusage holds its parent's too."""
    start, peak = time.monotonic(), 0.0
    with subprocess.Popen(command, env=_ALONE, stdout=subprocess.DEVNULL) as process:
        while True:
            peak = max(peak, peak_memory(process.pid))
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            time.sleep(0.005)
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    return Spent(usage.ru_utime + usage.ru_stime, wall, peak, process.returncode)


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def large(root: Path, *, routes: int = ROUTES, certificates: int = CERTIFICATES) -> RunningReplica:
    """A replica with so many routes, each on a host of its own, and so many certificates for their domains."""
    return RunningReplica(
        root,
        release="v0.33.1",
        options={
            "authenticate_service_url": "https://authenticate.domain0.localhost",
            "certificate_file": None,
            "certificate_key_file": None,
            "certificates": _certificates(root / "certificates", certificates),
            "routes": [
                {
                    "from": f"https://route{number}.domain{number % certificates}.localhost",
                    "to": f"http://10.0.{number // 250}.{number % 250}:8080",
                    "policy": [{"allow": {"or": [{"domain": {"is": "example.com"}}]}}],
                }
                for number in range(routes)
            ],
        },
    )


def _certificates(directory: Path, count: int) -> list[dict[str, str]]:
    """One certificate a domain; half with RSA keys, half with EC keys, as they come in the field."""
    directory.mkdir()
    issuer_key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Benchmark CA")])
    keys: list[rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey] = [
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP256R1()),
    ]
    pem = [key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) for key in keys]
    now = datetime.now(timezone.utc)
    named = []
    for number in range(count):
        name = f"domain{number}.localhost"
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(issuer)
            .public_key(keys[number % 2].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=80))
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(name), x509.DNSName(f"*.{name}")]), critical=False
            )
            .sign(issuer_key, hashes.SHA256())
        )
        pair = {"cert": str(directory / f"{number}.crt"), "key": str(directory / f"{number}.key")}
        Path(pair["cert"]).write_bytes(certificate.public_bytes(Encoding.PEM))
        Path(pair["key"]).write_bytes(pem[number % 2])
        named.append(pair)
    return named

"""Each cause that pomhealth can name has a test that brings it about, and docs/proofs.md says which."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import proofs
from tests.proofs import Proof

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def collected() -> tuple[Proof, ...]:
    """Every proof, collected in a process of its own: this one runs only the tests that it was asked to."""
    code = "from tests import proofs; print(*map(repr, proofs.collect()), sep='\\n')"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    return tuple(eval(line, {"Proof": Proof}) for line in run.stdout.splitlines())


def test_every_cause_has_a_proof(collected: tuple[Proof, ...]) -> None:
    assert proofs.unproven(collected) == ()


def test_no_test_proves_what_is_no_cause(collected: tuple[Proof, ...]) -> None:
    assert proofs.unknown(collected) == ()


def test_the_page_is_fresh(collected: tuple[Proof, ...]) -> None:
    """`make docs` writes it anew."""
    assert proofs.render(collected) == (ROOT / proofs.PAGE).read_text(encoding="utf-8")


def test_a_cause_without_a_proof_and_a_proof_without_a_cause_are_found() -> None:
    made = (Proof("storage.backend/refused", "tests/x.py", "test_x", "real"),)
    assert "storage.backend/refused" not in proofs.unproven(made)
    assert "storage.backend/timeout" in proofs.unproven(made)
    assert proofs.unknown(made) == ()
    strange = (
        Proof("storage.backend/nope", "tests/x.py", "test_x", "real"),
        Proof("storage.backend/refused", "tests/x.py", "test_x", "hearsay"),
    )
    assert proofs.unknown(strange) == strange


def test_a_recording_counts_only_where_nothing_real_proves_the_cause() -> None:
    recording = Proof("storage.backend/refused", "tests/a.py", "test_a", "recording")
    real = Proof("storage.backend/refused", "tests/b.py", "test_b", "real")
    assert "| `refused` | recording | [`test_a`](../tests/a.py) |" in proofs.render((recording,))
    assert "| `refused` | real | [`test_b`](../tests/b.py) |" in proofs.render((recording, real))

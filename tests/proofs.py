"""Writes docs/proofs.md: for each cause code, the tests that prove it. `python -m tests.proofs`, in the project's root.

A test proves a cause by the mark `@pytest.mark.proves("ID/CAUSE")`, on real parts unless it says by="recording".
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pomhealth.catalogue import catalogue
from pomhealth.catalogue.load import anchor

if TYPE_CHECKING:
    from _pytest.mark import Mark

PAGE = Path("docs/proofs.md")
REAL, RECORDING = "real", "recording"

_INTRODUCTION = """\
# How each cause was proven

Every cause that pomhealth can name ([checks.md](checks.md)) has at least one test that brings it about and sees it named. *Real* means on real parts: a real Envoy, a real PostgreSQL, real certificates, sockets, namespaces, file systems and processes, around a stand-in for the Pomerium process. *Recording* means that only what a live replica once answered was replayed, or an answer in its shape: what the replica alone can see cannot be brought about here.

This page is made from the tests' own marks (`make docs`)."""


@dataclass(frozen=True, order=True)
class Proof:
    """One test that proves one cause ("ID/CAUSE")."""

    cause: str
    file: str
    test: str
    by: str


class _Collector:
    """A pytest plugin that takes the marks from what was collected, and lets nothing run."""

    def __init__(self) -> None:
        self.proofs: set[Proof] = set()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            file = item.path.relative_to(session.config.rootpath).as_posix()
            function = getattr(item, "originalname", item.name)
            one_case = getattr(getattr(item, "callspec", None), "marks", ())
            for mark in item.iter_markers("proves"):
                test = item.name if mark in one_case else function
                self.proofs.add(Proof(_cause(mark), file, test, str(mark.kwargs.get("by", REAL))))


def _cause(mark: Mark) -> str:
    (cause,) = mark.args
    return str(cause)


def collect() -> tuple[Proof, ...]:
    """Every proof that the tests hold. Imports all of them."""
    collector = _Collector()
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider"], plugins=[collector])
    if status != pytest.ExitCode.OK:
        raise SystemExit(said.getvalue())
    return tuple(sorted(collector.proofs))


def causes() -> tuple[str, ...]:
    """Every cause of the catalogue, in its order."""
    return tuple(f"{check.id}/{code}" for check in catalogue() for code in check.causes)


def unknown(proofs: Iterable[Proof]) -> tuple[Proof, ...]:
    """The proofs of what is no cause, or by what is no kind of proof."""
    known = set(causes())
    return tuple(proof for proof in proofs if proof.cause not in known or proof.by not in (REAL, RECORDING))


def unproven(proofs: Iterable[Proof]) -> tuple[str, ...]:
    """The causes that no test proves."""
    proven = {proof.cause for proof in proofs}
    return tuple(cause for cause in causes() if cause not in proven)


def render(proofs: tuple[Proof, ...]) -> str:
    """The page: how much was proven how, then a table with a row for each cause."""
    rows = ["| check | cause | proven on | by |", "|---|---|---|---|"]
    kinds = []
    above = ""
    for cause in causes():
        found = [proof for proof in proofs if proof.cause == cause]
        kind = "real" if any(proof.by == REAL for proof in found) else "recording" if found else "**nothing**"
        kinds.append(kind)
        id_, _, code = cause.rpartition("/")
        tests = sorted({f"[`{proof.test}`](../{proof.file})" for proof in found if proof.by == kind})
        link = f"[`{id_}`](checks.md#{anchor(id_)})" if id_ != above else ""
        rows.append(f"| {link} | `{code}` | {kind} | {', '.join(tests)} |")
        above = id_
    counts = f"{len(kinds)} causes: {kinds.count('real')} proven on real parts, {kinds.count('recording')} on recordings alone"
    alone = ", ".join(f"`{cause}`" for cause, kind in zip(causes(), kinds, strict=True) if kind == RECORDING)
    return (
        "\n\n".join([_INTRODUCTION, f"{counts}: {alone}." if alone else f"{counts}.", "\n".join(rows)]) + "\n"
    )


def main() -> None:
    proofs = collect()
    PAGE.write_text(render(proofs), encoding="utf-8")
    wrong = [
        f"{one.file}::{one.test} proves {one.cause} ({one.by}), which is unknown" for one in unknown(proofs)
    ]
    wrong += [f"no test proves {cause}" for cause in unproven(proofs)]
    sys.stderr.writelines(f"{line}\n" for line in wrong)


if __name__ == "__main__":
    main()

"""Which version runs: the program's own answer, else the metrics."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pomhealth.replica import processes, version
from pomhealth.replica.model import Process
from pomhealth.status import Unobservable
from tests.replica.little import Little, program_that_says


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pomerium version pomerium: v0.33.1\nenvoy: 1.40.0+abc", "0.33.1"),
        ("pomerium version v0.32.9-12+g1234", "0.32.9-12+g1234"),
        ("pomerium: v0.31.3", "0.31.3"),
        ("Python 3.11.2", None),
        ("GNU bash, version 5.2.15(1)-release", None),
        ("", None),
    ],
)
def test_only_an_answer_of_pomeriums_counts(text: str, expected: str | None) -> None:
    assert expected == version.of_answer(text)


@pytest.mark.parametrize("release", ["0.30.8", "0.31.3", "0.32.9", "0.33.1"])
def test_recorded_metrics_tell_the_version(release: str, recording: Callable[[str, str], bytes]) -> None:
    assert release == version.of_metrics(recording(f"healthy-v{release}", "pomerium_metrics.txt"))


def running(little: Little, program: bytes) -> Process:
    found = processes.process(little.replica(program=program).pid)
    assert found is not None
    return found


def test_the_running_program_is_asked(little: Little) -> None:
    value = version.of_program(running(little, program_that_says()))
    assert value.value == "0.33.1+abc"
    assert value.origin.endswith("/pomerium --version")


def test_it_is_the_running_program_even_where_the_file_was_replaced(little: Little) -> None:
    main = running(little, program_that_says())
    replaced = little.directory / "0" / "pomerium"
    replaced.unlink()
    replaced.write_bytes(program_that_says("pomerium version v9.9.9\n"))
    replaced.chmod(0o755)
    assert version.of_program(main).value == "0.33.1+abc"


def test_a_program_that_does_not_end_is_given_up(little: Little, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "_PROGRAM_DEADLINE", 0.2)
    endless = program_that_says().replace(
        b"\x80\x7e\x02\x76", b"\x80\x7e\x02\x7a"
    )  # 'z', so --version waits too
    with pytest.raises(Unobservable, match="does not answer as Pomerium does"):
        version.of_program(running(little, endless))


def test_another_program_is_not_run(little: Little) -> None:
    main = processes.process(little.replica().pid)
    assert main is not None
    with pytest.raises(Unobservable, match="not Pomerium's own program"):
        version.of_program(main)

"""A file that is just being written is told from one that is whole."""

from __future__ import annotations

import os
import time
from pathlib import Path

from pomhealth.replica.halfwritten import QUIET, being_written
from pomhealth.replica.paths import stamp


def written(path: Path, text: str, ago: float) -> bool:
    path.write_text(text)
    now = time.time()
    os.utime(path, (now - ago, now - ago))
    return being_written({str(path): stamp(str(path))}, now)


def test_a_file_is_whole_once_nobody_has_written_to_it_for_a_moment(tmp_path: Path) -> None:
    assert written(tmp_path / "new", "address: :443\n", 0.01)
    assert not written(tmp_path / "whole", "address: :443\n", 2 * QUIET)


def test_an_emptied_file_is_given_longer(tmp_path: Path) -> None:
    assert written(tmp_path / "emptied", "", 0.5)
    assert not written(tmp_path / "empty", "", 5.0)


def test_a_file_that_is_not_there_or_comes_from_the_future_is_not_waited_for(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    assert not being_written({nowhere: stamp(nowhere)}, time.time())
    assert not written(tmp_path / "later", "address: :443\n", -3600.0)

"""The stand-in replica behaves as live replicas were seen to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.standin import StandIn

RELEASES = ("v0.30.8", "v0.31.3", "v0.32.9", "v0.33.1")


@pytest.mark.parametrize("release", RELEASES)
def test_is_named_and_called_as_pomerium(standin: StandIn, release: str) -> None:
    replica = standin(release)
    assert Path(f"/proc/{replica.pid}/comm").read_text() == "pomerium\n"
    assert Path(f"/proc/{replica.pid}/cmdline").read_bytes() == b"pomerium\0--config\0pomerium.yaml\0"


@pytest.mark.parametrize("storage", ["memory", "file", "postgres"])
def test_storage(standin: StandIn, storage: str) -> None:
    replica = standin(storage=storage)
    assert replica.envoy_pid()

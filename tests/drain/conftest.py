"""One replica a module, whose users download for as long as a test wants."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.drain.traffic import Source, source
from tests.standin import RunningReplica, StandIn


@pytest.fixture(scope="module")
def users() -> Iterator[Source]:
    with source() as made:
        yield made


@pytest.fixture(scope="module")
def replica(module_standin: StandIn, users: Source) -> RunningReplica:
    return module_standin(routes=[users.route])


@pytest.fixture
def _downloads_last(users: Source) -> None:
    users.finish.clear()

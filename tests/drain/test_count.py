"""What is still connected to a replica, counted on a real Envoy."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from pomhealth.checks import Context
from pomhealth.drain.count import Counter
from pomhealth.drain.model import Left
from tests.contexts import context_of
from tests.drain.traffic import Source, download
from tests.standin import RunningReplica

pytestmark = pytest.mark.usefixtures("_downloads_last")


@pytest.fixture
async def context(replica: RunningReplica) -> AsyncIterator[Context]:
    async with context_of(replica) as one:
        yield one


class Moving:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def look(context: Context) -> Left:
    return await Counter().look(context)


async def nobody(context: Context) -> None:
    """Waits until those of the test before have left."""
    while (await look(context)).count:
        pass


async def test_nobody_is_connected_to_a_replica_at_rest(context: Context) -> None:
    await nobody(context)
    left = await look(context)
    assert (left.connections, left.requests, left.others) == (0, 0, 0)
    assert left.nothing


async def test_a_download_is_a_connection_and_a_request(replica: RunningReplica, context: Context) -> None:
    await nobody(context)
    with download(replica), download(replica):
        left = await look(context)
    assert (left.connections, left.requests) == (2, 2)
    assert not left.nothing


async def test_a_connection_that_is_only_kept_is_idle_once_it_has_been_quiet(
    replica: RunningReplica, users: Source, context: Context
) -> None:
    await nobody(context)
    with download(replica) as one:
        users.finish.set()
        assert one.whole()
        left = await look(context)
        while left.requests or left.quiet < 0.3:
            left = await look(context)
        assert left.connections == 1
        assert not left.idle
        assert replace(left, quiet=left.quiet + 5).idle


async def test_a_connection_without_a_byte_counts(replica: RunningReplica, context: Context) -> None:
    await nobody(context)
    with socket.create_connection(replica.address):
        assert (await look(context)).connections == 1


async def test_envoy_is_asked_no_oftener_than_its_answers_cost(context: Context) -> None:
    assert context.admin_client is not None
    clock = Moving()
    counter = Counter(clock)
    await counter.look(context)
    spent = context.admin_client.spent
    clock.now += 0.4
    await counter.look(context)
    assert context.admin_client.spent == spent
    clock.now += 600
    left = await counter.look(context)
    assert context.admin_client.spent > spent
    assert left.asked == 0


async def test_where_the_replica_has_another_network_only_envoys_word_counts(context: Context) -> None:
    elsewhere = replace(context, replica=replace(context.replica, same_network=False), admin_client=None)
    left = await look(elsewhere)
    assert (left.count, left.requests) == (None, None)
    assert not left.nothing
    assert not left.idle

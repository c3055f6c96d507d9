"""Names: what the system's resolver says of them, and that a hung one holds up nobody else."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from pomhealth.outside import names
from pomhealth.outside.names import NoSuchName, Resolver, Resolvers
from pomhealth.reach import Silent


async def test_an_address_is_its_own_without_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "look_up", lambda name: pytest.fail(f"{name} was looked up"))
    assert await Resolver().addresses("192.0.2.7", deadline=5) == ("192.0.2.7",)
    assert await Resolver().addresses("[2001:DB8::1]", deadline=5) == ("2001:db8::1",)


async def test_gives_each_address_of_a_name_once() -> None:
    found = await Resolver().addresses("localhost", deadline=5)
    assert set(found) <= {"127.0.0.1", "::1"}
    assert len(found) == len(set(found)) > 0


@pytest.mark.parametrize("name", ["", "a" * 64 + ".example", "b\u00fccher..example"])
async def test_what_cannot_be_a_host_name_is_no_name(name: str) -> None:
    with pytest.raises(NoSuchName):
        await Resolver().addresses(name, deadline=5)


async def test_hung_lookups_hold_up_others_only_when_all_threads_hang(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = threading.Event()

    def look_up(name: str) -> tuple[str, ...]:
        if name.startswith("hung"):
            release.wait()
        return (name,)

    monkeypatch.setattr(names, "look_up", look_up)
    resolver = Resolver(most=2)
    with pytest.raises(Silent):
        await resolver.addresses("hung1.example", deadline=0.05)
    assert await resolver.addresses("a.example", deadline=5) == ("a.example",)
    with pytest.raises(Silent):
        await resolver.addresses("hung2.example", deadline=0.05)
    with pytest.raises(Silent, match="2 lookups before it hang"):
        await resolver.addresses("b.example", deadline=0.05)
    assert await Resolvers().of("another").addresses("c.example", deadline=5) == ("c.example",)
    waiting = asyncio.ensure_future(resolver.addresses("d.example", deadline=5))
    release.set()
    assert await waiting == ("d.example",)


async def test_many_names_share_a_few_threads_and_these_end_with_the_resolver(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: set[threading.Thread] = set()

    def look_up(name: str) -> tuple[str, ...]:
        threads.add(threading.current_thread())
        return (name,)

    monkeypatch.setattr(names, "look_up", look_up)
    resolver = Resolver(most=3)
    found = await asyncio.gather(*(resolver.addresses(f"n{n}.example", deadline=5) for n in range(100)))
    assert found == [(f"n{n}.example",) for n in range(100)]
    assert 1 <= len(threads) <= 3
    del resolver
    gc.collect()
    for thread in threads:
        await asyncio.get_running_loop().run_in_executor(None, thread.join, 5)
        assert not thread.is_alive()


async def test_those_who_ask_have_a_resolver_of_their_own_each() -> None:
    resolvers = Resolvers()
    assert resolvers.of("one") is resolvers.of("one")
    assert resolvers.of("one") is not resolvers.of("other")


async def test_a_name_that_hangs_is_asked_for_once_however_many_want_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release, asked = threading.Event(), list[str]()

    def look_up(name: str) -> tuple[str, ...]:
        asked.append(name)
        if name == "hung.example":
            release.wait()
        return (name,)

    monkeypatch.setattr(names, "look_up", look_up)
    resolver = Resolver(most=2)
    for _ in range(5):
        with pytest.raises(Silent):
            await resolver.addresses("hung.example", deadline=0.02)
    assert await resolver.addresses("a.example", deadline=5) == ("a.example",)
    waiting = asyncio.ensure_future(resolver.addresses("hung.example", deadline=5))
    await asyncio.sleep(0)
    release.set()
    assert await waiting == ("hung.example",)
    assert asked.count("hung.example") == 1

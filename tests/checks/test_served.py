"""The host names that a replica serves, as Envoy's dump of its routes tells them."""

from __future__ import annotations

import json

import pytest

from pomhealth.checks.served import Domains, running_hosts
from pomhealth.demo.running import HOST
from pomhealth.replica.httpget import Answer, Take
from tests.contexts import context_of
from tests.standin import StandIn


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
def test_the_domains_are_those_of_the_json_in_whatever_pieces_it_comes(size: int) -> None:
    odd = ['quo"te.test', "back\\slash.test:443", "UPPER.test", "]", '"domains": [', "*"]
    hosts = [
        {"domains": []},
        {"domains": odd, "name": "domains"},
        *({"domains": [f"{n}.test"]} for n in range(99)),
    ]
    dump = json.dumps({"configs": [{"virtual_hosts": hosts}]}, indent=1).encode()
    domains = Domains()
    for start in range(0, len(dump), size):
        domains.take(dump[start : start + size])
    expected = {'quo"te.test', "back\\slash.test", "upper.test", "]", '"domains"', "*"}
    assert domains.names == expected | {f"{n}.test" for n in range(99)}


async def test_the_whole_dump_is_read_again_only_when_envoy_took_over_other_routes(standin: StandIn) -> None:
    replica = standin()
    async with context_of(replica) as context:
        asked: list[str] = []
        ask = context.admin.ask

        async def listening(path: str, *, deadline: float, dear: bool, take: Take | None) -> Answer:
            asked.append(path)
            assert dear == ("mask" not in path)
            return await ask(path, deadline=deadline, dear=dear, take=take)

        context.admin.ask = listening  # type: ignore[method-assign,assignment]
        first, _ = await running_hosts(context)
        context.notes._answers.clear()
        again, _ = await running_hosts(context)
        assert HOST in first
        assert first == again
        assert [path.rpartition("&")[2].startswith("mask") for path in asked] == [True, False, True]

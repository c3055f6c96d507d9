"""The host names that a replica serves, as Envoy's dump of its routes tells them."""

from __future__ import annotations

import json

from pomhealth.checks.served import domains, running_hosts
from pomhealth.demo.running import HOST
from tests.contexts import context_of
from tests.standin import StandIn


def test_the_domains_are_those_of_the_json_without_ports_in_lower_case() -> None:
    odd = ['quo"te.test', "back\\slash.test:443", "UPPER.test", "]", "*"]
    dump = json.dumps({"configs": [{"virtual_hosts": [{"domains": []}, {"domains": odd}]}]}, indent=1)
    assert list(domains(dump.encode())) == ['quo"te.test', "back\\slash.test", "upper.test", "]", "*"]


async def test_the_whole_dump_is_read_again_only_when_envoy_took_over_other_routes(standin: StandIn) -> None:
    replica = standin()
    async with context_of(replica) as context:
        asked: list[str] = []
        ask = context.admin.ask

        async def listening(path: str, *, deadline: float, dear: bool = False) -> object:
            asked.append(path)
            assert dear == ("mask" not in path)
            return await ask(path, deadline=deadline, dear=dear)

        context.admin.ask = listening  # type: ignore[method-assign,assignment]
        first, _ = await running_hosts(context)
        context.notes._answers.clear()
        again, _ = await running_hosts(context)
        assert HOST in first
        assert first == again
        assert [path.rpartition("&")[2].startswith("mask") for path in asked] == [True, False, True]

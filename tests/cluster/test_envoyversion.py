"""The version of a real Envoy, which is asked for it once."""

from __future__ import annotations

import re
from dataclasses import replace

from pomhealth.checks.notes import Notes
from pomhealth.cluster.account.envoyversion import of_answer, version
from tests.contexts import context_of
from tests.standin import StandIn


async def test_envoy_tells_its_version_once(standin: StandIn) -> None:
    one = standin()
    async with context_of(one) as context:
        found = await version(context)
        assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", found)
        one.stop()
        assert await version(context) == found
        assert await version(replace(context, notes=Notes())) == ""
        assert await version(replace(context, notes=Notes(), admin_client=None)) == ""


def test_what_is_no_version_is_none() -> None:
    assert of_answer({"version": "abc/1.40.0/Clean/RELEASE/BoringSSL"}) == "1.40.0"
    nothing: tuple[object, ...] = (None, [], {}, {"version": 7}, {"version": "x"})
    assert [of_answer(said) for said in nothing] == [""] * 5

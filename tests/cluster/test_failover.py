"""The registry's PostgreSQL fails over to a standby: nothing is noticed but for the seconds that it takes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.agents import Agent, agents, agree, everywhere, until
from tests.cluster.streaming import Primary, Standby, pair
from tests.replica.apart import needs_root

pytestmark = needs_root

ILL = "dial error: connection refused"


@pytest.fixture
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="pomhealth-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def words(primary: Primary, standby: Standby, *, attrs: bool = True) -> str:
    """The connection string with both servers, as words."""
    hosts = f"host=127.0.0.1,127.0.0.1 port={primary.port},{standby.port}"
    return f"{hosts} user={primary.user} password={primary.password} dbname=postgres sslmode=disable" + (
        " target_session_attrs=read-write" if attrs else ""
    )


def url(primary: Primary, standby: Standby) -> str:
    """The same as a URL, the standby first."""
    hosts = f"127.0.0.1:{standby.port},127.0.0.1:{primary.port}"
    return f"postgresql://{primary.user}:{primary.password}@{hosts}/postgres?sslmode=disable&target_session_attrs=read-write"


def test_after_a_failover_every_agent_knows_all_again_even_what_the_standby_had_not_got_yet(
    home: Path,
) -> None:
    with pair(home) as (primary, standby), agents(home) as made:
        made.add(1, words(primary, standby))
        made.add(1, words(primary, standby, attrs=False))
        made.add(1, url(primary, standby))
        made.start()
        one, two, three = made.all
        agree(made.all, [(each.host, "ready", True) for each in made.all])
        ids = one.ids()
        until(standby.has_all, lambda: "the standby lags")

        standby.cut_off()
        one.light.ails("storage.backend", ILL)  # written, and lost
        agree(
            made.all, [(one.host, "not-ready", False), (two.host, "ready", True), (three.host, "ready", True)]
        )
        primary.kill()
        until(
            lambda: not any(each.cluster()["complete"] for each in made.all), lambda: one.cluster()["notice"]
        )
        two.light.ails("storage.backend", ILL)  # while nobody takes it
        until(lambda: not two.ready(), lambda: two.get("/readyz"))
        assert three.ready()
        standby.promote()

        agree(
            made.all,
            [(one.host, "not-ready", False), (two.host, "not-ready", False), (three.host, "ready", True)],
        )
        assert all(each == ids for each in everywhere(made.all, Agent.ids))
        ((rows,),) = standby.execute("SELECT count(*) FROM pomhealth.replicas")
        assert rows == 3
        one.light.well()
        two.light.well()
        agree(made.all, [(each.host, "ready", True) for each in made.all])

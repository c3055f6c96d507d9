"""What an agent says of its replica: short, bounded, and the same for as long as nothing changes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from pomhealth.cluster.account import about, process
from pomhealth.cluster.account.about import account, announced, essence
from pomhealth.cluster.model import Account
from pomhealth.replica import processes
from pomhealth.replica.discover import discover
from pomhealth.replica.model import Endpoint, Holder, Options, Process, Replica, Value
from pomhealth.settings import Settings
from pomhealth.status import Component, Evidence, Finding, Gate, StatusMap, failed, passed, warned
from pomhealth.status.finding import Validity
from tests.standin import StandIn

SEEN = Evidence("here", "that", "this")


def component(id_: str, found: Finding | None, gate: Gate = Gate.READY, since: float = 1.0) -> Component:
    return Component(id_, gate, measures=True, measured=found, since=since)


def of(*components: Component) -> StatusMap:
    return StatusMap({one.id: one for one in components})


def told(status: StatusMap, replica: Replica | None = None, **more: object) -> Account:
    given = {"host": "one", "ready": True, "sound": True, **more}
    return account(status, replica, **given)  # type: ignore[arg-type]


def certificates(*found: tuple[str, str]) -> Account:
    listed = tuple(Validity(name, "/c.pem", serial) for name, serial in found)
    return told(of(component("certificates_current", replace(passed("fine"), certificates=listed))))


def metrics(address: str) -> str:
    return announced(Replica(options=Options({"metrics_address": Value(address, "test")})), "one")


def test_the_map_is_told_in_short_and_what_ails_it_worst_first() -> None:
    said = told(
        of(
            component("a", passed("fine")),
            component("b", warned("old", "it is old", SEEN), Gate.ALERT),
            component("c", failed("down", "it is down", SEEN), since=5.0),
            component("d", None),
        )
    )
    assert said.checks == {"a": "pass", "b": "warn old", "c": "fail down", "d": "unknown"}
    assert [(one.id, one.outcome, one.cause, one.gate) for one in said.ailments] == [
        ("c", "fail", "down", "ready"),
        ("b", "warn", "old", "alert"),
    ]
    assert said.ailments[0].summary == "it is down"


def test_what_follows_a_root_is_no_ailment_of_its_own() -> None:
    root = component("root", failed("down", "it is down", SEEN))
    follower = replace(component("leaf", failed("too", "so am I", SEEN)), needs=("root",))
    said = told(of(root, follower))
    assert said.checks == {"root": "fail down", "leaf": "skipped"}
    assert [one.id for one in said.ailments] == ["root"]


def test_no_text_is_long_and_none_holds_what_postgresql_refuses() -> None:
    nasty = "a\0b\nc\ud800d" + "x" * 100_000
    many = [component(f"{nasty}{at}"[-500:], failed("c" * 500, nasty, SEEN)) for at in range(300)]
    said = told(of(*many), host=nasty)
    assert len(said.ailments) == about.AILMENTS
    assert max(len(one.summary) for one in said.ailments) <= about.SUMMARY
    assert said.ailments[0].summary.startswith("a b c dxxx")
    assert len(said.checks) <= about.CHECKS
    assert len(said.host) <= 100
    assert len(json.dumps(replace(said, ailments=()).checks)) < 60_000
    said.host.encode()


def test_other_words_and_another_time_are_no_change_of_state() -> None:
    one = told(of(component("a", failed("down", "for 3 s", SEEN))), clock=0.1, clock_error=0.01)
    later = told(of(component("a", failed("down", "for 9 s", SEEN))), clock=0.2, clock_error=0.02)
    assert one != later
    assert essence(one) == essence(later)
    assert hash(essence(one)) == hash(essence(later))


@pytest.mark.parametrize(
    "changed",
    [
        {"ready": False},
        {"sound": False},
        {"draining": True},
        {"config": "0123456789abcdef"},
        {"instead_of": "an id"},
        {"process": "another"},
        {"checks": {"a": "fail down"}},
        {"certificates_digest": "another"},
        {"addresses": {"address": "*:443"}},
    ],
)
def test_anything_else_is_one(changed: dict[str, object]) -> None:
    one = told(of(component("a", passed("fine"))))
    assert essence(replace(one, **changed)) != essence(one)  # type: ignore[arg-type]


def test_certificates_are_told_by_name_in_whatever_order_they_were_found() -> None:
    one = certificates(("b.example", "02"), ("a.example", "01"), ("a.example", "03"), ("/broken.pem", ""))
    assert one.certificates == {"a.example": "01,03", "b.example": "02"}
    other = certificates(("a.example", "03"), ("a.example", "01"), ("b.example", "02"))
    assert one.certificates_digest == other.certificates_digest != ""


def test_a_difference_beyond_the_names_that_are_told_shows_in_the_digest() -> None:
    many = [(f"{at:04}.example", "01") for at in range(1000)]
    one, other = certificates(*many), certificates(*many[:-1], ("0999.example", "02"))
    assert len(one.certificates) == about.NAMES
    assert one.certificates == other.certificates
    assert one.certificates_digest != other.certificates_digest


def test_a_certificate_that_pomerium_makes_for_itself_is_not_compared() -> None:
    assert certificates(("*", "77")).certificates_digest == ""


def test_the_metrics_address_is_told_as_pomerium_announces_it() -> None:
    assert metrics("10.0.0.1:9090") == "10.0.0.1:9090"
    assert metrics("[fd00::1]:9090") == "[fd00::1]:9090"
    assert metrics(":9090") == "one:9090"
    assert metrics("10.0.0.1") == ""
    assert metrics("10.0.0.1:") == ""
    assert metrics("") == ""


def test_the_first_listener_of_a_role_gives_its_address() -> None:
    ends = (
        Endpoint("address", "", 443, Holder.ENVOY, "test"),
        Endpoint("address", "", 443, Holder.ENVOY, "test", udp=True),
        Endpoint("grpc_address", "::1", 5443, Holder.ENVOY, "test"),
    )
    health = Endpoint("health_check_addr", "127.0.0.1", 28080, Holder.POMERIUM, "test")
    said = told(of(), Replica(endpoints=ends, health=health))
    assert said.addresses == {
        "address": "*:443",
        "grpc_address": "[::1]:5443",
        "health_check_addr": "127.0.0.1:28080",
    }


def test_nothing_is_made_up_where_there_is_no_replica() -> None:
    said = told(of(component("a", None)), None, ready=False, sound=False)
    assert (said.pomerium, said.metrics, said.addresses, said.process) == ("", "", {}, "")


def test_a_real_replica_is_told_of(standin: StandIn) -> None:
    one = standin()
    replica = discover(Settings(pid=one.pid))
    said = told(of(), replica, process=process.mark_of(replica.main))
    assert said.pomerium == "0.33.1"
    assert said.metrics == replica.options.get("metrics_address") != ""
    assert said.addresses["metrics_address"] == said.metrics
    assert len(said.process) == 32


def test_all_who_watch_a_process_know_it_by_the_same_mark() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        seen = processes.process(child.pid)
        assert process.mark_of(seen) == process.mark_of(seen) != ""
        assert process.mark_of(processes.process(1)) != process.mark_of(seen)
        child.kill()
        child.wait()
        assert process.mark_of(seen) == ""


def test_a_process_that_has_another_s_id_by_now_is_not_taken_for_it() -> None:
    assert process.mark_of(Process(1, started=-1, uid=0, gid=0)) == ""
    assert process.mark_of(None) == ""

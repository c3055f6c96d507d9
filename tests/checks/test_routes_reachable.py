"""Hostnames that lead to this replica, to a stranger, to another cluster, to nobody, or nowhere."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pomhealth.agent.instruments import close_context, open_context
from pomhealth.catalogue.load import catalogue
from pomhealth.checks import Context, routes_reachable
from pomhealth.checks.routes_reachable import ID, look
from pomhealth.demo.ports import free_ports
from pomhealth.demo.running import RunningReplica
from pomhealth.reachability.memory import Memory
from pomhealth.replica import yamlfile
from pomhealth.replica.discover import discover
from pomhealth.replica.model import Options, Value
from pomhealth.settings import Settings
from pomhealth.status import Finding, Outcome
from tests.outside.world import Authority, Handler, hang, hang_up, mail, serving, web
from tests.replica.apart import needs_root, unshared
from tests.standin import StandIn

SECRET = "c2hhcmVkIGJ5IGV2ZXJ5IHJlcGxpY2Egb2YgdGhpcyE="
ELSEWHERE = "127.0.0.2"  # an address where the stand-in does not listen


@pytest.fixture(scope="module")
def replica(module_standin: StandIn) -> RunningReplica:
    return module_standin(shared_secret=SECRET)


@asynccontextmanager
async def routed(
    replica: RunningReplica, *sources: str, cluster: tuple[str, ...] = ()
) -> AsyncIterator[Context]:
    """A context for the replica as if its routes were these, each on a line of its own from the second on."""
    settings = Settings(pid=replica.pid, cluster_addresses=cluster)
    seen = discover(settings)
    lines = [f'- {{"from": "{source}", "to": "http://127.0.0.1:1"}}' for source in sources]
    routes = yamlfile.parse("\n".join(["routes:", *lines]).encode())["routes"]
    values = {**seen.options.values, "routes": Value(routes, "/etc/pomerium/config.yaml:1")}
    del values["authenticate_service_url"]
    context = open_context(replace(seen, options=Options(values)), settings)
    try:
        yield context
    finally:
        await close_context(context)


async def found(replica: RunningReplica, *sources: str, cluster: tuple[str, ...] = ()) -> Finding:
    async with routed(replica, *sources, cluster=cluster) as context:
        return await look(context)


def memory_of(context: Context) -> Memory:
    memory: Memory = context.notes.recall(ID)[0]
    return memory


@contextmanager
def deaf() -> Iterator[int]:
    """A port of ELSEWHERE at which packets are dropped: its queue of connections is full."""
    with socket.socket() as listening, socket.socket() as first, socket.socket() as second:
        listening.bind((ELSEWHERE, 0))
        listening.listen(0)
        where = listening.getsockname()
        for filling in (first, second):
            filling.setblocking(False)
            filling.connect_ex(where)
        yield where[1]


def test_it_is_for_core_and_zero_and_the_replicas_own_report_counts_besides() -> None:
    check = catalogue().find("routes.reachable")
    assert check is not None
    assert (routes_reachable.ID, check.joint, check.zero) == (check.id, True, False)


async def test_names_that_lead_to_this_replica_pass_and_cost_one_request(replica: RunningReplica) -> None:
    lines = replica.log().count("authorize check")
    names = [f"https://{name}.demo.localhost" for name in "abcdefgh"]
    async with routed(replica, *names) as context:
        finding = await look(context)
        again = await look(context)
    assert (finding.outcome, finding.summary) == (Outcome.PASS, "all 8 hostnames lead to this cluster")
    assert again == finding
    assert replica.log().count("authorize check") == lines + 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "app.localhost"])
async def test_a_port_in_the_routes_url_is_where_users_go(replica: RunningReplica, host: str) -> None:
    finding = await found(replica, f"https://{host}:{replica.address[1]}")
    assert (finding.outcome, finding.summary) == (Outcome.PASS, "the one hostname leads to this cluster")


@pytest.mark.proves("routes.reachable/refused")
async def test_a_port_at_which_nobody_listens_refuses(replica: RunningReplica) -> None:
    (port,) = free_ports(1)
    finding = await found(replica, f"https://{ELSEWHERE}:{port}", "https://a.localhost")
    assert (finding.cause, finding.silent) == ("refused", False)
    assert "ERR_CONNECTION_REFUSED" in finding.summary
    assert finding.evidence[0].source == "/etc/pomerium/config.yaml:2"
    assert dict(finding.names) == {"ROUTE_HOST": ELSEWHERE, "ADDRESS": ELSEWHERE, "PORT": str(port)}


@pytest.mark.proves("routes.reachable/timeout")
async def test_packets_that_are_dropped_are_a_silence(replica: RunningReplica) -> None:
    with deaf() as port:
        finding = await found(replica, f"https://{ELSEWHERE}:{port}")
    assert (finding.cause, finding.silent) == ("timeout", True)
    assert "ERR_CONNECTION_TIMED_OUT" in finding.summary


@pytest.mark.proves("routes.reachable/timeout")
async def test_a_server_that_takes_connections_and_says_nothing_does_not_answer(
    replica: RunningReplica,
) -> None:
    async with serving(hang, host=ELSEWHERE) as server:
        finding = await found(replica, f"https://{ELSEWHERE}:{server.port}")
    assert (finding.cause, finding.silent) == ("timeout", True)


@pytest.mark.proves("routes.reachable/tls")
@pytest.mark.parametrize("handler", [mail, hang_up])
async def test_a_server_without_tls_fails_the_handshake(replica: RunningReplica, handler: Handler) -> None:
    async with serving(handler, host=ELSEWHERE) as server:
        finding = await found(replica, f"https://{ELSEWHERE}:{server.port}")
    assert finding.cause == "tls"
    assert "ERR_SSL_PROTOCOL_ERROR" in finding.summary


@pytest.mark.proves("routes.reachable/wrong-address")
@pytest.mark.parametrize("status", [200, 404, 503])
async def test_a_web_server_that_is_no_pomerium_is_the_wrong_address(
    replica: RunningReplica, tmp_path: Path, status: int
) -> None:
    tls = Authority("Somebody", tmp_path).serving("somebody.example", alpn=())
    async with serving(web(status), host=ELSEWHERE, tls=tls) as server:
        finding = await found(replica, f"https://{ELSEWHERE}:{server.port}")
    assert finding.cause == "wrong-address"
    assert f"it answers {status}" in finding.summary


@pytest.mark.proves("routes.reachable/wrong-address")
async def test_an_address_that_is_none_of_the_clusters_is_told_without_a_connection(
    replica: RunningReplica,
) -> None:
    finding = await found(replica, "https://192.0.2.7", cluster=("203.0.113.0/24", "2001:db8::/32"))
    assert finding.cause == "wrong-address"
    assert finding.evidence[0].expected == "one of 203.0.113.0/24, 2001:db8::/32 (cluster_addresses)"


@pytest.mark.proves("routes.reachable/other-key")
async def test_a_replica_with_another_secret_is_another_cluster(
    replica: RunningReplica, module_standin: StandIn
) -> None:
    other = module_standin(address=f"{ELSEWHERE}:{free_ports(1)[0]}")
    finding = await found(replica, f"https://{ELSEWHERE}:{other.address[1]}")
    assert finding.cause == "other-key"
    assert "with another key" in finding.summary
    assert "this replica's own key" in finding.evidence[0].expected


async def test_another_replica_with_the_same_secret_is_this_cluster(
    replica: RunningReplica, module_standin: StandIn
) -> None:
    other = module_standin(shared_secret=SECRET, address=f"{ELSEWHERE}:{free_ports(1)[0]}")
    lines = other.log().count("authorize check")
    urls = [f"https://{ELSEWHERE}:{other.address[1]}", f"https://a.localhost:{other.address[1]}"]
    async with routed(replica, *urls) as context:
        finding = await look(context)
        memory_of(context).next_round = 0.0
        again = await look(context)
    assert (finding.outcome, again.outcome) == (Outcome.PASS, Outcome.PASS)
    assert other.log().count("authorize check") == lines + 1  # its key was asked for once


async def test_keys_that_every_replica_was_given_anew_are_not_another_clusters(standin: StandIn) -> None:
    replicas = [
        standin(shared_secret=SECRET),
        standin(shared_secret=SECRET, address=f"{ELSEWHERE}:{free_ports(1)[0]}"),
    ]
    url = f"https://{ELSEWHERE}:{replicas[1].address[1]}"
    async with routed(replicas[0], url) as context:
        before = await look(context)
        for one in replicas:
            loads = one.log().count("config: updated config")
            one.rewrite(shared_secret="another that they share")
            end = asyncio.get_running_loop().time() + 20
            while one.log().count("config: updated config") == loads:
                assert asyncio.get_running_loop().time() < end
                await asyncio.sleep(0.02)
        async with routed(replicas[0], url) as renewed:
            memory = context.notes.recall(ID)[0]
            memory.proven.clear()
            memory.next_round = 0.0
            renewed.notes.keep(ID, (memory, 0))
            after = await look(renewed)
    assert (before.outcome, after.outcome) == (Outcome.PASS, Outcome.PASS)


async def test_an_ipv6_address_in_a_route_is_asked_as_one(standin: StandIn) -> None:
    (port,) = free_ports(1)
    replica = standin(address=f"[::1]:{port}")
    finding = await found(replica, f"https://[::1]:{port}")
    assert (finding.outcome, finding.summary) == (Outcome.PASS, "the one hostname leads to this cluster")


async def test_what_cannot_be_reached_from_inside_is_no_failure_where_the_address_is_the_clusters(
    replica: RunningReplica,
) -> None:
    (port,) = free_ports(1)
    finding = await found(replica, f"https://{ELSEWHERE}:{port}", cluster=(ELSEWHERE,))
    assert finding.outcome is Outcome.UNKNOWN
    assert "hairpin NAT" in finding.summary


async def test_an_address_that_has_answered_from_inside_and_ceases_to_is_a_failure(
    replica: RunningReplica, standin: StandIn
) -> None:
    other = standin(shared_secret=SECRET, address=f"{ELSEWHERE}:{free_ports(1)[0]}")
    url = f"https://{ELSEWHERE}:{other.address[1]}"
    async with routed(replica, url, cluster=(ELSEWHERE,)) as context:
        before = await look(context)
        other.stop()
        memory_of(context).next_round = 0.0
        after = await look(context)
    assert (before.outcome, after.cause) == (Outcome.PASS, "refused")


async def test_a_name_that_failed_is_looked_at_first_and_passes_once_it_is_mended(
    replica: RunningReplica, standin: StandIn
) -> None:
    other = standin(shared_secret=SECRET, address=f"{ELSEWHERE}:{free_ports(1)[0]}")
    other.stop()
    url = f"https://{ELSEWHERE}:{other.address[1]}"
    async with routed(replica, url, "https://a.localhost") as context:
        before = await look(context)
        other.start()
        after = await look(context)
    assert (before.cause, after.outcome) == ("refused", Outcome.PASS)


async def test_the_worst_cause_is_told_first_and_every_name_has_its_evidence(
    replica: RunningReplica,
) -> None:
    first, second = free_ports(2)
    async with serving(mail, host=ELSEWHERE) as server:
        finding = await found(
            replica,
            f"https://{ELSEWHERE}:{server.port}",
            f"https://127.0.0.3:{first}",
            f"https://127.0.0.4:{second}",
        )
    assert finding.cause == "refused"
    assert "and 2 more hostnames fail" in finding.summary
    assert len(finding.evidence) == 3


async def test_wildcards_and_ssh_are_left_out_and_wildcards_said(replica: RunningReplica) -> None:
    finding = await found(
        replica,
        "https://*.example.com",
        "ssh://host.example.com",
        "https://a.localhost",
        "https://b.localhost",
    )
    assert finding.outcome is Outcome.PASS
    assert finding.summary == "all 2 hostnames, 1 with a * left out, lead to this cluster"


async def test_a_name_that_leaves_the_configuration_is_forgotten(replica: RunningReplica) -> None:
    (port,) = free_ports(1)
    async with routed(replica, f"https://{ELSEWHERE}:{port}", "https://a.localhost") as context:
        before = await look(context)
        async with routed(replica, "https://a.localhost") as after:
            after.notes.keep(ID, context.notes.recall(ID))
            finding = await look(after)
    assert (before.cause, finding.outcome) == ("refused", Outcome.PASS)


async def test_ten_thousand_names_are_looked_at_some_at_a_time(replica: RunningReplica) -> None:
    port = replica.address[1]
    lines = replica.log().count("authorize check")
    async with routed(replica, *(f"https://n{n}.localhost:{port}" for n in range(10_000))) as context:
        first = await look(context)
        assert first.summary.startswith("20 of 10000 hostnames, looked at so far,")
        between = await look(context)  # it is not time for a round yet
        assert between.summary == first.summary
        memory_of(context).next_round = 0.0
        second = await look(context)
        looked = int(second.summary.partition(" ")[0])
    assert 20 < looked <= 220
    assert replica.log().count("authorize check") == lines + 1


async def test_that_the_own_listener_does_not_answer_is_for_other_checks_to_tell(standin: StandIn) -> None:
    replica = standin()
    async with routed(replica, "https://a.localhost") as context:
        before = await look(context)
        replica.stop()
        memory_of(context).next_round = 0.0
        after = await look(context)
    assert (before.outcome, after.outcome) == (Outcome.PASS, Outcome.UNKNOWN)
    assert "its own listener on 127.0.0.1:" in after.summary


async def test_names_that_lead_to_one_address_find_out_once_that_nobody_answers_there(
    replica: RunningReplica,
) -> None:
    async with serving(hang) as server:  # on the loopback address, so the stand-in's own port is tried next
        names = [f"https://n{n}.localhost:{server.port}" for n in range(4)]
        finding = await found(replica, *names)
        assert len(server.heard) == 1
    assert finding.outcome is Outcome.PASS


@needs_root
@pytest.mark.proves("routes.reachable/nxdomain")
def test_names_as_a_resolver_of_our_own_tells_them() -> None:
    told = unshared(IN_A_NETWORK_OF_ITS_OWN, "--net", "--mount", timeout=120)
    assert told["nosuch.test"][:2] == ["fail", "nxdomain"]
    assert "DNS_PROBE_FINISHED_NXDOMAIN" in told["nosuch.test"][2]
    assert told["here.test"][:2] == ["pass", ""]
    assert told["elsewhere.test"][:2] == ["fail", "refused"]
    assert "it resolves to 203.0.113.9" in told["elsewhere.test"][3]
    assert told["both.test"][:2] == ["fail", "refused"]
    assert "it resolves to 127.0.0.1, 203.0.113.9" in told["both.test"][3]
    assert told["six.test"][:2] == ["pass", ""]  # this machine has no IPv6
    assert told["only-six.test"][:2] == ["unknown", ""]
    assert "to which this machine has no way" in told["only-six.test"][2]
    assert told["stale-six.test"][:2] == ["fail", "refused"]
    assert "[::1]:443" in told["stale-six.test"][2]
    assert told["swallowed.test"][:2] == ["fail", "timeout"]
    assert told["swallowed.test, the cluster's"][:2] == ["unknown", ""]
    assert "hairpin NAT" in told["swallowed.test, the cluster's"][2]
    assert told["elsewhere.test, by proxy"][:2] == ["unknown", ""]
    assert "the proxy p.test:3128 (environment HTTPS_PROXY)" in told["elsewhere.test, by proxy"][2]
    assert told["broken.test"][:2] == ["unknown", ""]
    assert told["deaf.test"][:2] == ["unknown", ""]
    assert told["deaf.test"][4] < 4


IN_A_NETWORK_OF_ITS_OWN = """
import asyncio, dataclasses, json, os, sys, tempfile, time
from pathlib import Path
from pomhealth.demo.running import RunningReplica
from tests.checks.test_routes_reachable import look, routed
from tests.outside.world import EMPTY, NAME_SERVER, SWALLOWED, NameServer, make_network

kept = make_network()
ZONE = {
    "here.test": "127.0.0.1",
    "elsewhere.test": EMPTY,
    "swallowed.test": SWALLOWED,
    "both.test": f"127.0.0.1,{EMPTY}",
    "six.test": "127.0.0.1,2001:db8::7",
    "only-six.test": "2001:db8::7",
    "stale-six.test": "127.0.0.1,::1",
    "broken.test": "SERVFAIL",
    "deaf.test": None,
}

async def main(replica):
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: NameServer(ZONE), local_addr=(NAME_SERVER, 53))
    told = {}
    for name in ("nosuch.test", *ZONE):
        told[name] = await one(replica, name)
    told["swallowed.test, the cluster's"] = await one(replica, "swallowed.test", SWALLOWED)
    told["elsewhere.test, by proxy"] = await one(replica, "elsewhere.test", HTTPS_PROXY="http://p.test:3128")
    return told

async def one(replica, name, *cluster, **environment):
    async with routed(replica, f"https://{name}", cluster=cluster) as context:
        context = dataclasses.replace(
            context, replica=dataclasses.replace(context.replica, environment=environment)
        )
        began = time.monotonic()
        found = await look(context)
        observed = found.evidence[0].observed if found.evidence else ""
        return found.outcome.value, found.cause, found.summary, observed, time.monotonic() - began

with tempfile.TemporaryDirectory() as directory:
    replica = RunningReplica(Path(directory), release="v0.33.1")
    replica.start()
    try:
        told = asyncio.run(main(replica))
    finally:
        replica.stop()
print(json.dumps(told), flush=True)
del kept
os._exit(0)
"""

"""zero.connect: whether the cloud can be reached, in a network of the test's own, and whether the stream is up."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from pomhealth.blocking import Workers
from pomhealth.checks import Context, zero_connect
from pomhealth.replica.model import Options, Replica
from pomhealth.replica.sockets import SocketTable
from pomhealth.settings import Settings
from pomhealth.status import Outcome, Unobservable
from tests.outside.world import CONNECT, CONSOLE, TELEMETRY
from tests.replica.apart import needs_root, unshared

pytestmark = pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="the firewall needs /dev/net/tun")

DEFINITIONS = """
from tests.outside.world import *
async def scenario(authority):
    def trusted(**more):
        return {"SSL_CERT_FILE": str(authority.path), "SSL_CERT_DIR": "/nonexistent", **more}
"""


def outside(scenario: str) -> Any:
    """What the scenario's body returns, in a network of its own."""
    body = indent(dedent(scenario), "    ")
    return unshared(f"{DEFINITIONS}{body}\nrun(scenario)", "-n", "-m")


def found(arrangement: str) -> Any:
    """What a look finds with this arrangement of the cloud (arguments of `cloud`) while the stream is up."""
    return outside(
        f"""
        async with cloud(authority, {arrangement}):
            with holding(ADDRESSES[CONNECT]) as pid:
                return await look(replica(pid, trusted()))
        """
    )


@needs_root
def test_zero_connect_passes_where_every_host_answers_and_the_stream_is_up() -> None:
    result = outside(
        """
        async with cloud(authority) as servers:
            with holding(ADDRESSES[CONNECT]) as pid:
                result = await look(replica(pid, trusted()))
            return {**result, "heard": {name: [str(one) for one in server.heard] for name, server in servers.items()}}
        """
    )
    assert result["outcome"] == "pass", result
    assert "203.0.113.2, port 443" in result["summary"]
    assert result["observed"]["connect.pomerium.app:443"] == "answers over HTTP/2"
    assert result["observed"]["console.pomerium.app:443"] == "answers over HTTP (HEAD /: 404)"
    said = str(result["heard"]).lower()
    assert "head / http/1.1" in said
    assert "authorization" not in said
    assert "exchangetoken" not in said


@needs_root
@pytest.mark.proves("zero.connect/dns")
@pytest.mark.parametrize(
    ("answer", "why"),
    [("'NXDOMAIN'", "no such name"), ("'SERVFAIL'", "the resolver fails"), ("None", "did not answer")],
)
def test_zero_connect_tells_a_name_that_does_not_resolve(answer: str, why: str) -> None:
    result = found(f"zone={{CONNECT: {answer}}}")
    assert (result["outcome"], result["cause"]) == ("fail", "dns")
    assert why in result["summary"]
    assert result["names"]["HOST"] == CONNECT
    assert result["observed"][f"{CONSOLE}:443"].startswith("answers")
    assert result["seconds"] < 4.2


@needs_root
@pytest.mark.proves("zero.connect/refused")
@pytest.mark.parametrize(
    ("address", "why"), [("EMPTY", "refuses the connection"), ("FORBIDDEN", "by a rule of this machine")]
)
def test_zero_connect_tells_a_refused_connection_from_one_that_is_forbidden(address: str, why: str) -> None:
    result = found(f"zone={{CONNECT: {address}}}")
    assert (result["outcome"], result["cause"]) == ("fail", "refused")
    assert why in result["summary"]


@needs_root
@pytest.mark.proves("zero.connect/timeout")
def test_zero_connect_tells_a_firewall_that_drops_packets_within_its_deadline() -> None:
    result = found("zone={name: SWALLOWED for name in ADDRESSES}")
    assert (result["outcome"], result["cause"]) == ("fail", "timeout")
    assert result["summary"].startswith("no host of the cloud can be used; connect.pomerium.app:443")
    assert "does not answer: no TCP connection" in result["summary"]
    assert result["seconds"] < 4.2


@needs_root
@pytest.mark.proves("zero.connect/timeout")
def test_zero_connect_tells_at_which_step_a_host_hangs() -> None:
    result = outside(
        """
        async with cloud(authority, zone={CONSOLE: EMPTY}, handlers={TELEMETRY: hang}):
            async with serving(hang, host=EMPTY, port=443):
                with holding(ADDRESSES[CONNECT]) as pid:
                    return await look(replica(pid, trusted()))
        """
    )
    assert (result["outcome"], result["cause"]) == ("fail", "timeout")
    assert result["observed"][f"{CONSOLE}:443"] == "it does not answer the TLS handshake"
    assert result["observed"][f"{TELEMETRY}:443"] == "it is reached, but does not answer what is asked"
    assert result["observed"][f"{CONNECT}:443"] == "answers over HTTP/2"


@needs_root
@pytest.mark.proves("zero.connect/tls")
def test_zero_connect_names_the_authority_of_a_firewall_that_opens_tls() -> None:
    result = outside(
        """
        firewall = Authority("Big Corp Inspection", authority.path.parent)
        opened = {name: firewall.serving(name) for name in ADDRESSES}
        async with cloud(authority, tls=opened) as servers:
            with holding(ADDRESSES[CONNECT]) as pid:
                result = await look(replica(pid, trusted()))
            heard = [str(one) for server in servers.values() for one in server.heard]
            return {**result, "heard": heard}
        """
    )
    assert (result["outcome"], result["cause"]) == ("fail", "tls")
    assert '"Big Corp Inspection, Big Corp Inspection CA"' in result["summary"]
    assert "let this host through unopened" in result["steps"][0]
    assert not [one for one in result["heard"] if one != "b''"]


@needs_root
def test_zero_connect_trusts_the_authorities_in_the_replicas_own_directory() -> None:
    result = outside(
        """
        firewall = Authority("Big Corp Inspection", authority.path.parent)
        (authority.path.parent / "more").mkdir()
        (authority.path.parent / "more" / "corp.crt").write_bytes(
            b"not a certificate\\n" + firewall.path.read_bytes()
        )
        async with cloud(authority, tls={CONNECT: firewall.serving(CONNECT)}):
            with holding(ADDRESSES[CONNECT]) as pid:
                return await look(replica(pid, trusted(SSL_CERT_DIR=str(authority.path.parent / "more"))))
        """
    )
    assert result["outcome"] == "pass", result


@needs_root
@pytest.mark.proves("zero.connect/tls")
@pytest.mark.parametrize(
    ("lasts", "why"), [("(-9 * DAY, -DAY)", "expired on"), ("(DAY, 9 * DAY)", "is not valid before")]
)
def test_zero_connect_suspects_the_clock_when_a_certificate_is_out_of_its_time(lasts: str, why: str) -> None:
    result = found(f"tls={{name: authority.serving(name, lasts={lasts}) for name in ADDRESSES}}")
    assert (result["outcome"], result["cause"]) == ("fail", "tls")
    assert why in result["summary"]
    assert "by this machine's clock" in result["summary"]
    assert "Several certificates are out of their time at once" in result["steps"][0]


@needs_root
@pytest.mark.proves("zero.connect/tls")
def test_zero_connect_tells_a_certificate_for_another_name() -> None:
    result = found("tls={CONNECT: authority.serving('portal.hotel.example')}")
    assert (result["outcome"], result["cause"]) == ("fail", "tls")
    assert "a certificate for portal.hotel.example, not for connect.pomerium.app" in result["summary"]


@needs_root
@pytest.mark.proves("zero.connect/tls")
def test_zero_connect_tells_a_handshake_that_is_cut() -> None:
    result = outside(
        """
        async with cloud(authority, zone={CONNECT: EMPTY}), serving(hang_up, host=EMPTY, port=443):
            with holding(ADDRESSES[CONNECT]) as pid:
                return await look(replica(pid, trusted()))
        """
    )
    assert (result["outcome"], result["cause"]) == ("fail", "tls")
    assert "TLS handshake" in result["summary"]


@needs_root
@pytest.mark.proves("zero.connect/http")
@pytest.mark.parametrize(
    ("arrangement", "why"),
    [
        ("tls={CONNECT: authority.serving(CONNECT, alpn=('http/1.1',))}", "does not offer HTTP/2"),
        ("tls={CONNECT: authority.serving(CONNECT, alpn=())}", "does not offer HTTP/2"),
        ("handlers={CONNECT: mail}", "does not speak HTTP/2"),
        ("handlers={CONSOLE: mail}", "does not speak HTTP"),
        ("handlers={CONSOLE: web(503)}", "HEAD / answers 503"),
        ("handlers={CONSOLE: hang_up}", "closes the connection without an answer"),
    ],
)
def test_zero_connect_tells_what_does_not_speak_the_protocol(arrangement: str, why: str) -> None:
    result = found(arrangement)
    assert (result["outcome"], result["cause"]) == ("fail", "http")
    assert why in result["summary"]


@needs_root
def test_zero_connect_tells_that_only_measurements_are_lost_without_their_host() -> None:
    result = found("zone={TELEMETRY: 'NXDOMAIN'}")
    assert (result["outcome"], result["cause"]) == ("fail", "dns")
    assert result["summary"].startswith("only measurements for the Zero console are lost")


THROUGH = "HTTPS_PROXY=f'http://user:not-to-be-shown@{PROXY}:3128'"


def through_proxy(handler: str, port: int = 3128) -> Any:
    return outside(
        f"""
        nowhere = {{name: None for name in ADDRESSES}}
        firewall = Authority("Proxy Maker", authority.path.parent)
        async with cloud(authority, zone=nowhere), serving({handler}, host=PROXY, port={port}) as told:
            with holding(PROXY, {port}) as pid:
                result = await look(replica(pid, trusted({THROUGH})))
            return {{**result, "heard": [str(one) for one in told.heard]}}
        """
    )


@needs_root
def test_zero_connect_goes_through_the_replicas_proxy_without_its_credentials_or_names_of_its_own() -> None:
    result = through_proxy("proxy()")
    assert result["outcome"] == "pass", result
    assert "b'CONNECT connect.pomerium.app:443" in " ".join(result["heard"])
    assert "authorization" not in " ".join(result["heard"]).lower()
    assert "not-to-be-shown" not in str(result)


@needs_root
@pytest.mark.proves("zero.connect/proxy")
@pytest.mark.parametrize(
    ("handler", "port", "why"),
    [
        ("proxy(403)", 3128, "the proxy answers 403 to CONNECT connect.pomerium.app:443"),
        ("proxy(502)", 3128, "the proxy answers 502"),
        ("hang", 3128, "the proxy does not answer CONNECT"),
        ("mail", 3128, "no HTTP proxy"),
        ("hang_up", 3128, "the proxy closed the connection"),
        ("proxy()", 3129, "refuses the connection"),
    ],
)
def test_zero_connect_tells_a_proxy_that_does_not_let_through(handler: str, port: int, why: str) -> None:
    result = through_proxy(handler, port)
    assert (result["outcome"], result["cause"]) == ("fail", "proxy")
    assert why in result["summary"]
    assert result["names"]["PROXY"] == "203.0.113.80:3128"
    assert "not-to-be-shown" not in str(result)
    assert result["seconds"] < 4.2


@needs_root
@pytest.mark.proves("zero.connect/tls")
def test_zero_connect_names_the_authority_of_a_proxy_that_opens_tls() -> None:
    result = through_proxy("proxy(inspect=firewall.serving(*ADDRESSES))")
    assert (result["outcome"], result["cause"]) == ("fail", "tls")
    assert '"Proxy Maker, Proxy Maker CA"' in result["summary"]
    assert all(one.startswith("b'CONNECT") or one == "b''" for one in result["heard"])


@needs_root
def test_zero_connect_does_not_know_about_hosts_behind_a_proxy_that_wants_credentials() -> None:
    result = through_proxy("proxy(407)")
    assert result["outcome"] == "unknown"
    assert "407" in result["summary"]


@needs_root
@pytest.mark.proves("zero.connect/stream-down")
def test_zero_connect_tells_a_stream_that_is_down_though_the_cloud_answers() -> None:
    result = outside(
        """
        async with cloud(authority), serving(hang, host=EMPTY, port=8443):
            with holding(EMPTY, 8443) as pid:
                return await look(replica(pid, trusted()))
        """
    )
    assert (result["outcome"], result["cause"]) == ("fail", "stream-down")
    assert "no connection to 203.0.113.2, port 443" in result["summary"]
    assert result["seconds"] < 4.2


@needs_root
def test_zero_connect_waits_for_a_stream_that_is_just_being_renewed() -> None:
    result = outside(
        """
        async with cloud(authority):
            code = "import socket; input(); s = socket.create_connection(('203.0.113.2', 443)); input()"
            with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
                looking = asyncio.ensure_future(look(replica(process.pid, trusted())))
                await asyncio.sleep(0.5)
                process.stdin.write(b"\\n")
                process.stdin.flush()
                result = await looking
                process.stdin.close()
                return result
        """
    )
    assert result["outcome"] == "pass", result


@needs_root
def test_zero_connect_gives_a_new_replica_time_to_connect() -> None:
    result = outside(
        """
        async with cloud(authority), serving(hang, host=EMPTY, port=8443):
            with holding(EMPTY, 8443) as pid:
                return await look(replica(pid, trusted(), old=False))
        """
    )
    assert result["outcome"] == "unknown"
    assert "has run for" in result["summary"]


@needs_root
def test_zero_connect_cannot_tell_the_stream_when_the_name_leads_elsewhere_than_before() -> None:
    result = outside(
        """
        async with cloud(authority), serving(hang, host=EMPTY, port=443):
            with holding(EMPTY) as pid:
                return await look(replica(pid, trusted()))
        """
    )
    assert result["outcome"] == "unknown"
    assert "203.0.113.9" in result["summary"]


@needs_root
def test_zero_connect_asks_where_the_replicas_environment_says() -> None:
    result = outside(
        """
        async with cloud(authority), serving(web(), host=EMPTY, port=8443, tls=authority.serving("own.example")):
            with holding(ADDRESSES[CONNECT]) as pid:
                return await look(replica(pid, trusted(CLUSTER_API_ENDPOINT="https://own.example:8443/v1")))
        """
    )
    assert (result["outcome"], result["cause"]) == ("fail", "dns")
    assert result["names"]["HOST"] == "own.example"
    assert "`CLUSTER_API_ENDPOINT`" in result["steps"][0]


@needs_root
def test_zero_connect_is_told_by_pomhealth_check_of_a_replica_that_it_finds() -> None:
    well, ill = outside(
        """
        home = authority.path.parent
        environment = trusted(POMERIUM_ZERO_TOKEN="not-to-be-shown")
        refusing = {**environment, "https_proxy": "me:not-to-be-shown@proxy.example"}
        async with cloud(authority, zone={"proxy.example": PROXY}):
            with pomerium(home, environment, ADDRESSES[CONNECT]) as pid:
                well = await check(pid)
            async with serving(proxy(403), host=PROXY, port=80):
                with pomerium(home, refusing, ADDRESSES[CONNECT]) as pid:
                    ill = await check(pid)
        return [well, ill]
        """
    )
    assert well[0] == 0, well
    assert "every host of the cloud answers" in str(well)
    assert ill[0] == 1, ill
    assert "the proxy answers 403 to CONNECT connect.pomerium.app:443" in str(ill)
    assert "-x http://proxy.example:80" in str(ill)
    assert "`https_proxy`" in str(ill)
    assert "not-to-be-shown" not in str(well) + str(ill)


async def _look(seen: Replica) -> Any:
    return await zero_connect.look(Context(seen, Settings(), Workers(), SocketTable()))


async def test_zero_connect_has_no_meaning_for_a_replica_of_core() -> None:
    finding = await _look(Replica())
    assert finding.outcome is Outcome.SKIPPED
    assert not finding.applies


@pytest.mark.parametrize(
    "seen",
    [
        Replica(missing={"options": "run as root"}),
        Replica(options=Options(zero=True), same_network=False, missing={"network": "run as root"}),
        Replica(options=Options(zero=True), missing={"environment": "run as root"}),
    ],
)
async def test_zero_connect_says_which_right_is_lacking(seen: Replica) -> None:
    with pytest.raises(Unobservable, match="run as root"):
        await _look(seen)

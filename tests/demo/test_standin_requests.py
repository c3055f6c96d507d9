"""What the stand-in answers through Envoy: its own paths, its routes, its metrics, gRPC's health."""

from __future__ import annotations

import http.client
import json
import ssl

import pytest

from tests.demo.looking import admin, get, messages, recorded, until
from tests.standin import RunningReplica, StandIn


@pytest.fixture(scope="module")
def replica(module_standin: StandIn) -> RunningReplica:
    return module_standin(
        routes=[
            {
                "from": "https://open.test",
                "to": "http://127.0.0.1:1",
                "allow_public_unauthenticated_access": True,
            },
            {"from": "https://closed.test", "to": "http://127.0.0.1:1", "allow_any_authenticated_user": True},
        ]
    )


def ask(replica: RunningReplica, host: str, path: str) -> tuple[int, str, bytes]:
    """Status, Location and body of a request through the main listener."""
    connection = http.client.HTTPSConnection(
        *replica.address, timeout=5.0, context=ssl._create_unverified_context()
    )
    try:
        connection.request("GET", path, headers={"Host": host})
        response = connection.getresponse()
        return response.status, response.getheader("Location", ""), response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("host", ["open.test", "closed.test", "unknown.test", "127.0.0.1"])
def test_ping_answers_on_every_host_and_writes_one_line(replica: RunningReplica, host: str) -> None:
    before = len(messages(replica, "authorize check"))
    allowed = admin(replica, "/stats?filter=ext_authz.ok&format=json")["stats"][0]["value"]
    assert ask(replica, host, "/ping") == (200, "", b"OK")
    until(lambda: len(messages(replica, "authorize check")) == before + 1, "one line more")
    assert admin(replica, "/stats?filter=ext_authz.ok&format=json")["stats"][0]["value"] == allowed + 1


def test_an_open_route_leads_to_its_upstream(replica: RunningReplica) -> None:
    assert ask(replica, "open.test", "/")[0] == 503  # nobody listens there


def test_a_closed_route_leads_to_the_sign_in_page(replica: RunningReplica) -> None:
    status, location, _ = ask(replica, "closed.test", "/")
    assert (status, location) == (302, "https://authenticate.demo.localhost/.pomerium/sign_in")


def test_the_well_known_documents(replica: RunningReplica) -> None:
    document = json.loads(ask(replica, "open.test", "/.well-known/pomerium")[2])
    assert document["jwks_uri"] == "https://open.test/.well-known/pomerium/jwks.json"
    keys = json.loads(ask(replica, "open.test", "/.well-known/pomerium/jwks.json")[2])["keys"]
    assert len(keys[0]["kid"]) == 64


def test_the_key_is_that_of_every_replica_with_the_same_secret(standin: StandIn) -> None:
    path = "/.well-known/pomerium/jwks.json"
    ours, theirs, others = (standin(shared_secret=secret) for secret in ("one", "one", "another"))
    keys = [json.loads(ask(one, "open.test", path)[2])["keys"][0]["kid"] for one in (ours, theirs, others)]
    assert keys[0] == keys[1] != keys[2]


def test_the_sign_in_page_answers_500_while_its_provider_cannot_be_reached(standin: StandIn) -> None:
    replica = standin(idp_provider="oidc", idp_provider_url="http://127.0.0.1:1")
    assert ask(replica, "authenticate.demo.localhost", "/.pomerium/")[0] == 500
    assert "failed to sign in" in replica.log()
    assert ask(replica, "open.test", "/.pomerium/")[0] == 302


def test_metrics_have_the_recorded_families_and_envoys(replica: RunningReplica) -> None:
    page = get(replica.metrics, "/metrics")[2].decode()
    header, _ = recorded("healthy-v0.33.1", "pomerium_metrics.txt")
    families = {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE")}
    wanted = {
        "pomerium_build_info",
        "pomerium_config_checksum_decimal",
        "pomerium_config_last_reload_success",
        "pomerium_config_last_reload_success_timestamp",
        "pomerium_databroker_syncer_active",
        "pomerium_databroker_syncer_server_version",
        "pomerium_health_status",
        "pomerium_policy_count_total",
    }
    assert wanted <= {line.split()[2] for line in header.splitlines() if line.startswith("# TYPE")}
    assert wanted <= families
    assert "envoy_listener_manager_lds_update_rejected" in families
    assert 'version="v0.33.1"' in page


def test_envoys_own_metrics_are_reached_too(replica: RunningReplica) -> None:
    page = get(replica.metrics, "/metrics/envoy")[2].decode()
    assert 'envoy_listener_manager_lds_update_rejected{service="pomerium"} 0' in page

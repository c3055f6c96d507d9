"""The stand-in takes over a changed configuration, and keeps the last good one, as live replicas did."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator

import pytest

from pomhealth.demo.certificate import self_signed
from pomhealth.demo.ports import free_ports
from tests.demo.looking import admin, error, get, messages, recorded, statuses, until
from tests.standin import RunningReplica, StandIn


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    """A port that somebody else holds."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other


def test_listeners_are_named_and_ordered_as_recorded(standin: StandIn) -> None:
    names = [entry["name"] for entry in admin(standin(), "/listeners?format=json")["listener_statuses"]]
    assert names[:2] == ["https-ingress", "grpc-ingress"]
    assert names[2].startswith("metrics-ingress-")
    assert names[3:] == ["envoy-admin", "grpc-egress"]


@pytest.mark.parametrize("release", ["v0.30.8", "v0.31.3", "v0.32.9", "v0.33.1"])
def test_clusters_are_named_as_recorded(standin: StandIn, release: str) -> None:
    replica = standin(release)
    found = admin(replica, "/config_dump?resource=dynamic_active_clusters")["configs"]
    header, _ = recorded(f"healthy-{release}", "envoy_config_dump_dynamic_active_clusters.json")
    ours = {entry["cluster"]["name"] for entry in found}
    assert {name for name in ours if name.startswith("pomerium-")} == {
        line.split('"')[3] for line in header.splitlines() if '"name": "pomerium-' in line
    }
    assert len([name for name in ours if name.startswith("route-")]) == 1


def test_a_taken_port_is_refused_and_the_old_listener_serves(standin: StandIn, taken: socket.socket) -> None:
    replica = standin()
    before, port = replica.options["address"], taken.getsockname()[1]
    replica.rewrite(address=f"127.0.0.1:{port}")
    until(lambda: error(replica, "xds.listener"), "the refusal is reported", 3.0)
    reason = f"cannot bind '127.0.0.1:{port}': Address already in use"
    assert statuses(replica)["xds.listener"] == {
        "status": "RUNNING",
        "error": f"Error adding/updating listener(s) https-ingress: {reason}\n",
    }
    dump = admin(replica, "/config_dump?resource=dynamic_listeners")["configs"]
    main = next(entry for entry in dump if entry.get("name") == "https-ingress")
    assert main["error_state"]["details"] == reason
    assert "active_state" in main
    replica.rewrite(address=before)
    until(lambda: not error(replica, "xds.listener"), "the refusal is gone", 3.0)
    assert replica.answers()


def test_a_port_taken_at_start_stays_refused_until_something_changes(
    standin: StandIn, taken: socket.socket
) -> None:
    port = taken.getsockname()[1]
    replica = standin(until_ready=False, address=f"127.0.0.1:{port}")
    until(lambda: health_answers(replica) and error(replica, "xds.listener"), "the refusal is reported")
    assert statuses(replica)["xds.listener"]["status"] == "UNKNOWN"
    until(lambda: "xds.route-configuration" in statuses(replica), "routes are reported")
    assert statuses(replica)["xds.route-configuration"] == {"status": "RUNNING"}
    taken.close()
    replica.rewrite(
        routes=[*replica.options["routes"], {"from": "https://b.test", "to": "http://127.0.0.1:1"}]
    )
    until(lambda: len(messages(replica, "config: updated")) == 1, "the change is taken over")
    assert not replica.answers()
    replica.restart()
    assert replica.answers()


def health_answers(replica: RunningReplica) -> bool:
    try:
        return get(replica.health, "/status")[0] == 200
    except OSError:
        return False


@pytest.mark.parametrize(
    "text",
    [
        "routes: [\n",
        "routes:\n- from: nowhere\n  to: http://127.0.0.1:1\n",
        "idp_qps: 5\n",
        "certificate_file: nothing.pem\ncertificate_key_file: nothing.pem\n",
        "address: nothing\n",
        "timeout_read: 5 minutes\n",
        "autocert: yes\n",
        "routes:\n  - {from: https://a.example.com, to: http://a, allowed_groups: [a]}\n",
    ],
)
def test_a_rejected_file_changes_nothing_that_can_be_seen_from_outside(
    settled: RunningReplica, text: str
) -> None:
    before = get(settled.health, "/status")[2]
    rejections = len(messages(settled, "config: error updating config"))
    settled.write_config(text)
    until(lambda: len(messages(settled, "config: error updating config")) > rejections, "it is logged", 3.0)
    assert get(settled.health, "/status")[2] == before
    assert settled.answers()
    assert b'pomerium_config_last_reload_success{service="",' in get(settled.metrics, "/metrics")[2]


def test_what_was_removed_is_logged_with_its_explanation(settled: RunningReplica) -> None:
    settled.write_config("idp_qps: 5\n")
    until(lambda: messages(settled, "config option was removed"), "it is logged", 3.0)
    (entry, *_) = messages(settled, "config option was removed")
    assert entry["key"] == "idp_qps"
    assert entry["help"].startswith("https://")


def test_an_unknown_option_is_logged_and_the_rest_taken_over(standin: StandIn) -> None:
    replica = standin("v0.32.9")
    host = "new.demo.localhost"
    route = {"from": f"https://{host}", "to": "http://127.0.0.1:1", "alow_spdy": True}
    replica.rewrite(merge_slashes=True, routes=[*replica.options["routes"], route])
    until(lambda: len(messages(replica, "unknown config option")) >= 2, "it is logged", 3.0)
    keys = {entry["key"] for entry in messages(replica, "unknown config option")}
    assert keys == {"merge_slashes", "routes.alow_spdy"}
    dump = "/config_dump?resource=dynamic_route_configs"
    until(lambda: host in json.dumps(admin(replica, dump)), "the route is taken over", 5.0)


@pytest.fixture(scope="module")
def settled(module_standin: StandIn) -> RunningReplica:
    """A replica that is ready and has never rejected anything."""
    replica = module_standin()
    until(lambda: get(replica.health, "/readyz")[0] == 200, "it is ready")
    assert b'service=""' not in get(replica.metrics, "/metrics")[2]
    return replica


@pytest.mark.parametrize(
    ("route", "component", "words"),
    [
        ({"regex": "["}, "xds.route-configuration", "missing ]: ["),
        ({"health_checks": [{"timeout": "1s"}]}, "xds.cluster", "HealthCheckValidationError"),
    ],
)
def test_what_envoy_refuses_is_reported(
    standin: StandIn, route: dict[str, object], component: str, words: str
) -> None:
    replica = standin()
    good = replica.options["routes"]
    bad = {"from": "https://b.demo.localhost", "to": "http://127.0.0.1:1", **route}
    replica.rewrite(routes=[*good, bad])
    until(lambda: words in error(replica, component), "the refusal is reported")
    replica.rewrite(routes=good)
    until(lambda: not error(replica, component), "the refusal is gone")


def test_a_moved_main_address_is_served(standin: StandIn) -> None:
    replica = standin()
    [port] = free_ports(1)
    replica.rewrite(address=f"127.0.0.1:{port}")
    replica.wait_until_ready(5.0)


def test_the_certificate_is_picked_by_name_and_follows_its_file(standin: StandIn) -> None:
    replica = standin()
    for name in ("one", "two"):
        pair = self_signed([f"{name}.test"])
        (replica.directory / f"{name}.pem").write_bytes(pair.certificate)
        (replica.directory / f"{name}.key").write_bytes(pair.key)
    replica.rewrite(certificates=[{"cert": f"{name}.pem", "key": f"{name}.key"} for name in ("one", "two")])
    until(lambda: served(replica, "two.test") == (replica.directory / "two.pem").read_text(), "by name", 3.0)
    assert served(replica, "one.test") == (replica.directory / "one.pem").read_text()
    new = self_signed(["one.test"])
    (replica.directory / "one.key").write_bytes(new.key)
    (replica.directory / "one.pem").write_bytes(new.certificate)
    until(lambda: served(replica, "one.test") == new.certificate.decode(), "the new one", 3.0)
    kept = replica.cache_dir / "envoy" / "files"
    assert {path.stat().st_mode & 0o777 for path in kept.iterdir()} == {0o600}


def test_without_a_certificate_there_is_a_fallback(standin: StandIn) -> None:
    replica = standin(certificate_file=None, certificate_key_file=None)
    [entry] = admin(replica, "/certs")["certificates"]
    assert entry["cert_chain"][0]["subject_alt_names"] == [{"dns": "*"}]
    assert entry["cert_chain"][0]["expiration_time"] == "2050-12-01T00:00:00Z"


def served(replica: RunningReplica, name: str) -> str:
    """The certificate that the main listener shows for this name, PEM."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection(replica.address, 5.0) as raw,
        context.wrap_socket(raw, server_hostname=name) as tls,
    ):
        certificate = tls.getpeercert(binary_form=True)
    assert certificate is not None
    return ssl.DER_cert_to_PEM_cert(certificate)


def test_the_redirect_leads_to_https_and_a_conflict_is_only_logged(
    standin: StandIn, taken: socket.socket
) -> None:
    replica = standin()
    before = replica.redirect
    status, headers, _ = get(before, "/path?query=1")
    assert status == 301
    assert headers["Location"] == f"https://127.0.0.1:{replica.address[1]}/path?query=1"
    replica.rewrite(http_redirect_addr=f"127.0.0.1:{taken.getsockname()[1]}")
    until(lambda: messages(replica, "failed to listen on http redirect addr"), "the conflict is logged", 3.0)
    assert [entry for entry in statuses(replica).values() if "error" in entry] == []
    with pytest.raises(ConnectionRefusedError):
        get(before, "/")


def test_plain_http_when_the_configuration_asks_for_it(standin: StandIn) -> None:
    replica = standin(insecure_server=True)
    assert get(replica.address, "/ping")[0] == 200
    assert admin(replica, "/listeners?format=json")["listener_statuses"][0]["name"] == "http-ingress"

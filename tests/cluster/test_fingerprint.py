"""The fingerprint of a configuration: equal where replicas are set up equally, another where they are not."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace

import pytest

from pomhealth.blocking import Workers
from pomhealth.checks import cluster_config_current, served
from pomhealth.checks.notes import Notes
from pomhealth.cluster.account import fingerprint
from pomhealth.cluster.account.fingerprint import of_hosts, of_options
from pomhealth.cluster.account.running import ConfigWatch, Running, follow
from pomhealth.compat.vocabulary import vocabulary
from pomhealth.replica import configfile
from pomhealth.replica.discover import discover
from pomhealth.replica.model import Options, Process, Replica
from pomhealth.replica.options import merge
from pomhealth.settings import Settings
from pomhealth.status import (
    Component,
    Evidence,
    Finding,
    Gate,
    blocked,
    failed,
    not_applicable,
    passed,
    unseen,
    warned,
)
from tests.contexts import context_of
from tests.standin import StandIn

SECRET = "c2VjcmV0IG9mIHRoZSBjbHVzdGVyIDEyMzQ1Njc4OTA="
BASE = f"""\
shared_secret: {SECRET}
cookie_secret: Y29va2ll
authenticate_service_url: https://auth.example.com
default_upstream_timeout: 60s
insecure_server: true
idp_scopes: [openid, email]
set_response_headers:
  X-Frame-Options: DENY
downstream_mtls:
  enforcement: policy
routes:
- from: https://a.example.com
  to: http://10.0.0.1:80
  policy:
  - allow:
      or:
      - domain: {{is: example.com}}
- from: https://b.example.com
  to: [http://10.0.0.2:80]
  timeout: 30s
"""
SEEN = Evidence("here", "that", "this")
GONE_FROM_VIEW = {"environment": "run as the replica's user"}


def options(text: str, path: str = "/etc/pomerium.yaml", **environment: str) -> Options:
    return merge(configfile.parse(path, text.encode()), environment)


def of(text: str, path: str = "/etc/pomerium.yaml", **environment: str) -> str:
    return of_options(options(text, path, **environment))


def looked(finding: Finding | None, checked: float = 10.0) -> Component:
    return Component("cluster_config_current", Gate.ALERT, measures=True, measured=finding, checked=checked)


def in_other_order(text: str) -> str:
    """The file with its options in another order, with comments, as JSON would have them."""
    whole = configfile.parse("/x.yaml", text.encode()).values
    named = {name: value.value for name, value in whole.items() if "." not in name}
    return json.dumps(dict(reversed(named.items())), indent=3)


def test_it_is_sixteen_hexadecimal_digits() -> None:
    assert re.fullmatch("[0-9a-f]{16}", of(BASE))


@pytest.mark.parametrize(
    "text",
    [
        f"# the second of two\n{BASE}",
        BASE.replace("to: [http://10.0.0.2:80]", "to: http://10.0.0.2:80"),
        BASE.replace("60s", "1m"),
        BASE.replace("[openid, email]", "openid,email"),
        BASE.replace("insecure_server: true", 'insecure_server: "1"'),
        BASE.replace("routes:", "policy:"),
        BASE.replace("shared_secret", "SHARED_SECRET"),
        in_other_order(BASE),
    ],
)
def test_however_it_is_written_it_is_the_same(text: str) -> None:
    assert of(text) == of(BASE)


def test_it_is_the_same_in_json_and_in_another_place() -> None:
    assert of(in_other_order(BASE), "/elsewhere/pomerium.json") == of(BASE)


def test_what_the_environment_says_counts_as_what_the_file_says() -> None:
    bare = BASE.replace("default_upstream_timeout: 60s\n", "").replace("  enforcement: policy\n", "  {}\n")
    bare = bare.replace("set_response_headers:\n  X-Frame-Options: DENY\n", "")
    environment = {
        "DEFAULT_UPSTREAM_TIMEOUT": "60s",
        "DOWNSTREAM_MTLS_ENFORCEMENT": "policy",
        "SET_RESPONSE_HEADERS": '{"X-Frame-Options": "DENY"}',
    }
    assert of(bare, **environment) == of(BASE)
    assert of(BASE, DEFAULT_UPSTREAM_TIMEOUT="61s") == of(BASE.replace("60s", "61s")) != of(BASE)
    assert of(BASE, SET_RESPONSE_HEADERS='{"X-Frame-Options": "DENY"}') == of(BASE)


@pytest.mark.parametrize(
    "own",
    [
        "address: 10.0.0.7:443",
        "grpc_address: :5000",
        "health_check_addr: 127.0.0.1:28090",
        "metrics_address: 10.0.0.7:9090",
        "debug_address: :9904",
        "http_redirect_addr: :80",
        "databroker_cluster_node_id: node-7",
        "databroker_raft_bind_address: 10.0.0.7:6000",
        "autocert_dir: /data/seven",
        "envoy_admin_access_log_path: /tmp/log",
        "log_level: debug",
        "proxy_log_level: debug",
        "otel_resource_attributes: host.name=seven",
        "services: proxy",
        "certificate_file: /etc/seven.pem\ncertificate_key_file: /etc/seven.key",
        "certificates:\n- cert: /etc/seven.pem\n  key: /etc/seven.key",
        "databroker_storage_connection_string: postgres://seven:S3cret@127.0.0.1/x",
    ],
)
def test_what_is_one_replica_s_own_does_not_count(own: str) -> None:
    assert of(f"{BASE}{own}\n") == of(BASE)


def test_every_name_that_does_not_count_is_an_option_of_pomerium() -> None:
    known = vocabulary(None).options
    assert {name for name in fingerprint._OWN if name not in known} == set()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("https://a.example.com", "https://c.example.com"),
        ("10.0.0.1:80", "10.0.0.1:81"),
        ("is: example.com", "is: example.org"),
        ("timeout: 30s", "timeout: 31s"),
        ("enforcement: policy", "enforcement: reject_connection"),
        ("DENY", "SAMEORIGIN"),
        ("Y29va2ll", "Y29va2lf"),
        (SECRET, SECRET.replace("1", "2")),
        ("[openid, email]", "[openid]"),
        ("insecure_server: true", "insecure_server: false"),
        ("cookie_secret", "an_option_of_the_year_2030"),
        ("default_upstream_timeout: 60s\n", ""),
    ],
)
def test_any_shared_option_route_or_policy_counts(old: str, new: str) -> None:
    assert old in BASE
    assert of(BASE.replace(old, new)) != of(BASE)


def test_the_order_of_routes_counts() -> None:
    one, two = "- from: https://a\n  to: http://x\n", "- from: https://a\n  to: http://y\n"
    assert of(f"routes:\n{one}{two}") != of(f"routes:\n{two}{one}")


def test_of_a_file_counts_that_there_is_one_and_not_where() -> None:
    route = "routes:\n- from: https://a\n  to: http://x\n"
    one, other = (f"{route}  tls_custom_ca_file: /{place}/ca.pem\n" for place in ("one", "other"))
    assert of(one) == of(other) != of(route)


def test_an_option_that_nobody_knows_yet_is_equal_where_it_is_equal() -> None:
    text = f"{BASE}zz_new: {{b: [1, 2.5, yes], a: null}}\n"
    assert of(text) == of(f"zz_new: {{a: null, b: [1, 2.5, yes]}}\n{BASE}") != of(BASE)


def test_without_the_shared_secret_no_other_secret_has_a_part_in_it() -> None:
    bare = BASE.replace(f"shared_secret: {SECRET}\n", "")
    assert of(bare.replace("Y29va2ll", "b3RoZXI=")) == of(bare)
    hidden = f"{bare}  set_request_headers: {{Authorization: S3cret}}\n"
    assert of(hidden) == of(hidden.replace("S3cret", "another")) != of(bare)
    login = bare.replace("http://10.0.0.1:80", "http://ann:S3cret@10.0.0.1:80")
    assert of(login) == of(login.replace("S3cret", "another")) != of(bare)
    assert of(bare.replace("a.example.com", "c.example.com")) != of(bare)


@pytest.mark.parametrize(
    "broken",
    ["routes: 7", "routes: [7, x, null]", "policy: text", "services: [a]", "certificates: 3", "1: 2"],
)
def test_nonsense_has_a_fingerprint_too(broken: str) -> None:
    assert len(of(broken)) == fingerprint.DIGITS
    assert fingerprint.count(options(broken)) >= 0


def test_hosts_have_one_in_whatever_order() -> None:
    assert of_hosts(frozenset({"a", "b"})) == of_hosts(frozenset({"b", "a"})) != of_hosts(frozenset({"a"}))


def test_a_configuration_runs_once_a_look_at_it_found_nothing_lacking() -> None:
    one = options(BASE)
    known = follow(Running(), one, None, 5.0)
    assert not known.due
    assert not follow(known, one, looked(passed("fine"), 4.0), 6.0).due
    known = follow(known, one, looked(passed("fine"), 6.0), 7.0)
    assert known.due
    assert not follow(known.made("x"), options(BASE), looked(passed("fine"), 8.0), 9.0).due


@pytest.mark.parametrize(
    "finding",
    [
        failed("rejected", "it has a mistake", SEEN),
        warned("pending", "it is not taken over", SEEN),
        replace(passed("it is being taken over"), again=3.0, unfinished=True),
        blocked("pomerium.process", "it does not run"),
        unseen("Envoy cannot be asked"),
    ],
)
def test_until_it_is_taken_over_the_one_before_runs(finding: Finding) -> None:
    known = follow(Running(config="before"), options(BASE), looked(finding), 5.0)
    assert (known.config, known.due) == ("before", False)


@pytest.mark.parametrize(
    "finding", [not_applicable("no file"), warned("differs", "others run another", SEEN)]
)
def test_one_without_a_file_and_one_unlike_the_others_runs(finding: Finding) -> None:
    known = follow(Running(), options(BASE), None, 5.0)
    assert follow(known, options(BASE), looked(finding), 11.0).due


def test_what_is_to_be_looked_at_again_since_others_are_to_follow_runs() -> None:
    known = follow(Running(), options(BASE), None, 5.0)
    others = replace(passed("two configurations run in the cluster: a change is under way"), again=60.0)
    assert follow(known, options(BASE), looked(others), 11.0).due


def test_a_clock_that_is_set_back_holds_nothing_up() -> None:
    one = options(BASE)
    known = follow(Running(), one, None, 9000.0)
    known = follow(known, one, None, 20.0)
    assert follow(known, one, looked(passed("fine"), 21.0), 22.0).due


def watch() -> tuple[ConfigWatch, asyncio.Event]:
    changed = asyncio.Event()
    return ConfigWatch(Workers(), changed.set), changed


def replica(text: str) -> Replica:
    return Replica(main=Process(1, 1, 0, 0), options=options(text))


async def test_a_large_one_is_made_without_holding_anything_up() -> None:
    text = "routes:\n" + "".join(f"- from: https://r{at}.example\n  to: http://x:{at}\n" for at in range(500))
    watching, changed = watch()
    one = replica(text)
    watching.config(one, None, 5.0)
    assert watching.config(one, looked(passed("fine")), 11.0) == ""
    await asyncio.wait_for(changed.wait(), 10.0)
    assert watching.config(one, looked(passed("fine")), 12.0) == of(text)
    await watching.close()


async def test_what_ran_as_the_last_stays_while_the_replica_is_awaited() -> None:
    watching, _ = watch()
    one = replica(BASE)
    watching.config(one, None, 5.0)
    assert watching.config(one, looked(passed("fine")), 11.0) == of(BASE)
    assert watching.config(Replica(awaited=True), looked(None), 12.0) == of(BASE)
    assert watching.config(None, None, 13.0) == of(BASE)


async def test_where_only_a_part_of_the_options_is_seen_none_is_told() -> None:
    watching, _ = watch()
    for one in (
        Replica(options=options(BASE)),
        replace(replica(BASE), missing=GONE_FROM_VIEW),
        replace(replica(BASE), missing={"options": "not seen before"}),
    ):
        watching.config(one, None, 5.0)
        assert watching.config(one, looked(passed("fine")), 11.0) == ""


async def test_in_zero_mode_the_hosts_that_envoy_runs_stand_for_it() -> None:
    watching, _ = watch()
    zero = Replica(options=Options(zero=True))
    assert watching.config(zero, None, 5.0) == ""
    hosts = frozenset({"a.example.com"})
    assert watching.config(zero, None, 6.0, hosts) == of_hosts(hosts)
    assert watching.config(zero, None, 7.0, None) == of_hosts(hosts)


async def test_a_real_replica_keeps_the_fingerprint_of_what_it_runs(standin: StandIn) -> None:
    one, other = (standin(shared_secret=SECRET, cookie_secret=SECRET) for _ in range(2))
    watching, _ = watch()
    async with context_of(one) as context:
        watching.config(context.replica, None, 5.0)
        before = watching.config(context.replica, looked(await cluster_config_current.look(context)), 11.0)
        assert before == of_options(discover(Settings(pid=one.pid)).options) != ""
        assert served.known_hosts(context.notes)
        assert served.known_hosts(Notes()) is None
    one.rewrite(routes=[{"from": "nonsense", "to": "http://127.0.0.1:1"}])
    broken = discover(Settings(pid=one.pid), context.replica)
    finding = await cluster_config_current.look(replace(context, replica=broken))
    assert finding.cause == "rejected"
    watching.config(broken, looked(finding), 12.0)
    assert watching.config(broken, looked(finding, 13.0), 14.0) == before
    assert before == of_options(discover(Settings(pid=other.pid)).options)

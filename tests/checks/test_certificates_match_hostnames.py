"""certificates_match_hostnames: every route's host and the sign-in page's against the certificates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pomhealth.checks import certificates_match_hostnames
from pomhealth.checks.certificates_match_hostnames import Standing, judge, look, unmatched
from pomhealth.replica.model import Options
from pomhealth.replica.routes import Host
from pomhealth.status import Outcome
from tests.certs.making import made
from tests.checks.test_certificates_current import PAIR, offline
from tests.contexts import context_of
from tests.standin import StandIn

ROUTES = """
authenticate_service_url: https://login.example.com
routes:
  - {from: https://a.example.com, to: http://127.0.0.1:1}
  - {from: https://b.example.com:8443, to: http://127.0.0.1:1}
  - {from: ssh://c.other.test, to: ssh://127.0.0.1:1}
"""


async def test_a_wildcard_for_every_route_passes(tmp_path: Path) -> None:
    made("*.example.com").into(tmp_path)
    finding = await look(offline(PAIR + ROUTES, tmp_path))
    assert (finding.outcome, dict(finding.attributes)["hosts"]) == (Outcome.PASS, "3")


async def test_a_route_without_a_certificate_is_named_with_its_line_and_with_what_users_get(
    tmp_path: Path,
) -> None:
    made("a.example.com", "login.example.com").into(tmp_path)
    finding = await look(offline(PAIR + ROUTES, tmp_path))
    assert (finding.cause, finding.outcome) == ("no-match", Outcome.FAIL)
    (told,) = finding.evidence
    assert told.source == f"{tmp_path}/new.yaml:7"
    assert "users get the one for a.example.com, login.example.com" in told.observed
    assert "b.example.com or *.example.com" in told.expected


async def test_the_sign_in_page_counts_as_the_routes_do(tmp_path: Path) -> None:
    made("a.example.com", "b.example.com").into(tmp_path)
    finding = await look(offline(PAIR + ROUTES, tmp_path))
    assert [told.source for told in finding.evidence] == [f"{tmp_path}/new.yaml:4"]


async def test_a_common_name_alone_is_no_match(tmp_path: Path) -> None:
    made("a.example.com", "login.example.com", "b.example.com", alternatives=False).into(tmp_path)
    assert (await look(offline(PAIR + ROUTES, tmp_path))).cause == "no-match"


async def test_what_the_environment_may_name_is_unknown_while_no_replica_runs(tmp_path: Path) -> None:
    assert (await look(offline(ROUTES, tmp_path))).outcome is Outcome.UNKNOWN


async def test_behind_one_who_ends_tls_nothing_is_judged(tmp_path: Path) -> None:
    assert not (await look(offline("insecure_server: true" + ROUTES, tmp_path))).applies


async def test_what_autocert_will_obtain_is_waited_for_and_a_wildcard_is_not(tmp_path: Path) -> None:
    text = f"autocert: true\nautocert_dir: {tmp_path}\n"
    finding = await look(offline(text + ROUTES, tmp_path))
    assert (finding.outcome, dict(finding.attributes)["pending"]) == (Outcome.PASS, "3")
    wildcard = "routes: [{from: 'https://*.example.com', to: 'http://127.0.0.1:1'}]\n"
    assert (await look(offline(text + wildcard, tmp_path))).cause == "no-match"


def test_what_autocert_did_not_obtain_in_time_is_no_match_and_says_that_it_does_not_try_again() -> None:
    host = Host("a.example.com", 3, "c.yaml:3")
    finding = judge([host], [host], Standing((), own=False, autocert=True), waiting=False)
    assert finding.cause == "no-match"
    assert "does not try again" in finding.steps[0]


def test_many_hosts_are_counted_and_ten_of_them_named() -> None:
    hosts = [Host(f"{number}.example.com", number, f"c.yaml:{number}") for number in range(1, 31)]
    finding = judge(hosts, hosts, Standing((), own=True, autocert=False), waiting=False)
    assert (len(finding.evidence), finding.evidence[-1].observed) == (11, "and 20 more hosts without one")
    assert unmatched(hosts, ()) == tuple(hosts)


@pytest.mark.proves("certificates_match_hostnames/no-match")
async def test_a_certificate_for_another_name_on_a_running_replica(standin: StandIn, tmp_path: Path) -> None:
    made("other.example.com").into(tmp_path)
    replica = standin(
        certificate_file=str(tmp_path / "cert.pem"), certificate_key_file=str(tmp_path / "key.pem")
    )
    async with context_of(replica) as context:
        finding = await look(context)
        zero = replace(context, replica=replace(context.replica, options=Options(zero=True)))
        seen_by_envoy = await look(zero)
    assert finding.cause == "no-match"
    assert "users get the one for other.example.com" in finding.evidence[0].observed
    assert seen_by_envoy.cause == "no-match"
    assert "Envoy's /config_dump" in seen_by_envoy.evidence[0].source


async def test_a_running_replica_without_a_certificate_presents_pomeriums_own(standin: StandIn) -> None:
    async with context_of(standin(certificate_file=None, certificate_key_file=None)) as context:
        finding = await look(context)
    assert "Pomerium PSK CA" in finding.summary


def test_its_id_is_the_cluster_status_pages_own() -> None:
    assert certificates_match_hostnames.ID == "certificates_match_hostnames"

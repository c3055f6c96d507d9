"""The sign-in page: with its identity provider, with one that is gone, with none that Pomerium could use, and hung."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pomhealth.agent.instruments import close_context, open_context
from pomhealth.checks import Context, authenticate_service
from pomhealth.checks.authenticate_service import ID, look
from pomhealth.demo.ports import free_ports
from pomhealth.demo.running import RunningReplica
from pomhealth.reachability.provider import configured
from pomhealth.replica.discover import discover
from pomhealth.replica.model import Options, Value
from pomhealth.settings import Settings
from pomhealth.status import Component, Finding, Gate, Outcome, Report, not_applicable
from tests.bare_envoy import bare_envoy
from tests.checks.test_services import plain_listener
from tests.contexts import context_of
from tests.outside.world import Authority, Handler, Server, hang, serving, web
from tests.standin import StandIn


@pytest.fixture(scope="module")
def replica(module_standin: StandIn) -> RunningReplica:
    return module_standin()


def openid(scheme: str = "http") -> Handler:
    """An identity provider, as far as its discovery document."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, told: Server) -> None:
        told.heard.append(await reader.readuntil(b"\r\n\r\n"))
        origin = f"{scheme}://127.0.0.1:{told.port}"
        body = json.dumps({"issuer": origin, "authorization_endpoint": f"{origin}/authorize"})
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()

    return handle


async def settled(context: Context, status: int) -> None:
    """Returns once the page answers so: the stand-in has then taken over its configuration."""
    to = authenticate_service._approach(context)
    assert not isinstance(to, Finding)
    end = asyncio.get_running_loop().time() + 20
    while (await authenticate_service._page(to)).status != status:
        assert asyncio.get_running_loop().time() < end
        await asyncio.sleep(0.05)


@asynccontextmanager
async def signing_in(replica: RunningReplica, url: str, status: int) -> AsyncIterator[Context]:
    """A context for the replica with this provider, once its page answers with `status`."""
    replica.rewrite(idp_provider="oidc", idp_provider_url=url)
    async with context_of(replica) as context:
        await settled(context, status)
        yield context


def test_the_id_is_that_of_the_catalogue() -> None:
    assert ID == "authenticate.service"


async def test_a_page_that_redirects_to_a_provider_that_answers_passes(replica: RunningReplica) -> None:
    async with (
        serving(openid()) as provider,
        signing_in(replica, f"http://127.0.0.1:{provider.port}", 302) as context,
    ):
        finding = await look(context)
    assert (finding.outcome, "answers 302" in finding.summary) == (Outcome.PASS, True)


@pytest.mark.proves("authenticate.service/identity-provider")
async def test_a_provider_that_goes_away_is_told_with_the_step_that_fails(replica: RunningReplica) -> None:
    async with serving(openid()) as provider:
        url = f"http://127.0.0.1:{provider.port}"
        async with signing_in(replica, url, 302) as context:
            before = await look(context)
    async with context_of(replica) as after:
        after.notes.keep(ID, context.notes.recall(ID))
        finding = await look(after)
    assert (before.outcome, finding.outcome, finding.cause) == (
        Outcome.PASS,
        Outcome.WARN,
        "identity-provider",
    )
    assert "refuses the connection" in finding.summary
    assert finding.evidence[0].source.startswith(f"GET {url}/.well-known/openid-configuration (")
    assert "pomerium.yaml:" in finding.evidence[0].source
    assert finding.evidence[1].observed == "500"
    assert ("PROVIDER_URL", url) in finding.names


@pytest.mark.proves("authenticate.service/identity-provider")
async def test_a_provider_without_a_discovery_document_is_told(replica: RunningReplica) -> None:
    async with (
        serving(web(404)) as provider,
        signing_in(replica, f"http://127.0.0.1:{provider.port}", 500) as context,
    ):
        finding = await look(context)
    assert (finding.outcome, finding.cause) == (Outcome.WARN, "identity-provider")
    assert "its discovery document is answered with 404" in finding.summary


@pytest.mark.proves("authenticate.service/identity-provider")
async def test_a_provider_that_does_not_answer_is_told_although_the_page_hangs(
    replica: RunningReplica,
) -> None:
    async with serving(hang) as provider:
        replica.rewrite(idp_provider="oidc", idp_provider_url=f"http://127.0.0.1:{provider.port}")
        async with context_of(replica) as context:
            finding = await look(context)
    assert (finding.outcome, finding.cause) == (Outcome.WARN, "identity-provider")
    assert "does not answer" in finding.summary


@pytest.mark.proves("authenticate.service/identity-provider")
async def test_a_certificate_that_the_replica_does_not_trust_is_told(
    replica: RunningReplica, tmp_path: Path
) -> None:
    tls = Authority("Unknown", tmp_path).serving("localhost")
    async with (
        serving(openid("https"), tls=tls) as provider,
        signing_in(replica, f"https://localhost:{provider.port}", 500) as context,
    ):
        finding = await look(context)
        options = context.replica.options
        values = {**options.values, "certificate_authority_file": Value("ca.pem", "test")}
        trusting = replace(context, replica=replace(context.replica, options=Options(values)))
        other = await look(trusting)
    assert finding.cause == "identity-provider"
    assert 'was issued by "Unknown, Unknown CA"' in finding.summary
    assert (
        other.summary
        == "the sign-in page answers 500: Pomerium cannot use its identity provider, which is oidc"
    )


async def test_a_healthy_page_is_asked_once_an_hour_and_its_provider_at_every_look(
    replica: RunningReplica,
) -> None:
    async with (
        serving(openid()) as provider,
        signing_in(replica, f"http://127.0.0.1:{provider.port}", 302) as context,
    ):
        await look(context)
        lines, asked = replica.log().count("authorize check"), len(provider.heard)
        again = await look(context)
        assert again.outcome is Outcome.PASS
        assert len(provider.heard) == asked + 1
    assert replica.log().count("authorize check") == lines


async def test_a_hung_main_process_answers_no_request_which_is_another_checks_finding(
    replica: RunningReplica,
) -> None:
    replica.rewrite(idp_provider=None, idp_provider_url=None)
    async with context_of(replica) as context:
        os.kill(replica.pid, signal.SIGSTOP)
        try:
            finding = await look(context)
        finally:
            os.kill(replica.pid, signal.SIGCONT)
    assert (finding.outcome, finding.blocked_by) == (Outcome.SKIPPED, "proxy.service")


@pytest.mark.proves("authenticate.service/no-answer")
async def test_a_page_that_alone_gives_no_answer_is_a_silence(replica: RunningReplica) -> None:
    async with serving(openid()) as provider:
        url = f"http://127.0.0.1:{provider.port}"
        async with signing_in(replica, url, 302):
            pass
    async with serving(
        hang, port=provider.port
    ):  # which nothing is known of here: it is what makes the page hang
        replica.rewrite(idp_provider=None)
        async with context_of(replica) as context:
            finding = await look(context)
            while finding.blocked_by:  # on a busy machine the listener's other answer may be late too
                finding = await look(context)
    assert (finding.cause, finding.silent) == ("no-answer", True)


@pytest.mark.proves("authenticate.service/no-answer")
async def test_an_error_that_is_not_pomeriums_own_is_no_answer() -> None:
    (port,) = free_ports(1)
    options = {"insecure_server": True, "authenticate_service_url": "https://sign-in.example:8443"}
    async with bare_envoy(plain_listener(port, 0), port, options=options) as context:
        await settled(context, 503)
        finding = await look(context)
    assert (finding.cause, finding.silent) == ("no-answer", False)
    assert finding.evidence[0].source == f"GET /.pomerium/ for sign-in.example:8443 on 127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"authenticate_service_url": None}, "sign-in is Pomerium's hosted service"),
        ({"authenticate_service_url": "https://authenticate.pomerium.app"}, "sign-in is Pomerium's hosted"),
        ({"services": "proxy,authorize,databroker"}, "does not run the authenticate service"),
    ],
)
async def test_a_replica_that_does_not_serve_the_page_is_not_asked_for_it(
    replica: RunningReplica, changes: dict[str, Any], reason: str
) -> None:
    settings = Settings(pid=replica.pid)
    seen = discover(settings)
    values = {**seen.options.values, **{name: Value(value, "test") for name, value in changes.items()}}
    services = frozenset(str(changes.get("services", "all")).split(","))
    context = open_context(replace(seen, options=Options(values), services=services), settings)
    try:
        finding = await look(context)
    finally:
        await close_context(context)
    assert not finding.applies
    assert reason in finding.summary


@pytest.mark.proves("authenticate.service/reported", by="recording")
def test_a_failing_report_counts_where_the_page_is_another_services() -> None:
    component = Component(
        ID,
        Gate.READY,
        measures=True,
        measured=not_applicable("hosted"),
        reported=Report("UNKNOWN", "it did not start", required=True),
    )
    assert component.finding is not None
    assert (component.finding.outcome, component.finding.cause) == (Outcome.FAIL, "reported")
    healthy = replace(component, reported=Report("RUNNING"))
    assert healthy.finding is component.measured


@pytest.mark.parametrize(
    ("options", "source"),
    [
        (
            {"idp_provider": "google"},
            "GET https://accounts.google.com/.well-known/openid-configuration",
        ),
        ({"idp_provider": "github"}, "a TLS connection to https://github.com"),
        (
            {"idp_provider": "okta", "idp_provider_url": "https://own.okta.com/"},
            "GET https://own.okta.com/.well-known/openid-configuration",
        ),
        ({"idp_provider": "okta"}, None),
        ({"idp_provider_url": "https://own.example"}, None),
        ({"idp_provider": "oidc", "idp_provider_url": "https://user:pass@own.example"}, None),
        ({"idp_provider": "oidc", "idp_provider_url": "https://[::1"}, None),
    ],
)
def test_the_provider_is_asked_only_where_its_address_is_certain(
    options: dict[str, str], source: str | None
) -> None:
    found = configured(Options({name: Value(value, "test") for name, value in options.items()}))
    assert (found.source if found else None) == source

"""certificates_current: certificates that end, do not fit or are not taken over, on a replica around a real Envoy."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pomhealth.agent.instruments import close_context, open_context
from pomhealth.certs import pem
from pomhealth.checks import cluster_config_current
from pomhealth.checks.certificates_current import look
from pomhealth.checks.context import Context
from pomhealth.demo.running import RunningReplica
from pomhealth.replica.budget import FULL, RESERVE, Haste
from pomhealth.replica.configfile import parse
from pomhealth.replica.discover import discover
from pomhealth.replica.mainlistener import approach, presented
from pomhealth.replica.model import Options, Value
from pomhealth.replica.offline import from_file
from pomhealth.replica.options import merge
from pomhealth.settings import Settings
from pomhealth.status import Finding, Outcome
from tests import bare_envoy as bare
from tests.certs.making import Made, made
from tests.contexts import context_of
from tests.standin import StandIn

NAMES = ("*.demo.localhost",)
PATIENCE = 20.0  # seconds


@pytest.fixture
def replica(standin: StandIn) -> RunningReplica:
    return standin()


async def until(
    replica: RunningReplica,
    wanted: Callable[[Finding], bool],
    before: Callable[[Context], Awaitable[object]] | None = None,
) -> Finding:
    """Looks, each time at the replica as it then is, until this is found."""
    end = asyncio.get_running_loop().time() + PATIENCE
    while True:
        async with context_of(replica) as context:
            if before is not None:
                await before(context)
            finding = await look(context)
        if wanted(finding):
            return finding
        assert asyncio.get_running_loop().time() < end, finding
        await asyncio.sleep(0.1)


def has(cause: str) -> Callable[[Finding], bool]:
    return lambda finding: finding.cause == cause


async def serves(replica: RunningReplica, one: Made) -> None:
    """Returns once the main listener presents this certificate."""
    end = asyncio.get_running_loop().time() + PATIENCE
    async with context_of(replica) as context:
        to = approach(context.replica, "app.demo.localhost")
        assert to is not None
        while await presented(to, deadline=5) != one.der:
            assert asyncio.get_running_loop().time() < end
            await asyncio.sleep(0.05)


async def test_a_good_certificate_passes_with_its_end(replica: RunningReplica) -> None:
    finding = await until(replica, lambda finding: finding.outcome is Outcome.PASS)
    assert "days left" in finding.summary
    attributes = dict(finding.attributes)
    assert (attributes["certificates"], attributes["earliest_end_days"]) == ("1", "89")


async def test_each_certificate_is_listed_with_its_dates_and_where_it_is(replica: RunningReplica) -> None:
    one = made(*NAMES, days=30).into(replica.directory)
    await serves(replica, one)
    finding = await until(replica, lambda finding: finding.outcome is Outcome.PASS)
    (listed,) = finding.certificates
    assert (listed.name, listed.serial, listed.problem) == (NAMES[0], one.serial, "")
    assert listed.where == str(replica.directory / "cert.pem")
    assert listed.not_after == one.certificate.not_valid_after_utc.timestamp()


async def test_a_certificate_that_cannot_be_read_is_listed_beside_the_one_that_envoy_still_has(
    replica: RunningReplica,
) -> None:
    (replica.directory / "cert.pem").write_bytes(b"")
    finding = await until(replica, has("unreadable"))
    first, second = finding.certificates
    assert first.where == str(replica.directory / "cert.pem")
    assert "not a PEM certificate" in first.problem
    assert (second.name, second.problem) == (NAMES[0], "")
    assert second.not_after > 0


@pytest.mark.proves("certificates_current/expired")
@pytest.mark.parametrize("rsa_key", [False, True], ids=["ec", "rsa"])
async def test_a_certificate_that_has_ended_is_named_with_all_that_finds_it(
    replica: RunningReplica, rsa_key: bool
) -> None:
    one = made(*NAMES, begins=-9, days=-3, rsa_key=rsa_key).into(replica.directory)
    await serves(replica, one)
    finding = await until(replica, has("expired"))
    assert finding.outcome is Outcome.FAIL
    (told,) = finding.evidence
    assert told.source == str(replica.directory / "cert.pem")
    assert all(said in told.observed for said in (NAMES[0], "CN=", one.serial, "ended 3 days ago"))
    assert ("CERTIFICATE_FILE", told.source) in finding.names


async def test_a_renewed_certificate_is_well_although_envoy_still_drains_the_old_one(
    replica: RunningReplica,
) -> None:
    """Envoy lists the certificates of a listener that drains, for minutes."""
    await serves(replica, made(*NAMES, begins=-9, days=-3).into(replica.directory))
    await serves(replica, made(*NAMES).into(replica.directory))
    async with context_of(replica) as context:
        listed = await context.admin.json("/certs", deadline=2)
        assert len(listed["certificates"]) > 1
        finding = await look(context)
    assert finding.outcome is Outcome.PASS, finding


async def test_what_the_files_show_does_not_wait_until_envoy_may_be_asked(replica: RunningReplica) -> None:
    async with context_of(replica) as context:
        assert (await look(context)).outcome is Outcome.PASS
        context.admin.budget.charge(FULL + RESERVE + 1.0)
        spent = context.admin.spent
        at_rest = replace(context, haste=Haste.NONE)
        made(*NAMES, begins=-9, days=-3).into(replica.directory)
        await bare.found(look, at_rest, "expired")
        made(*NAMES).into(replica.directory)
        assert (await bare.found(look, at_rest, "")).outcome is Outcome.PASS
        assert context.admin.spent == spent


async def test_what_was_read_a_moment_before_the_files_changed_is_not_what_they_hold(
    replica: RunningReplica,
) -> None:
    async with context_of(replica) as context:
        await look(context)
        made(*NAMES, days=3).into(replica.directory)
        changed = replace(context, replica=replace(context.replica))
        assert (await look(changed)).cause == "expiring"


@pytest.mark.proves("certificates_current/expiring")
async def test_a_certificate_that_ends_soon_is_warned_of(replica: RunningReplica) -> None:
    await serves(replica, made(*NAMES, days=3).into(replica.directory))
    finding = await until(replica, has("expiring"))
    assert finding.outcome is Outcome.WARN
    assert "more than 10 days left" in finding.evidence[0].expected


@pytest.mark.proves("certificates_current/not-yet-valid")
async def test_a_certificate_that_begins_tomorrow_is_told(replica: RunningReplica) -> None:
    await serves(replica, made(*NAMES, begins=1).into(replica.directory))
    assert (await until(replica, has("not-yet-valid"))).outcome is Outcome.FAIL


@pytest.mark.proves("certificates_current/key-mismatch")
async def test_a_key_of_another_certificate_is_told_here_and_nowhere_else(replica: RunningReplica) -> None:
    (replica.directory / "key.pem").write_bytes(made("x").key)
    verdicts: list[Finding] = []

    async def elsewhere(context: Context) -> None:
        verdicts.append(await cluster_config_current.look(context))

    finding = await until(replica, has("key-mismatch"), elsewhere)
    assert "goes on with what it had" in finding.summary
    assert (verdicts[-1].outcome, verdicts[-1].blocked_by) == (Outcome.SKIPPED, "certificates_current")


@pytest.mark.proves("certificates_current/unreadable")
@pytest.mark.parametrize("kind", ["missing", "der", "empty"])
async def test_a_certificate_that_cannot_be_read_is_told(replica: RunningReplica, kind: str) -> None:
    path = replica.directory / "cert.pem"
    if kind == "missing":
        path.unlink()
    else:
        path.write_bytes(made(*NAMES).der if kind == "der" else b"")
    finding = await until(replica, has("unreadable"))
    assert str(path) == finding.evidence[0].source


async def test_a_pair_that_a_refused_file_names_is_told_with_its_line(replica: RunningReplica) -> None:
    settings = Settings(pid=replica.pid)
    before = discover(settings)
    replica.rewrite(certificate_file="gone.pem")
    context = open_context(discover(settings, before), settings)
    try:
        finding = await look(context)
    finally:
        await close_context(context)
    assert finding.cause == "unreadable"
    assert "pomerium.yaml:" in finding.evidence[0].source
    assert "gone.pem" in finding.evidence[0].observed


@pytest.mark.proves("certificates_current/served-stale")
async def test_a_renewed_certificate_that_is_not_taken_over_is_stale(replica: RunningReplica) -> None:
    """While Pomerium refuses its configuration it takes no certificate over either."""
    replica.write_config(replica.config_path.read_text() + "log_level: [\n")
    new = made(*NAMES, begins=-0.5).into(replica.directory)
    settings = Settings(pid=replica.pid)
    good = merge(
        parse(str(replica.config_path), replica.config_path.read_bytes().replace(b"log_level: [", b"")), {}
    )

    async def seen() -> Finding:
        found = discover(settings)
        context = open_context(
            replace(found, options=replace(good, problems=found.options.problems), missing={}), settings
        )
        try:
            return await look(context)
        finally:
            await close_context(context)

    end = asyncio.get_running_loop().time() + PATIENCE
    while (finding := await seen()).cause != "served-stale":
        assert asyncio.get_running_loop().time() < end, finding
        await asyncio.sleep(0.2)
    assert finding.outcome is Outcome.WARN
    assert new.serial in finding.evidence[0].expected
    assert any("mend" in step for step in finding.steps)


@contextlib.contextmanager
def sharing(where: tuple[str, int], one: Made, directory: Path) -> Iterator[None]:
    """Another program that shares the port (Envoy allows it to its own user) and presents this certificate."""
    one.into(directory)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind(where)
        listening.listen()

        def serve() -> None:
            with contextlib.suppress(OSError):  # until the socket is shut down
                while True:
                    taken, _ = listening.accept()
                    taken.settimeout(2)
                    with (
                        contextlib.suppress(OSError),
                        taken,
                        tls.wrap_socket(taken, server_side=True) as talk,
                    ):
                        talk.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


async def test_an_old_certificate_from_another_process_on_the_same_port_is_stale(
    replica: RunningReplica, tmp_path: Path
) -> None:
    """Only a handshake tells: what Envoy has loaded is the new one."""
    with sharing(replica.address, made(*NAMES, days=20), tmp_path / "old"):
        finding = await until(replica, has("served-stale"))
    assert "users of pomhealth.demo.localhost get" in finding.evidence[0].observed


async def test_each_name_is_presented_its_own_certificate(standin: StandIn, tmp_path: Path) -> None:
    pairs = {
        name: made(name, rsa_key=name.startswith("r")).into(tmp_path / name) for name in ("e.test", "r.test")
    }
    entries = [
        {"cert": str(tmp_path / name / "cert.pem"), "key": str(tmp_path / name / "key.pem")} for name in pairs
    ]
    async with context_of(standin(certificates=entries)) as context:
        for name, one in pairs.items():
            to = approach(context.replica, name)
            assert to is not None
            assert await presented(to, deadline=5) == one.der
        finding = await look(context)
    assert (finding.outcome, dict(finding.attributes)["certificates"]) == (Outcome.PASS, "3")


async def test_an_inline_certificate_is_judged_and_told_by_its_line(standin: StandIn) -> None:
    one = made(*NAMES, days=2)
    replica = standin(
        certificate_file=None,
        certificate_key_file=None,
        certificate=base64.b64encode(one.pem).decode(),
        certificate_key=base64.b64encode(one.key).decode(),
    )
    async with context_of(replica) as context:
        finding = await look(context)
    assert finding.cause == "expiring"
    assert "pomerium.yaml:" in finding.evidence[0].source
    assert finding.evidence[0].source.endswith("option certificate, inline")


async def test_where_the_options_are_not_seen_envoys_own_list_is_judged(replica: RunningReplica) -> None:
    """In Pomerium Zero's mode, say."""
    await serves(replica, made(*NAMES, days=2).into(replica.directory))
    async with context_of(replica) as context:
        zero = replace(context, replica=replace(context.replica, options=Options(zero=True)))
        finding = await look(zero)
    assert (finding.cause, finding.evidence[0].source) == ("expiring", "Envoy's /certs")


def offline(text: str, directory: Path) -> Context:
    """A configuration that no replica runs, looked at from its directory."""
    file = directory / "new.yaml"
    file.write_text(text)
    with contextlib.ExitStack() as stack:
        stack.callback(os.chdir, Path.cwd())
        os.chdir(directory)
        replica = from_file(str(file), Value("0.33", "test"), "nobody runs it")
    return open_context(replica, Settings())


PAIR = "certificate_file: cert.pem\ncertificate_key_file: key.pem\n"


@pytest.mark.parametrize(
    ("certificate", "cause"),
    [({"days": 90}, ""), ({"days": 2}, "expiring"), ({"days": -1, "begins": -2}, "expired")],
)
async def test_a_configuration_that_no_replica_runs_is_judged_from_disk(
    tmp_path: Path, certificate: dict[str, Any], cause: str
) -> None:
    made("a.example.com", **certificate).into(tmp_path)
    assert (await look(offline(PAIR, tmp_path))).cause == cause


async def test_a_certificate_that_is_not_there_is_told_before_a_replica_meets_it(tmp_path: Path) -> None:
    assert (await look(offline(PAIR, tmp_path))).cause == "unreadable"


async def test_many_faults_are_counted_and_ten_of_them_named(tmp_path: Path) -> None:
    entries = ""
    for number in range(15):
        made(f"{number}.example.com", days=2).into(tmp_path / str(number))
        entries += f"  - {{cert: {number}/cert.pem, key: {number}/key.pem}}\n"
    finding = await look(offline("certificates:\n" + entries, tmp_path))
    assert (len(finding.evidence), finding.evidence[-1].observed) == (11, "and 5 more")
    assert "(and 14 more)" in finding.summary


async def test_what_a_sidecar_cannot_reach_is_unknown(tmp_path: Path) -> None:
    """It may share the network with the replica, and none of its files."""
    context = offline(PAIR, tmp_path)
    good = replace(context.replica.options, problems=())
    finding = await look(replace(context, replica=replace(context.replica, options=good, offline=False)))
    assert finding.outcome is Outcome.UNKNOWN
    assert "not to be found from here" in finding.summary


async def test_pomeriums_own_certificate_is_no_alarm(standin: StandIn) -> None:
    async with context_of(standin(certificate_file=None, certificate_key_file=None)) as context:
        assert (await look(context)).outcome is Outcome.PASS


async def test_without_tls_there_is_nothing_to_judge(tmp_path: Path) -> None:
    finding = await look(offline("insecure_server: true\n", tmp_path))
    assert not finding.applies


async def test_a_metrics_certificate_counts_too(tmp_path: Path) -> None:
    made("m.example.com", days=1).into(tmp_path)
    text = "metrics_certificate_file: cert.pem\nmetrics_certificate_key_file: key.pem\n"
    assert (await look(offline(text, tmp_path))).cause == "expiring"


def test_no_key_stays_in_what_is_remembered(tmp_path: Path) -> None:
    one = made("a").into(tmp_path)
    chain, public = pem.chain(one.pem)
    assert len(public) == 32
    assert one.key.splitlines()[1] not in repr(chain).encode()

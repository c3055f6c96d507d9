"""A configuration that a release can build or not, on real files and running stand-ins ("config.databroker.build")."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pomhealth.agent.instruments import close_context, open_context
from pomhealth.agent.once import measure, measure_replica
from pomhealth.catalogue import catalogue
from pomhealth.checks.config_databroker_build import ID, look
from pomhealth.demo.errors import DemoError
from pomhealth.demo.running import RunningReplica
from pomhealth.replica.discover import discover
from pomhealth.replica.model import Replica, Value
from pomhealth.replica.offline import from_file
from pomhealth.settings import Settings
from pomhealth.status import Component, Finding, Gate, Outcome, Report, Unobservable, blocked, passed
from tests.standin import StandIn

GOOD = "routes:\n  - from: https://a.example.com\n    to: http://a\n"


async def looked(replica: Replica) -> Finding:
    context = open_context(replica, Settings())
    try:
        return await look(context)
    finally:
        await close_context(context)


async def alone(directory: Path, text: str | bytes, version: str = "0.33.1", name: str = "c.yaml") -> Finding:
    """What the check says of a file that no replica runs."""
    path = directory / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return await looked(from_file(str(path), Value(version, "given"), "none runs"))


async def test_a_good_file_passes_and_the_release_is_named(tmp_path: Path) -> None:
    finding = await alone(tmp_path, GOOD)
    assert finding.outcome is Outcome.PASS
    assert "Pomerium 0.33" in finding.summary
    assert "environment" in finding.summary


@pytest.mark.proves(f"{ID}/removed-option")
@pytest.mark.parametrize(
    "text", ["address: :443\ntracing_provider: jaeger\n", GOOD + "    allowed_groups: [a]\n"]
)
async def test_a_removed_option_fails_with_its_line_and_its_explanation(tmp_path: Path, text: str) -> None:
    finding = await alone(tmp_path, text)
    assert (finding.outcome, finding.cause) == (Outcome.FAIL, "removed-option")
    line = text.count("\n")
    assert f"line {line}" in finding.summary
    assert finding.evidence[0].source == f"{tmp_path}/c.yaml:{line}"
    assert "https://docs.pomerium.com/docs/overview/upgrading#" in finding.steps[0]


@pytest.mark.proves(f"{ID}/invalid")
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("address: :443\nautocert: yes\n", 2),
        ("address: :443\nroutes: [\n", 3),
        ("- a\n", 1),
        ("address: a\naddress: b\n", 2),
        (GOOD.replace("https://", ""), 2),
        (GOOD + "    timeout: soon\n", 4),
    ],
)
async def test_a_mistake_fails_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    finding = await alone(tmp_path, text)
    assert (finding.outcome, finding.cause) == (Outcome.FAIL, "invalid")
    assert finding.evidence[0].source == f"{tmp_path}/c.yaml:{line}"
    assert finding.steps


async def test_a_removed_option_is_told_before_other_mistakes(tmp_path: Path) -> None:
    finding = await alone(tmp_path, "autocert: yes\nidp_qps: 5\n")
    assert finding.cause == "removed-option"
    assert "and 1 more" in finding.summary
    assert len(finding.evidence) == 2


@pytest.mark.proves(f"{ID}/unknown-option")
async def test_an_unknown_option_warns_with_its_line_and_what_was_perhaps_meant(tmp_path: Path) -> None:
    finding = await alone(tmp_path, GOOD + "    allow_websocket: true\n")
    assert (finding.outcome, finding.cause) == (Outcome.WARN, "unknown-option")
    assert "allow_websocket (line 4)" in finding.summary
    assert "allow_websockets perhaps" in finding.steps[0]


async def test_it_depends_on_the_release_what_is_unknown(tmp_path: Path) -> None:
    text = "merge_slashes: true\n"
    assert (await alone(tmp_path, text, "0.33")).outcome is Outcome.PASS
    older = await alone(tmp_path, text, "0.31.3")
    assert older.cause == "unknown-option"
    assert "it came with 0.33" in older.steps[0]


async def test_a_release_newer_than_any_known_may_know_more(tmp_path: Path) -> None:
    finding = await alone(tmp_path, "brand_new: true\n", "0.77.0")
    assert finding.outcome is Outcome.PASS
    assert "the newest release that pomhealth knows; it does not know 0.77" in finding.summary
    assert finding.evidence


@pytest.mark.parametrize(
    "content",
    [
        b"\x7fELF\x00\x00\xff\xfe" * 1000,
        b"\xff\xfe\x00a\x00:",
        b"[" * 100_000,
        b"{a: " * 100_000,
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(
            f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n".encode()
            for n in range(20)
        ),
        b"? {a: b}\n: c\n",
        b"a: *nowhere\n",
        b"address: 'never closed\n" * 3,
    ],
    ids=["binary", "utf-16", "deep list", "deep mapping", "bomb", "odd key", "no anchor", "open quote"],
)
async def test_a_hostile_file_is_one_mistake(tmp_path: Path, content: bytes) -> None:
    finding = await alone(tmp_path, content)
    assert finding.cause == "invalid"
    assert len(finding.summary) < 400 + len(str(tmp_path))


async def test_a_mistake_in_every_route_is_told_in_a_few_lines(tmp_path: Path) -> None:
    finding = await alone(tmp_path, "routes:\n" + "  - {from: a, to: http://a}\n" * 1000)
    assert len(finding.evidence) == 21
    assert "980 more" in finding.evidence[-1].observed
    assert len(finding.steps) == 1
    assert "999 more places" in finding.steps[0]


async def test_an_empty_file_holds_no_mistake(tmp_path: Path) -> None:
    assert (await alone(tmp_path, "")).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("name", "text"), [("c.json", '{"autocert": "yes"}'), ("c.toml", 'autocert = "yes"')]
)
async def test_json_and_toml_are_judged_too(tmp_path: Path, name: str, text: str) -> None:
    assert (await alone(tmp_path, text, name=name)).cause == "invalid"


async def test_a_format_that_nobody_uses_is_not_judged(tmp_path: Path) -> None:
    with pytest.raises(Unobservable, match=r"not \.hcl files"):
        await alone(tmp_path, "a = 1", name="c.hcl")


async def test_a_file_for_pomerium_zero_says_nothing(tmp_path: Path) -> None:
    finding = await alone(tmp_path, "pomerium_zero_token: x\nautocert: yes\n")
    assert finding.outcome is Outcome.UNKNOWN
    assert "Pomerium Zero" in finding.summary


@pytest.fixture
def replica(standin: StandIn) -> RunningReplica:
    return standin()


def seen(replica: RunningReplica, before: Replica | None = None) -> Replica:
    return discover(Settings(pid=replica.pid), before)


async def test_a_running_replica_passes_and_the_release_is_named(replica: RunningReplica) -> None:
    finding = await looked(seen(replica))
    assert finding.outcome is Outcome.PASS, finding
    assert "Pomerium 0.33" in finding.summary


@pytest.mark.proves("cluster_config_current/rejected")
@pytest.mark.parametrize(
    ("option", "says"),
    [({"tracing_provider": "jaeger"}, "was removed"), ({"timeout_read": "5 minutes"}, "no duration")],
)
async def test_what_a_running_replica_refuses_is_told_as_rejected_and_takes_nothing_out(
    replica: RunningReplica, option: dict[str, str], says: str
) -> None:
    before = seen(replica)
    replica.rewrite(**option)
    after = seen(replica, before)
    assert (await looked(after)).blocked_by == "cluster_config_current"
    status = await measure_replica(after, Settings(pid=replica.pid), [ID])
    rejected = status.entries["cluster_config_current"]
    assert rejected.finding is not None
    assert rejected.finding.cause == "rejected"
    assert says in rejected.finding.summary
    assert "pomerium.yaml:" in rejected.finding.summary
    assert status.entries[ID].blocked_by == "cluster_config_current"
    stopping = {entry.id for entry in status.stopping(Gate.LIVE, Gate.READY)}
    assert not stopping & {ID, "cluster_config_current"}


@pytest.mark.parametrize("option", [{"tracing_provider": "jaeger"}, {"timeout_read": "5 minutes"}])
async def test_the_replica_itself_refuses_what_is_called_refused(
    replica: RunningReplica, option: dict[str, str]
) -> None:
    replica.rewrite(**option)
    replica.stop()
    with pytest.raises(DemoError, match="the stand-in replica ended"):
        replica.start()


async def test_a_replica_whose_version_is_not_known_is_judged_by_all_releases(
    replica: RunningReplica,
) -> None:
    replica.rewrite(authenticate_callback_path="/a", merge_slashes=True)
    finding = await looked(replace(seen(replica), version=None))
    assert finding.outcome is Outcome.PASS
    assert "Pomerium 0.30 to 0.33" in finding.summary


async def test_an_unknown_option_of_a_running_replica_warns(replica: RunningReplica) -> None:
    replica.rewrite(cookie_expires="8h")
    finding = await looked(seen(replica))
    assert finding.cause == "unknown-option"
    assert "cookie_expire perhaps" in finding.steps[0]


async def test_a_file_named_for_a_replica_that_does_not_run_fails(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("tracing_provider: jaeger\n")
    settings = Settings(pomerium_config=str(config))
    status, found = await measure(settings)
    assert found.main is None
    finding = status.entries[ID].finding
    assert finding is not None
    assert (finding.outcome, finding.cause) == (Outcome.FAIL, "removed-option")
    assert status.entries["cluster_config_current"].blocked_by == "pomerium.process"
    config.write_text("address: 127.0.0.1:8443\ncertificate_file: relative.pem\nservices: proxy\n")
    finding = await looked(discover(settings))
    assert finding.outcome is Outcome.PASS  # what lacks may be in the environment


@pytest.mark.parametrize(
    "measured", [passed("a good file"), blocked("cluster_config_current", "the file is refused")]
)
def test_what_the_replica_alone_sees_counts_beside_the_file(measured: Finding) -> None:
    """By its own report: what the databroker holds is in no file."""
    check = catalogue().checks[ID]
    said = Report("RUNNING", "error building policies", required=True)
    component = Component(ID, check.gate, measures=True, joint=check.joint, measured=measured, reported=said)
    assert component.finding is not None
    assert (component.finding.outcome, component.finding.cause) == (Outcome.FAIL, "reported")

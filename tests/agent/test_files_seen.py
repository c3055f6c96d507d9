"""A changed certificate is seen at once, however it is put in place: the kernel tells the agent."""

from __future__ import annotations

from pathlib import Path

from tests.agent.process import Agent, agent, until
from tests.certs.making import made
from tests.standin import StandIn

NAMES = ("*.demo.localhost",)
EXPIRING = ("certificates_current", "expiring")
SELDOM = {"POMHEALTH_INTERVALS": "certificates_current=3600"}  # so that its schedule brings nothing here


def swap(volume: Path, version: str, days: float) -> None:
    """Puts a pair into a volume as the kubelet does: a new directory, and one link to it swapped by a rename."""
    made(*NAMES, days=days).into(volume / version, "tls")
    link = volume / "..new"
    link.symlink_to(version)
    link.rename(volume / "..data")


def told(one: Agent, *, after: bool) -> None:
    until(lambda: (EXPIRING in one.alerts()) is after, lambda: one.get("/alerts"))


def test_a_swapped_directory_a_renewed_file_and_one_for_metrics_are_seen(
    tmp_path: Path, standin: StandIn
) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    swap(volume, "..1", days=90)
    for name in ("tls.crt", "tls.key"):
        (volume / name).symlink_to(f"..data/{name}")
    metrics = tmp_path / "metrics"
    made("m.example.com").into(metrics)
    obtained = tmp_path / "autocert"
    host = obtained / "certificates" / "acme-v02.api.letsencrypt.org-directory" / "app.demo.localhost"
    made("app.demo.localhost").into(host, host.name)
    replica = standin(
        certificate_file=str(volume / "tls.crt"),
        certificate_key_file=str(volume / "tls.key"),
        metrics_certificate_file=str(metrics / "cert.pem"),
        metrics_certificate_key_file=str(metrics / "key.pem"),
        autocert=True,
        autocert_dir=str(obtained),
    )
    with agent(tmp_path, "--pomerium-config", str(replica.config_path), **SELDOM) as one:
        until(one.ready, lambda: one.get("/readyz?verbose"))
        told(one, after=False)

        swap(volume, "..2", days=2)
        told(one, after=True)
        swap(volume, "..3", days=90)
        told(one, after=False)

        made("m.example.com", days=2).into(metrics)
        told(one, after=True)
        made("m.example.com").into(metrics)
        told(one, after=False)

        made(host.name, days=2).into(host, host.name)
        told(one, after=True)
        made(host.name).into(host, host.name)
        told(one, after=False)

        new = host.with_name("authenticate.demo.localhost")
        made(new.name, days=2).into(new, new.name)
        told(one, after=True)
        assert one.stop() == 0


def test_a_directory_behind_a_link_and_one_that_is_renamed_are_seen(tmp_path: Path, standin: StandIn) -> None:
    first, second = tmp_path / "v1", tmp_path / "v2"
    made(*NAMES).into(first)
    made(*NAMES, days=2).into(second)
    link = tmp_path / "current"
    link.symlink_to("v1")
    plain = tmp_path / "plain"
    made(*NAMES).into(plain)
    replica = standin(
        certificate_file=str(link / "cert.pem"),
        certificate_key_file=str(link / "key.pem"),
        certificates=[{"cert": str(plain / "cert.pem"), "key": str(plain / "key.pem")}],
    )
    with agent(tmp_path, "--pomerium-config", str(replica.config_path), **SELDOM) as one:
        until(one.ready, lambda: one.get("/readyz?verbose"))
        (tmp_path / "next").symlink_to("v2")
        (tmp_path / "next").rename(link)
        told(one, after=True)
        (tmp_path / "next").symlink_to("v1")
        (tmp_path / "next").rename(link)
        told(one, after=False)
        plain.rename(tmp_path / "old")
        second.rename(plain)
        told(one, after=True)

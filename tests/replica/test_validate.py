"""What Pomerium would refuse of a configuration."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

import pytest

from pomhealth.demo.certificate import self_signed
from pomhealth.replica import paths
from pomhealth.replica.configfile import parse
from pomhealth.replica.model import Problem
from pomhealth.replica.options import merge
from pomhealth.replica.validate import problems

SECRET = base64.b64encode(b"x" * 32).decode()


def found(text: str, cwd: Path, release: tuple[int, int] | None = None) -> Sequence[Problem]:
    options = merge(parse("c.yaml", text.encode()), {})
    return list(problems(options, lambda path: paths.reach(path, cwd=str(cwd), root=""), release))


def test_a_plain_configuration_has_none(tmp_path: Path) -> None:
    pair = self_signed(["a.example.com"])
    (tmp_path / "cert.pem").write_bytes(pair.certificate)
    (tmp_path / "key.pem").write_bytes(pair.key)
    text = f"""address: :443
services: all
shared_secret: {SECRET}
authenticate_service_url: https://auth.example.com
databroker_storage_type: postgres
databroker_storage_connection_string: host=/run/postgresql
metrics_address: 127.0.0.1:9090
metrics_basic_auth: {base64.b64encode(b"a:b").decode()}
health_check_addr: 127.0.0.1:28080
certificate_file: cert.pem
certificate_key_file: key.pem
certificates: [{{cert: cert.pem, key: key.pem}}]
certificate: {base64.b64encode(pair.certificate).decode()}
certificate_key: {base64.b64encode(pair.key).decode()}
routes: [{{from: https://a.example.com, to: http://a}}]
"""
    assert found(text, tmp_path) == []


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("\nservices: all,sorcery", 2, "sorcery is no service"),
        ("services: proxy", 1, "needs shared_secret"),
        ("\nshared_secret: not-base64!", 2, "not base64"),
        ("databroker_storage_type: redis", 1, "redis is no storage type"),
        ("\ndatabroker_storage_type: postgres", 2, "needs databroker_storage_connection_string"),
        ("authenticate_service_url: auth.example.com", 1, "no URL"),
        ("metrics_address: ':0'", 1, "not HOST:PORT"),
        ("metrics_address: '9090'", 1, "not HOST:PORT"),
        ("health_check_addr: nowhere", 1, "not HOST:PORT"),
        ("metrics_basic_auth: plain", 1, "not base64 of USER:PASSWORD"),
        ("policy_file: routes.yaml", 1, "no longer taken"),
        ("certificate_file: gone.pem\ncertificate_key_file: gone.pem", 1, "No such file"),
        ("certificate_file: only.pem", 1, "the certificate cannot be read"),
        ("certificates:\n  - cert: a\n    key: b", 1, "cannot be read"),
        ("certificate: AAAA", 1, "the key is missing"),
        ("certificate: '!'\ncertificate_key: '!'", 1, "not base64"),
    ],
)
def test_what_is_refused_has_its_line_and_a_next_step(
    text: str, line: int, says: str, tmp_path: Path
) -> None:
    (problem,) = found(text, tmp_path)
    assert ("c.yaml", line) == (problem.path, problem.line)
    assert says in problem.text
    assert problem.fix


def test_file_storage_came_with_0_31_and_its_default_directory_with_0_32(tmp_path: Path) -> None:
    text = "databroker_storage_type: file"
    assert found(text, tmp_path, (0, 30))
    assert found(text, tmp_path, (0, 31))
    assert found(text, tmp_path, (0, 32)) == []
    assert found(text + "\ndatabroker_storage_connection_string: file:///x", tmp_path, (0, 31)) == []


@pytest.mark.parametrize(
    ("certificate", "key", "says"),
    [
        (b"nothing", None, "not a PEM certificate"),
        (None, b"nothing", "not a PEM private key"),
        (None, self_signed(["b"]).key, "does not belong to the certificate"),
    ],
)
def test_a_certificate_file_that_is_none_is_refused(
    certificate: bytes | None, key: bytes | None, says: str, tmp_path: Path
) -> None:
    pair = self_signed(["a"])
    (tmp_path / "c.pem").write_bytes(certificate or pair.certificate)
    (tmp_path / "k.pem").write_bytes(key or pair.key)
    (problem,) = found("certificate_file: c.pem\ncertificate_key_file: k.pem", tmp_path)
    assert says in problem.text


def test_no_secret_is_in_a_problem(tmp_path: Path) -> None:
    text = "shared_secret: sesame!\nsignout_redirect_url: https://u:sesame@a:b\nmetrics_basic_auth: sesame!"
    assert len(found(text, tmp_path)) == 3
    assert "sesame" not in repr(found(text, tmp_path))


def test_in_zero_mode_the_file_counts_for_nothing(tmp_path: Path) -> None:
    assert found("pomerium_zero_token: x\nservices: sorcery", tmp_path) == []

"""Secrets stay out of what is shown."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from pomhealth.redact import REDACTED, Redactor, redact_dsn, redact_value, secrets_of
from pomhealth.replica.configfile import parse
from pomhealth.replica.model import Replica, Storage
from pomhealth.replica.options import merge


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("postgres://u:sesame@h:5432/db", "postgres://u:[redacted]@h:5432/db"),
        ("postgres://postgres:postgres@h/db", "postgres://postgres:[redacted]@h/db"),
        ("postgresql://u:se%40same@h1:1,h2:2/db?a=b", "postgresql://u:[redacted]@h1:1,h2:2/db?a=b"),
        ("postgres://u:se/sa#me@h/db", "postgres://u:[redacted]@h/db"),
        ("postgres://u@h/db?password=sesame&x=y", "postgres://u@h/db?password=[redacted]&x=y"),
        ("postgres://u@h/db?sslpassword=sesame", "postgres://u@h/db?sslpassword=[redacted]"),
        ("host=h password=sesame user=u", "host=h password=[redacted] user=u"),
        (r"host=h password = 'se sa\'me' user=u", "host=h password = [redacted] user=u"),
        ("host=h PASSWORD='never closed user=u", "host=h PASSWORD=[redacted]"),
        ("host=h user=u", "host=h user=u"),
        ("postgres://u@h/db", "postgres://u@h/db"),
    ],
)
def test_a_data_source_name_loses_its_passwords_and_nothing_else(dsn: str, expected: str) -> None:
    assert expected == redact_dsn(dsn)


def test_a_secret_is_found_in_every_dress() -> None:
    secret = 'open "sesame"/+?ü'
    scrub = Redactor([secret, "abc"]).scrub
    encoded = base64.b64encode(secret.encode()).decode()
    for dress in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], encoded, encoded.rstrip("=")):
        assert f"x {REDACTED} y" == scrub(f"x {dress} y").replace("=", "")
    assert scrub("abc") == "abc", "what is too short is left"
    assert Redactor([]).scrub("x") == "x"


CONFIG = f"""shared_secret: planted-shared
cookie_secret: planted-cookie
idp_client_secret: planted-idp
certificate_key: planted-key
metrics_basic_auth: {base64.b64encode(b"user:planted-metrics").decode()}
databroker_storage_connection_string: postgres://u:planted%2Ddsn@h/db
signing_key: planted-signing
routes:
  - from: https://a.example.com
    to: https://u:planted-to@b
    kubernetes_service_account_token: planted-kubernetes
    set_request_headers: {{Authorization: planted-header}}
"""
PLANTED = {
    *(f"planted-{word}" for word in ("shared", "cookie", "idp", "key", "metrics", "dsn", "signing")),
    *(
        f"planted-{word}"
        for word in ("to", "kubernetes", "header", "environment", "proxy", "bare", "file", "token")
    ),
}


def replica() -> Replica:
    options = merge(parse("c.yaml", CONFIG.encode()), {})
    zero = merge(parse("c.yaml", b""), {"POMERIUM_ZERO_TOKEN": "planted-token"})
    return Replica(
        options=type(options)({**options.values, **zero.values}),
        storage=Storage("postgres", "x", dsn="host=h password=planted-file"),
        environment={
            "PGPASSWORD": "planted-environment",
            "HTTPS_PROXY": "http://u:planted-proxy@p:1",
            "http_proxy": "u:planted-bare@p:1",
            "HOME": "/h",
        },
    )


def test_every_secret_that_was_read_is_known() -> None:
    secrets = secrets_of(replica())
    assert secrets >= PLANTED
    assert "/h" not in secrets


def test_nothing_of_a_replica_shows_a_secret_when_printed() -> None:
    assert "planted" not in repr(replica())


def test_values_are_shown_without_secrets() -> None:
    for name, value in replica().options.values.items():
        shown = json.dumps(redact_value(name, value.value))
        assert "planted" not in shown, name
        assert base64.b64encode(b"user:planted-metrics").decode() not in shown
    assert redact_value("address", ":443") == ":443"


def test_a_password_is_cut_out_however_long_the_scheme() -> None:
    assert "hunter2" not in redact_dsn("x" * 100 + "://user:hunter2@db/pomerium")


def test_a_very_long_word_takes_no_more_than_its_length() -> None:
    """The square of this would take minutes."""
    word = "a" * 2_000_000
    assert redact_dsn(word) == word

"""What goes into a bundle is cleaned of every secret that is known, and of whatever has the form of one."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from pomhealth.bundle.cleaner import Cleaner, of_environment
from pomhealth.demo.certificate import self_signed
from pomhealth.redact import REDACTED

KEY = self_signed(["app.demo.localhost"]).key.decode()
SECRET = "correct-horse/battery+staple"
JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJzb21lYm9keSJ9.c2lnbmF0dXJlLW9mLWEtdG9rZW4"
FORMS = {
    "key": (KEY, KEY.splitlines()[1]),
    "key in one line": (KEY.replace("\n", " "), KEY.splitlines()[2]),
    "key cut off": (KEY[:120], KEY.splitlines()[1][:40]),
    "key in base64": (b64encode(KEY.encode()).decode(), b64encode(KEY.encode()).decode()[40:]),
    "JWT": (f"said {JWT} to us", JWT.split(".")[1]),
    "bearer": ("sent Bearer abcDEF0123456789 there", "abcDEF0123456789"),
    "basic": ("Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA"),
    "authorization": ("Authorization: Token very-opaque-words", "very-opaque-words"),
    "proxy authorization": ("proxy-authorization=opaquewords", "opaquewords"),
    "cookie": ("Set-Cookie: _pomerium=opaque-words; Path=/", "opaque-words"),
    "address": ("http://user:pass-word@upstream:80/x", "pass-word"),
    "address that cannot be parsed": ("postgres://pomerium:pass-word@[::1/x?sslmode=%zz", "pass-word"),
    "keywords": ("host=db password='pass word' user=x", "pass word"),
    "parameter": ("postgres://db/x?password=pass-word&a=b", "pass-word"),
}
LINES = {
    "an option": ("shared_secret: c29tZXRoaW5nLXNlY3JldA==", "c29tZXRoaW5nLXNlY3JldA"),
    "an option in capitals": ("IDP_CLIENT_SECRET=opaque-words", "opaque-words"),
    "a field of a log line": ('{"level":"info","api_token":"opaque-words"}', "opaque-words"),
    "a variable": ("AWS_SECRET_ACCESS_KEY=opaque-words", "opaque-words"),
    "a command line": ("/usr/bin/x --db-password opaque-words --verbose", "opaque-words"),
    "a command line with =": ("/usr/bin/x --token=opaque-words", "opaque-words"),
}


@pytest.mark.parametrize("form", FORMS)
def test_what_has_the_form_of_a_secret_is_cut_out_wherever_it_stands(form: str) -> None:
    text, secret = FORMS[form]
    cleaner = Cleaner(())
    assert secret in text
    for given in (text, {"a": [text]}, {text: "x"}, [{"b": {"c": f"before {text}"}}]):
        told = cleaner.text(given) if isinstance(given, str) else json.dumps(cleaner.value(given))
        assert secret not in told
        assert REDACTED in told
        assert cleaner.left_in(told) == ""
        assert cleaner.left_in(cleaner.sealed(told)) == ""


@pytest.mark.parametrize("form", LINES)
def test_in_lines_from_elsewhere_whatever_has_the_name_of_a_secret_goes_too(form: str) -> None:
    text, secret = LINES[form]
    assert secret not in Cleaner(()).lines(f"first\n{text}\nlast")
    assert Cleaner(()).lines(f"first\n{text}\nlast").splitlines()[::2] == ["first", "last"]


@pytest.mark.parametrize("form", FORMS)
def test_the_last_look_sees_what_was_not_cut_out(form: str) -> None:
    text, _ = FORMS[form]
    if form in ("address that cannot be parsed", "keywords"):
        return  # only the generous cut of data source names knows these forms
    kind = Cleaner(()).left_in(json.dumps({"a": text}))
    assert kind
    assert text not in kind


def test_a_known_secret_is_seen_in_every_spelling() -> None:
    cleaner = Cleaner([SECRET])
    for spelt in (SECRET, "correct-horse%2Fbattery%2Bstaple", b64encode(SECRET.encode()).decode()):
        assert cleaner.left_in(f"x {spelt} y") == "a secret of the replica"
        assert spelt not in cleaner.text(f"x {spelt} y")


@pytest.mark.parametrize(
    "text",
    [
        "PostgreSQL refuses the password of user pomerium: authentication failed",
        "basic authentication is not offered",
        "the cookie is set for an hour",
        "https://app.example.com:8443/path and http://[::1]:80/",
        "127.0.0.1:18115/pomerium as pomerium",
        "a token bucket; the bearer of it",
        "-----BEGIN CERTIFICATE-----",
        "password=[redacted]",
        '"cookie": "[redacted]"',
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert Cleaner(()).text(text) == text
    assert Cleaner(()).left_in(text) == ""


def test_json_stays_json_and_what_stands_under_the_name_of_a_secret_goes() -> None:
    given = {
        "Cookie": "a=b",
        "password": "x",
        "n": 1,
        "none": None,
        "yes": True,
        "signing_key": "abc",
        "t": "y",
    }
    told = json.loads(Cleaner(()).sealed(json.dumps(Cleaner(()).value(given))))
    assert told == {
        **dict.fromkeys(("Cookie", "password", "signing_key"), REDACTED),
        "n": 1,
        "none": None,
        "yes": True,
        "t": "y",
    }


def test_secrets_of_our_own_environment_are_known_by_name_and_by_place() -> None:
    found = of_environment(
        {
            "PGPASSWORD": "one",
            "SHARED_SECRET": "two",
            "OTEL_EXPORTER_OTLP_HEADERS": "three",
            "HTTPS_PROXY": "http://u:four@proxy:1",
            "GITHUB_TOKEN": "five",
            "HOME": "/root",
        }
    )
    assert found >= {"one", "two", "three", "four", "five"}
    assert "/root" not in found

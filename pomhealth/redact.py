"""Secrets: which options hold one, and how to keep them out of everything that is shown."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote

if TYPE_CHECKING:
    from pomhealth.replica.model import Replica

REDACTED = "[redacted]"
_SHORTEST = 4  # characters; replacing shorter ones would tear ordinary words apart

# Options of Pomerium 0.30 to 0.33 whose value is a secret, at the top level or in a route.
SECRET_OPTIONS = frozenset(
    {
        "autocert_eab_mac_key",
        "certificate_key",
        "client_secret",
        "cookie_secret",
        "databroker_storage_connection_string",
        "google_cloud_serverless_authentication_service_account",
        "idp_client_secret",
        "idp_service_account",
        "kubernetes_service_account_token",
        "metrics_basic_auth",
        "metrics_certificate_key",
        "otel_exporter_otlp_headers",
        "otel_exporter_otlp_traces_headers",
        "pomerium_zero_token",
        "set_request_headers",
        "shared_secret",
        "signing_key",
        "ssh_host_keys",
        "ssh_user_ca_key",
        "tls_client_key",
    }
)

# What a password may be is guessed generously: rather too much is cut out of a malformed address than too little.
_USERINFO = re.compile(
    r"(?P<head>[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s/?#:@]*:)(?P<secret>[^\s/?#@]*(?:@[^\s/?#@]*)*|\S*)(?=@)"
)
_PARAMETER = re.compile(r"(?P<head>[?&;](?:password|sslpassword)=)(?P<secret>[^&;#\s]*)", re.IGNORECASE)
_KEYWORD = re.compile(
    r"(?P<head>(?<![?&;\w])(?:password|sslpassword)\s*=\s*)(?P<secret>'(?:\\.|[^'\\])*'?|(?:\\.|[^\s\\])*)",
    re.IGNORECASE,
)
_FORMS = (_USERINFO, _PARAMETER, _KEYWORD)


def redact_dsn(dsn: str) -> str:
    """A data source name, URL or keyword form, without its passwords."""
    for form in _FORMS:
        dsn = form.sub(rf"\g<head>{REDACTED}", dsn)
    return dsn


class Redactor:
    """Replaces literal secrets, also where they are encoded for a URL, for JSON or in base64."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _encodings(secret) if len(form) >= _SHORTEST}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def scrub(self, text: str) -> str:
        """The text with each secret replaced by "[redacted]"."""
        return self._pattern.sub(REDACTED, text) if self._pattern is not None else text


def secrets_of(replica: Replica) -> frozenset[str]:
    """Every secret that was read for this replica."""
    found: set[str] = set()
    for name, value in replica.options.values.items():
        found.update(_secrets_in(name.rpartition(".")[2], value.value))
    for name, text in replica.environment.items():
        found.update([text] if name == "PGPASSWORD" else _passwords(text))
        if name.upper().endswith("_PROXY") and "://" not in text:
            found.update(_passwords(f"http://{text}"))  # a proxy's address may do without its scheme
    if replica.storage is not None:
        found.update(_passwords(replica.storage.dsn))
    return frozenset(secret for secret in found if secret)


def secrets_in_dsn(dsn: str) -> frozenset[str]:
    """The passwords in a data source name, as written and as meant."""
    return frozenset(secret for secret in _passwords(dsn) if secret)


def redact_value(name: str, value: Any) -> Any:
    """An option's value as it may be shown: whole secrets replaced, passwords in addresses cut out."""
    if name.rpartition(".")[2] == "databroker_storage_connection_string":
        return redact_dsn(str(value))
    if name.rpartition(".")[2] in SECRET_OPTIONS or any(part in SECRET_OPTIONS for part in name.split(".")):
        return REDACTED
    if isinstance(value, Mapping):
        return {key: redact_value(str(key), inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact_value(name, inner) for inner in value]
    return _USERINFO.sub(rf"\g<head>{REDACTED}", value) if isinstance(value, str) else value


def _secrets_in(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            within = name if name in SECRET_OPTIONS else str(key)
            if _may_hold(within, inner):
                yield from _secrets_in(within, inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            if _may_hold(name, inner):
                yield from _secrets_in(name, inner)
    elif name == "databroker_storage_connection_string":
        yield from _passwords(str(value))
    elif name in SECRET_OPTIONS:
        yield str(value).strip()
        yield from _basic_auth(name, str(value))
    elif isinstance(value, str):
        yield from _passwords(value)


def _may_hold(name: str, value: Any) -> bool:
    """Whether a secret may be in it: with 10,000 routes nearly nothing is worth a closer look."""
    return type(value) is not str or name in SECRET_OPTIONS or "@" in value or "=" in value


def _basic_auth(name: str, value: str) -> Iterator[str]:
    """The pair inside metrics_basic_auth, which is base64 of USER:PASSWORD."""
    if name != "metrics_basic_auth":
        return
    try:
        pair = base64.b64decode(value, validate=True).decode("utf-8")
    except ValueError:
        return
    yield pair
    yield pair.partition(":")[2]


def _passwords(text: str) -> Iterator[str]:
    """The passwords in an address or data source name, as written and as meant."""
    if "=" not in text and "@" not in text:
        return
    for form in _FORMS:
        for found in form.finditer(text):
            secret = found["secret"]
            yield secret
            yield unquote(secret)
            if form is _KEYWORD:
                yield re.sub(r"\\(.)", r"\1", secret.strip("'"))


def _encodings(secret: str) -> Iterator[str]:
    raw = secret.encode("utf-8", "surrogateescape")
    yield secret
    yield quote(raw, safe="")
    yield quote_plus(raw)
    yield json.dumps(secret)[1:-1]
    yield base64.b64encode(raw).decode("ascii")
    yield base64.urlsafe_b64encode(raw).decode("ascii")
    yield base64.b64encode(raw).decode("ascii").rstrip("=")

"""What Pomerium would refuse of a configuration, beyond what its options list tells (Options.Validate, 0.30 to 0.33).

Only what is certain: a finding here says that Pomerium does not take the file.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator

from pomhealth.certs import reading, sources
from pomhealth.compat.refused import refused
from pomhealth.compat.vocabulary import vocabulary
from pomhealth.redact import redact_dsn
from pomhealth.replica import routes, services
from pomhealth.replica.goaddress import listen_address, parse_url, split_host_port
from pomhealth.replica.model import Options, Problem, Value

Reach = Callable[[str], str]

_URLS = (
    "authenticate_service_url",
    "authenticate_internal_service_url",
    "authorize_service_url",
    "authorize_internal_service_url",
    "databroker_service_url",
    "databroker_internal_service_url",
    "signout_redirect_url",
)
_STORAGE = ("memory", "file", "postgres")
_FIX = "correct the option: Pomerium refuses the whole file, and a running replica keeps its last good one"


def problems(
    options: Options,
    reach: Reach,
    release: tuple[int, int] | None = None,
    *,
    environment_known: bool = True,
) -> Iterator[Problem]:
    """What Pomerium would refuse. `reach` turns a path of the replica's into one of ours; files are read, so it blocks.

    Where the replica's environment is not known, an option that lacks may be in it: that is no problem then.
    """
    if options.zero:
        return
    yield from refused(options, vocabulary(release))
    yield from _services(options)
    yield from _storage(options, release, whole=environment_known)
    yield from _shared_secret(options, whole=environment_known)
    yield from _urls(options)
    yield from routes.problems(options)
    yield from _addresses(options)
    yield from _certificates(options, reach, whole=environment_known)
    if "policy_file" in options.values:
        yield _refused(
            options, "policy_file", "policy_file is no longer taken: write its routes under routes"
        )


def _refused(options: Options, name: str, text: str, fix: str = _FIX, check: str = "") -> Problem:
    path, line = _place(options.values.get(name), options.path)
    return Problem(path, line, text, fix, check)


def _place(value: Value | None, path: str) -> tuple[str, int]:
    if value is None:
        return path, 0
    head, _, tail = value.origin.rpartition(":")
    return (head, int(tail)) if tail.isdigit() else (value.origin, 0)


def _services(options: Options) -> Iterator[Problem]:
    for word in services.named(options):
        if word not in services.KNOWN:
            known = ", ".join(sorted(services.KNOWN))
            yield _refused(options, "services", f"{word} is no service of Pomerium's: they are {known}")


def _storage(options: Options, release: tuple[int, int] | None, *, whole: bool) -> Iterator[Problem]:
    kind = str(options.get("databroker_storage_type") or "memory")
    if kind not in _STORAGE or (kind == "file" and release is not None and release < (0, 31)):
        text = f"{kind} is no storage type that this version of Pomerium takes: use {', '.join(_STORAGE)}"
        yield _refused(options, "databroker_storage_type", text)
        return
    dsn = options.get("databroker_storage_connection_string") or options.get(
        "databroker_storage_connection_string_file"
    )
    wants = kind == "postgres" or (kind == "file" and release == (0, 31))
    if wants and not dsn and whole:
        text = f"{kind} storage needs databroker_storage_connection_string"
        yield _refused(options, "databroker_storage_type", text)


def _shared_secret(options: Options, *, whole: bool) -> Iterator[Problem]:
    if options.get("shared_secret_file"):
        return
    secret = str(options.get("shared_secret") or "")
    if not secret:
        named = services.services_of(options)
        if whole and "all" not in named and named <= services.KNOWN:
            yield _refused(options, "services", "a replica that runs only some services needs shared_secret")
        return
    if secret.strip() != secret or not _is_base64(secret):
        yield _refused(options, "shared_secret", "shared_secret is not base64 without blanks")


def _urls(options: Options) -> Iterator[Problem]:
    for name in _URLS:
        text = str(options.get(name) or "")
        if not text:
            continue
        try:
            parse_url(text)
        except ValueError as error:
            yield _refused(
                options, name, f"{name} is no URL that Pomerium takes ({redact_dsn(text)}): {error}"
            )


def _addresses(options: Options) -> Iterator[Problem]:
    metrics = str(options.get("metrics_address") or "")
    if metrics:
        try:
            if int(split_host_port(metrics)[1]) <= 0:
                raise ValueError("its port is not positive")  # noqa: TRY301  (told as the other reasons are)
        except ValueError:
            yield _refused(options, "metrics_address", f"metrics_address is not HOST:PORT ({metrics})")
    health = str(options.get("health_check_addr") or "")
    if health:
        try:
            split_host_port(health)
            listen_address(health, default_port=0)
        except ValueError as error:
            yield _refused(
                options, "health_check_addr", f"health_check_addr is not HOST:PORT ({health}): {error}"
            )
    pair = str(options.get("metrics_basic_auth") or "")
    if pair and (not _is_base64(pair) or b":" not in base64.b64decode(pair)):
        yield _refused(options, "metrics_basic_auth", "metrics_basic_auth is not base64 of USER:PASSWORD")


def _certificates(options: Options, reach: Reach, *, whole: bool) -> Iterator[Problem]:
    for source in sources.asked_for(options, whole=whole):
        complaint = reading.complaint(source, reach)
        if complaint is not None:
            yield _refused(options, source.option, source.told(complaint.text), check="certificates_current")


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True

"""Which certificates a configuration asks for, and where they stand. Pure.

Entries of `certificates:` are paths: Pomerium takes no inline text there (0.30 to 0.33: Options.CertificateFiles).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from pomhealth.certs.model import MAIN, METRICS, Source
from pomhealth.replica import yamlfile
from pomhealth.replica.model import Options, Value

_LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
_STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"


def asked_for(options: Options, *, whole: bool = True) -> Iterator[Source]:
    """Each pair that the options name, in files and inline; a half one too, where Pomerium refuses it.

    With `whole` false the environment is not known and may hold the other half: half ones are left out.
    """
    yield from _files(options, whole=whole)
    yield from _inline(options, whole=whole)


def _files(options: Options, *, whole: bool) -> Iterator[Source]:
    for prefix, role in (("", MAIN), ("metrics_", METRICS)):
        name = f"{prefix}certificate_file"
        certificate = str(options.get(name) or "")
        key = str(options.get(f"{prefix}certificate_key_file") or "")
        if certificate and key if prefix or not whole else certificate or key:
            origin = options.origin(name if certificate else f"{prefix}certificate_key_file")
            yield Source(name, origin, certificate, key, role)
    listed: Any = options.get("certificates")
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, Mapping):
            origin = _entry(entry, options.origin("certificates"))
            yield Source("certificates", origin, str(entry.get("cert") or ""), str(entry.get("key") or ""))


def _inline(options: Options, *, whole: bool) -> Iterator[Source]:
    for prefix, role in (("", MAIN), ("metrics_", METRICS)):
        name = f"{prefix}certificate"
        certificate, key = options.get(name) or "", options.get(f"{name}_key") or ""
        if certificate and key if prefix or not whole else certificate or key:
            origin = options.origin(name if certificate else f"{name}_key")
            yield Source(name, origin, certificate, key, role, inline=True)


def _entry(entry: Mapping[str, Any], origin: str) -> str:
    """Where an entry of a list stands: the list's file and the entry's own line."""
    head, _, tail = origin.rpartition(":")
    if isinstance(entry, yamlfile.Block) and tail.isdigit():
        return f"{head}:{entry.line}"
    return origin


def autocert_directory(options: Options, data: Value | None, release: tuple[int, int] | None) -> Value | None:
    """Where autocert keeps what it obtained; None where it is off or that is not known.

    A bucket (s3://…, gs://…) is given as it is written. The default moved in 0.32.
    """
    if options.zero or not options.true("autocert"):
        return None
    named = options.values.get("autocert_dir")
    if named is not None and named.value:
        return Value(str(named.value), named.origin)
    if data is None:
        return None
    old = release is not None and release < (0, 32)
    return Value(str(data.value) if old else f"{data.value}/autocert", data.origin)


def in_bucket(directory: str) -> bool:
    return "://" in directory


def issuer_directory(options: Options, directory: str) -> str:
    """Where the certificates of the authority in use stand, in certmagic's layout."""
    authority = str(options.get("autocert_ca") or "")
    if not authority:
        authority = _STAGING if options.true("autocert_use_staging") else _LETS_ENCRYPT
    url = urlsplit(authority)
    path = url.path.replace("/", "-").strip("-")
    key = (f"{url.netloc}-{path}" if path else url.netloc) or authority
    return f"{directory.rstrip('/')}/certificates/{_safe(key)}"


def autocert_files(issuer: str, host: str) -> tuple[str, str]:
    """The certificate and the key that autocert keeps for a host."""
    name = _safe(host)
    return f"{issuer}/{name}/{name}.crt", f"{issuer}/{name}/{name}.key"


def obtainable(host: str) -> bool:
    """Whether autocert would ask for a certificate for this host, and a public authority give one."""
    if "*" in host or "." not in host:
        return False
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return True
    return False


def _safe(name: str) -> str:
    """A name as certmagic writes it into a path."""
    text = name.strip().lower().replace(" ", "_").replace("+", "_plus_").replace("*", "wildcard_")
    text = text.replace(":", "-").replace("..", "")
    return "".join(letter for letter in text if letter.isalnum() or letter in "_@.-")

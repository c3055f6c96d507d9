"""The certificates that the options name, read and checked as Pomerium reads and checks them."""

from __future__ import annotations

import base64
import binascii
import json
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Rejected(Exception):  # noqa: N818
    """The configuration is one that Pomerium refuses; the text is its log's."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate chain and its key, PEM."""

    certificate: bytes
    key: bytes


def pairs(values: Mapping[str, Any]) -> tuple[Pair, ...]:
    """Every certificate that these options name, with its key. Raises Rejected for one that Pomerium refuses."""
    found = []
    if values.get("certificate") and values.get("certificate_key"):
        found.append(
            Pair(
                _decode(values["certificate"], "certificate"),
                _decode(values["certificate_key"], "certificate_key"),
            )
        )
    if values.get("certificate_file") and values.get("certificate_key_file"):
        found.append(
            Pair(
                named_file(values["certificate_file"], "certificate_file"),
                named_file(values["certificate_key_file"], "certificate_key_file"),
            )
        )
    entries = values.get("certificates") or ()
    if isinstance(entries, str):
        entries = json.loads(entries)
    found.extend(
        Pair(
            named_file(entry.get("cert", ""), "certificates"),
            named_file(entry.get("key", ""), "certificates"),
        )
        for entry in entries
    )
    for pair in found:
        _check(pair)
    return tuple(found)


def _check(pair: Pair) -> None:
    """Raises Rejected when the two do not belong together, as Go's tls.X509KeyPair does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as both:
        both.write(pair.certificate + b"\n" + pair.key)
        both.flush()
        try:
            context.load_cert_chain(both.name, password="")  # an encrypted key must not ask the terminal
        except ssl.SSLError as error:
            raise Rejected(f"config: couldn't decode certificate: tls: {error.reason}") from error


def _decode(text: object, name: str) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Rejected(f"config: bad {name}: illegal base64 data") from error


def named_file(name: object, option: str) -> bytes:
    """The content of a file that an option names, relative to the working directory. Raises Rejected."""
    path = Path(str(name))
    try:
        return path.read_bytes()
    except OSError as error:
        raise Rejected(f"config: bad {option}: open {path}: {error.strerror}") from error

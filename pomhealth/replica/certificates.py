"""Whether a certificate and its key are ones that Pomerium takes: PEM, and made for each other. Blocking reads only."""

from __future__ import annotations

import base64
import binascii

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from pomhealth.replica import paths


def complaint_of_files(certificate: str, key: str) -> str:
    """What is wrong with the two files, in one clause; empty when nothing is, or when this user may not read them."""
    contents = []
    for what, path in (("certificate", certificate), ("key", key)):
        if not path:
            return f"the {what} is missing"
        try:
            contents.append(paths.read(path, limit=4 * 1024 * 1024))
        except PermissionError:
            return ""
        except OSError as error:
            return f"the {what} cannot be read: {error.strerror}"
    return complaint(contents[0], contents[1])


def complaint_of_base64(certificate: str, key: str) -> str:
    """The same for inline values, which are PEM in base64."""
    contents = []
    for what, text in (("certificate", certificate), ("key", key)):
        if not text:
            return f"the {what} is missing"
        try:
            contents.append(base64.b64decode("".join(text.split()), validate=True))
        except (binascii.Error, ValueError):
            return f"the {what} is not base64"
    return complaint(contents[0], contents[1])


def complaint(certificate: bytes, key: bytes) -> str:
    """What is wrong with the PEM texts; the first certificate is the one that counts."""
    try:
        public = x509.load_pem_x509_certificate(certificate).public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "the certificate is not a PEM certificate"
    try:
        private = load_pem_private_key(key, password=None, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        return "the key is encrypted with a password, which Pomerium does not take"
    except (ValueError, UnsupportedAlgorithm):
        return "the key is not a PEM private key"
    spki = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*spki) != public.public_bytes(*spki):
        return "the key does not belong to the certificate"
    return ""

"""TLS that trusts anybody: for asking whether somebody answers and what it shows, never for sending a secret."""

from __future__ import annotations

import ssl


def unverified(*alpn: str) -> ssl.SSLContext:
    """A client's context without verification, which offers these protocols."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context

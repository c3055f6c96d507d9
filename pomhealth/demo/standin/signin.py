"""The sign-in page: a redirect to the identity provider, 500 while the provider's discovery document does not come."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from urllib.parse import urlsplit

from aiohttp import web

from pomhealth.demo.standin import log
from pomhealth.demo.standin.options import Options
from pomhealth.demo.standin.web import text

_PATIENCE = 10.0  # seconds


def serves(host: str, options: Options) -> bool:
    """Whether the sign-in page is this host's."""
    return host.partition(":")[0] == urlsplit(options.authenticate_url).hostname


async def page(provider: str) -> web.StreamResponse:
    """The answer to a user without a session."""
    try:
        endpoint = await asyncio.get_running_loop().run_in_executor(None, _endpoint, provider)
    except (OSError, ValueError, KeyError) as error:
        log.error("failed to sign in: identity/oidc: could not connect to oidc", error=str(error))
        return text("500 - Internal Server Error\n", 500)
    return text("", 302, {"Location": f"{endpoint}?response_type=code&scope=openid"})


def _endpoint(provider: str) -> str:
    url = f"{provider.rstrip('/')}/.well-known/openid-configuration"
    with urllib.request.urlopen(url, timeout=_PATIENCE) as answer:
        return str(json.load(answer)["authorization_endpoint"])

"""What the replica itself answers over HTTP: its own paths, the authorization check, its health, its redirect."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable

from aiohttp import web

from pomhealth.demo.standin import health, log, signin
from pomhealth.demo.standin.options import Options
from pomhealth.demo.standin.web import Handler, text

# What anybody may ask, whatever the route's policy.
_FREE = ("/ping", "/healthz", "/robots.txt", "/.pomerium", "/.well-known/pomerium")

_SERVING = b"\x00\x00\x00\x00\x02\x08\x01"  # a gRPC frame with grpc.health.v1.HealthCheckResponse{SERVING}


def control_plane(options: Callable[[], Options]) -> Handler:
    """The handler of Pomerium's own paths, which are answered on every host."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path in ("/ping", "/healthz"):
            return text("OK")
        if path == "/robots.txt":
            return text("User-agent: *\nDisallow: /")
        if path == "/.well-known/pomerium":
            origin = f"https://{request.host}"
            document = {
                "issuer": f"{origin}/",
                "authentication_callback_endpoint": f"{options().authenticate_url}/oauth2/callback",
                "jwks_uri": f"{origin}/.well-known/pomerium/jwks.json",
                "frontchannel_logout_uri": f"{origin}/.pomerium/sign_out",
            }
            return text(json.dumps(document), headers={"Content-Type": "application/json"})
        if path == "/.well-known/pomerium/jwks.json":
            keys = {
                "keys": [{"use": "sig", "kty": "EC", "kid": options().key_id, "crv": "P-256", "alg": "ES256"}]
            }
            return text(json.dumps(keys), headers={"Content-Type": "application/json"})
        if path == "/.pomerium/" and options().provider_url and signin.serves(request.host, options()):
            return await signin.page(options().provider_url)
        if path.startswith("/.pomerium"):
            return text("", 302, {"Location": f"{options().authenticate_url}/.pomerium/sign_in"})
        return text("404 page not found\n", 404)

    return answer


def authorize(options: Callable[[], Options]) -> Handler:
    """The handler of Envoy's authorization checks: Pomerium's own paths and public routes pass, others sign in.

    It writes one line a check, as Pomerium's authorize service does.
    """

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        allowed = request.path.startswith(_FREE) or any(
            route.public and request.host.split(":")[0] == route.host.split(":")[0]
            for route in options().routes
        )
        log.info(
            "authorize check",
            service="authorize",
            **{"request-id": str(uuid.uuid4())},
            method=request.method,
            path=request.path,
            host=request.host,
            allow=allowed,
        )
        if allowed:
            return text("")
        return text("", 302, {"Location": f"{options().authenticate_url}/.pomerium/sign_in"})

    return answer


def databroker(version: str) -> Handler:
    """The handler of gRPC calls, which Envoy brings as HTTP/1: it knows the health service's Check."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        headers = {"Content-Type": "application/grpc", "X-Pomerium-Version": version, "X-Envoy-Version": ""}
        if request.path == "/grpc.health.v1.Health/Check":
            return text(_SERVING, headers=headers)
        return text("", headers={**headers, "Grpc-Status": "12", "Grpc-Message": "unknown service"})

    return answer


def own_health(book: health.Book, checks: Callable[[], tuple[str, ...]]) -> Handler:
    """The handler of the replica's own health server: /status, /startupz, /readyz, /healthz."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.method not in ("GET", "HEAD"):
            return text("Method Not Allowed\n", 405, {"Allow": "GET, HEAD"})
        if request.path == "/status":
            return text(health.status_body(book.entries, checks()))
        if request.path in ("/startupz", "/readyz", "/healthz"):
            status, body = health.probe(request.path, book.entries, checks())
            return text(body, status)
        return text("404 page not found\n", 404)

    return answer


def redirect(options: Callable[[], Options]) -> Handler:
    """The handler of the redirect listener: to the same place with https."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        host = request.host.rpartition(":")[0] or request.host
        port = options().address.port
        authority = host if port == 443 else f"{host}:{port}"
        return text("", 301, {"Location": f"https://{authority}{request.path_qs}", "Connection": "close"})

    return answer


def metrics(page: Callable[[], str], envoy: Callable[[], Awaitable[bytes]]) -> Handler:
    """The handler of /metrics: the replica's own, then Envoy's."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path != "/metrics":
            return text("404 page not found\n", 404)

        rest = await envoy()
        return text(
            page().encode() + rest, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    return answer

"""The identity provider, asked as the replica would ask it: name, TCP, TLS, and its discovery document. No credential."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from pomhealth.blocking import Workers
from pomhealth.outside import dial, trust
from pomhealth.outside.names import Resolver
from pomhealth.outside.proxy import proxy_for
from pomhealth.outside.trouble import Trouble, Unjudged
from pomhealth.outside.trust import Trust
from pomhealth.reach import ReachError
from pomhealth.reachability.page import NoHttp, get
from pomhealth.replica.model import Options, Replica
from pomhealth.replica.paths import resolve

_DISCOVERY = "/.well-known/openid-configuration"
# Where Pomerium goes when no idp_provider_url is set (its packages under pkg/identity, 0.30 to 0.33).
_USUAL = {
    "apple": "https://appleid.apple.com",
    "azure": "https://login.microsoftonline.com/common/v2.0",
    "github": "https://github.com",
    "gitlab": "https://gitlab.com",
    "google": "https://accounts.google.com",
}
_PLAIN_OAUTH = ("apple", "github")  # these have no discovery document that Pomerium would read


@dataclass(frozen=True, slots=True)
class Provider:
    """The provider that the options name. `source` is what is asked, `path` "" where only the way there is."""

    name: str
    url: str
    origin: str
    path: str

    @property
    def source(self) -> str:
        return f"GET {self.url}{_DISCOVERY}" if self.path else f"a TLS connection to {self.url}"


@dataclass(frozen=True, slots=True)
class ProviderTrouble:
    """The step that fails: what was seen, and what was expected."""

    why: str
    expected: str


def configured(options: Options) -> Provider | None:
    """The provider; None where it is not known or its address is no http(s) URL. Pure."""
    name = str(options.get("idp_provider") or "").lower()
    key = "idp_provider_url" if options.get("idp_provider_url") else "idp_provider"
    url = str(options.get("idp_provider_url") or _USUAL.get(name, "")).rstrip("/")
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return None
    if not name or not known or parts.username is not None:
        return None
    path = "" if name in _PLAIN_OAUTH else f"{parts.path}{_DISCOVERY}"
    return Provider(name, url, options.origin(key), path)


async def ask(
    replica: Replica, resolver: Resolver, workers: Workers, provider: Provider, seconds: float
) -> ProviderTrouble | None:
    """What is wrong with it; None where nothing is, or where it cannot be told from here."""
    url = urlsplit(provider.url)
    host, tls = url.hostname or "", url.scheme == "https"
    port = url.port or (443 if tls else 80)
    end = asyncio.get_running_loop().time() + seconds
    proxy = proxy_for(replica.environment, url.scheme, host, port)
    if proxy is not None and (proxy.scheme != "http" or not tls):
        return None
    way = dial.Way(host, port, tls, proxy=proxy)
    try:
        trusted = await _trusted(replica, workers, seconds) if tls else Trust({})
        addresses = await dial.find(way, resolver, end=end)
        async with dial.line(way, addresses, trusted, end=end) as line:
            if provider.path:
                left = max(0.01, end - asyncio.get_running_loop().time())
                named = url.netloc.rpartition("@")[2]
                status, _ = await asyncio.wait_for(get(line.reader, line.writer, named, provider.path), left)
                if status != 200:
                    return ProviderTrouble(f"its discovery document is answered with {status}", "200")
    except Trouble as trouble:
        if trouble.authority and _own_authority(replica.options):
            return None  # Pomerium trusts an authority of its own besides
        return ProviderTrouble(trouble.why, trouble.expected)
    except Unjudged:
        return None
    except asyncio.TimeoutError:
        return ProviderTrouble(f"it does not answer within {seconds:g} s", "200")
    except (NoHttp, OSError) as error:
        return ProviderTrouble(str(error) or "the connection is cut", "200")
    except ReachError:
        return None  # its trusted authorities could not be read
    return None


async def _trusted(replica: Replica, workers: Workers, seconds: float) -> Trust:
    load = partial(trust.load, replica.environment, partial(resolve, replica))
    return await workers.call("trust", load, deadline=seconds)


def _own_authority(options: Options) -> bool:
    return bool(options.get("certificate_authority") or options.get("certificate_authority_file"))

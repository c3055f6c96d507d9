"""Does the sign-in page answer, where this replica serves it?

Pomerium's own health says nothing of it: with an unreachable identity provider the page answered 500 while its entry
stayed RUNNING (seen on 0.33.1). A provider that was reached once is remembered by Pomerium, so the page may go on
redirecting to one that is gone; so the provider is asked too, the way the replica would.

Each request for the page leaves lines in the replica's log. While all is well it is asked once an hour; the provider,
which costs the replica nothing, at every look.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from pomhealth.checks.context import Context
from pomhealth.checks.request import ping
from pomhealth.outside.proxy import joined
from pomhealth.reach import ReachError, Silent
from pomhealth.reachability import provider
from pomhealth.reachability.provider import Provider, ProviderTrouble
from pomhealth.reachability.signin import Page, judge
from pomhealth.replica.budget import Haste
from pomhealth.replica.goaddress import parse_url
from pomhealth.replica.mainlistener import Approach, approach, request
from pomhealth.replica.model import Options
from pomhealth.replica.routes import HOSTED
from pomhealth.status import Finding, Unobservable, blocked, not_applicable

ID = "authenticate.service"
PATH = "/.pomerium/"

_PAGE = 1.5  # seconds; two silent looks in a row fit into `pomhealth check`
_PROVIDER = 1.5
_OWN = ("authenticate_", "idp_")  # options
_TRIES = 2  # a lost packet is no fault
_WELL = 3600.0  # seconds for which a page that answered well is not asked again …
_TOLD = 600.0  # … and one that did not, while the provider's trouble explains it


@dataclass(frozen=True, slots=True)
class _Kept:
    """The page's last answer, when it was had, what was asked for with which settings, and what stood then."""

    page: Page
    at: float
    asked: object
    trouble: str


async def look(context: Context) -> Finding:
    to = _approach(context)
    if isinstance(to, Finding):
        return to
    options = context.replica.options
    asked = provider.configured(options)
    what = to, _settings(options)
    kept: _Kept | None = context.notes.recall(ID)
    if kept is None:  # both at once: `pomhealth check` has no time to lose
        trouble, page = await asyncio.gather(_trouble(context, asked), _page(to))
    else:
        trouble = await _trouble(context, asked)
        page = kept.page if _stands(kept, what, trouble) else await _page(to)
    if not page.status and not (await ping(replace(context, haste=Haste.TOLD))).status:
        return blocked("proxy.service", "the main listener answers no request at all")
    why = trouble.why if trouble else ""
    if kept is None or page is not kept.page:
        now = asyncio.get_running_loop().time()
        context.notes.keep(ID, _Kept(page, now, what, why))
    return judge(page, asked, trouble)


def _approach(context: Context) -> Approach | Finding:
    """How the page is to be asked for, or why it is not asked for. Raises Unobservable."""
    replica, options = context.replica, context.replica.options
    if not replica.runs("authenticate"):
        return not_applicable("this replica does not run the authenticate service")
    if options.zero or "options" in replica.missing:
        lack = "it comes from Pomerium Zero" if options.zero else replica.missing["options"]
        raise Unobservable("the sign-in page's address cannot be seen", lack)
    try:
        url = parse_url(str(options.get("authenticate_service_url") or f"https://{HOSTED}"))
    except ValueError as error:
        raise Unobservable(f"authenticate_service_url cannot be read: {error}") from None
    name = url.host.lower()
    if name == HOSTED:
        return not_applicable(f"sign-in is Pomerium's hosted service, {HOSTED}")
    to = approach(replica, name)
    if to is None or not replica.same_network:
        lack = replica.missing.get("network", replica.missing.get("options", ""))
        raise Unobservable("the main listener cannot be asked", lack)
    if str(options.get("downstream_mtls.enforcement", "")) == "reject_connection":
        raise Unobservable(
            f"{to.where} takes only clients with a certificate",
            "downstream_mtls.enforcement is reject_connection",
        )
    if url.port and url.port != "443":
        return replace(to, authority=joined(name, int(url.port)))
    return to


def _settings(options: Options) -> frozenset[tuple[str, str]]:
    """The settings of the sign-in page: a reload that leaves them as they are gives no reason to ask for it again."""
    return frozenset(
        (name, str(value.value)) for name, value in options.values.items() if name.startswith(_OWN)
    )


def _stands(kept: _Kept, what: object, trouble: ProviderTrouble | None) -> bool:
    """Whether the page's last answer may be believed once more."""
    why = trouble.why if trouble else ""
    age = asyncio.get_running_loop().time() - kept.at
    stay = _WELL if kept.page.well else _TOLD if why else 0.0
    return age < stay and kept.asked == what and kept.trouble == why


async def _page(to: Approach) -> Page:
    source = f"GET {PATH} for {to.authority or to.server_name} on {to.where}"
    try:
        reply = await request(to, PATH, deadline=_PAGE)
    except ReachError as error:
        return Page(source, to.where, to.server_name, why=error.why, silent=isinstance(error, Silent))
    return Page(source, to.where, to.server_name, reply.status)


async def _trouble(context: Context, asked: Provider | None) -> ProviderTrouble | None:
    """What is wrong with the way to the provider; None where nothing is, or nothing can be said of it."""
    if asked is None or "environment" in context.replica.missing:
        return None
    resolver = context.resolvers.of(ID)
    for _ in range(_TRIES):
        trouble = await provider.ask(context.replica, resolver, context.workers, asked, _PROVIDER)
        if trouble is None:
            break
    return trouble

"""What the sign-in page's answer and the way to the identity provider mean together. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pomhealth.reachability.provider import Provider, ProviderTrouble
from pomhealth.status import Evidence, Finding, failed, passed, warned

_EXPECTED = "a redirect to the identity provider"
_INTERNAL = 500


@dataclass(frozen=True, slots=True)
class Page:
    """What came of asking for the page. `status` is 0 where nothing came, `why` then says why."""

    source: str
    where: str
    host: str
    status: int = 0
    why: str = ""
    silent: bool = False

    @property
    def well(self) -> bool:
        return 200 <= self.status < 400

    @property
    def answer(self) -> str:
        return str(self.status) if self.status else self.why


def judge(page: Page, provider: Provider | None, trouble: ProviderTrouble | None) -> Finding:
    """500 is what Pomerium answers when it cannot use its provider; so is silence while it waits for one."""
    seen = Evidence(page.source, page.answer, _EXPECTED)
    names = (("AUTHENTICATE_HOST", page.host), ("ADDRESS", page.where)) + (
        (("PROVIDER_URL", provider.url),) if provider else ()
    )
    if trouble is not None and (page.well or page.status == _INTERNAL or page.silent):
        assert provider is not None
        page_says = "the sign-in page still redirects" if page.well else f"the sign-in page: {page.answer}"
        return warned(
            "identity-provider",
            f"the identity provider {provider.url} cannot be used from here: {trouble.why} ({page_says})",
            Evidence(f"{provider.source} ({provider.origin})", trouble.why, trouble.expected),
            seen,
            names=names,
        )
    if page.status == _INTERNAL:
        which = f", which is {provider.name}" if provider and provider.name else ""
        return warned(
            "identity-provider",
            f"the sign-in page answers 500: Pomerium cannot use its identity provider{which}",
            seen,
            names=names,
        )
    if not page.well:
        what = f"is answered with {page.status}" if page.status else f"gets no answer: {page.why}"
        return failed(
            "no-answer",
            f"a request for the sign-in page of {page.host} {what}",
            seen,
            silent=page.silent,
            names=names,
        )
    return passed(f"the sign-in page of {page.host} answers {page.status}", seen)

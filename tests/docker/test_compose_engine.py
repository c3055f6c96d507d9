"""compose.yaml on the real Docker Compose, with a stand-in replica, a real Envoy and a real PostgreSQL in containers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pomhealth.generate.render import files
from pomhealth.generate.values import DEFAULTS
from tests.docker import images
from tests.docker.files import compose
from tests.docker.podman import Podman
from tests.docker.site import configuration, secret_variables

REPLICA, AGENT, POSTGRES = "pomerium-pomerium-1", "pomerium-pomhealth-1", "pomerium-postgres-1"


@dataclass(frozen=True)
class Project:
    """The project that runs. `do` is `docker compose ARGUMENTS`, and gives what it printed."""

    podman: Podman
    command: Sequence[str]
    environment: dict[str, str]
    directory: Path

    def do(self, *arguments: str, tick: tuple[str, ...] = ()) -> list[str]:
        """Runs the health checks of `tick` meanwhile: podman leaves their timers to systemd, which is not there."""
        running = subprocess.Popen(
            [*self.command, *arguments],
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with running:
            while running.poll() is None:
                for name in tick:
                    self.podman.health(name)
                try:
                    running.wait(0.3)
                except subprocess.TimeoutExpired:
                    continue
            assert running.stdout is not None
            printed = running.stdout.read()
        assert running.returncode == 0, printed
        return [" ".join(line.split()) for line in printed.splitlines()]

    def up(self) -> None:
        self.do("up", "--detach", "--no-recreate", "--pull=never", tick=(POSTGRES,))
        self.podman.until(lambda: self.podman.health(AGENT).returncode == 0, "the agent says ready")

    def running(self, container: str) -> bool:
        return self.podman.run("inspect", "--format={{.State.Running}}", container).stdout.strip() == "true"


@contextmanager
def site(podman: Podman, debian: Path) -> Iterator[Project]:
    directory = podman.root / "site"
    directory.mkdir()
    config = directory / "config.yaml"
    configuration(config, "postgres")
    values = replace(DEFAULTS, config=str(config), notice=1)
    for file in files("compose", values):
        (directory / file.path).write_text(file.text)
    (directory / "postgres_password").write_text("of-the-test")
    dsn = "postgres://pomerium:of-the-test@postgres:5432/pomerium?sslmode=disable"
    variables = {**secret_variables(), "DATABROKER_STORAGE_CONNECTION_STRING": dsn}
    (directory / "pomerium.env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    with podman.api() as environment:
        project = Project(podman, [str(debian / images.COMPOSE), "--progress=plain"], environment, directory)
        try:
            yield project
        finally:
            project.do("down", "--volumes", "--timeout=1")


@pytest.fixture(scope="module")
def project(podman: Podman, debian: Path) -> Iterator[Project]:
    images.postgres(podman, f"docker.io/library/{compose()['services']['postgres']['image']}", podman.root)
    with site(podman, debian) as project:
        yield project


def test_up_starts_all_in_order_and_the_agent_sees_all_of_it(project: Project) -> None:
    project.up()
    done = project.podman.run("exec", AGENT, "pomhealth", "check", "-o", "json", check=False)

    outcomes = {one["id"]: one["outcome"] for one in json.loads(done.stdout)["checks"]}
    assert {name for name, outcome in outcomes.items() if outcome != "pass"} <= {"cluster_version_current"}
    assert outcomes["storage.backend"] == "pass"


def test_stop_ends_the_agent_which_drains_then_the_replica_then_its_storage(project: Project) -> None:
    project.up()
    printed = project.do("stop")

    stopped = [line for line in printed if line.endswith(("Stopping", "Stopped"))]
    assert stopped == [
        f"Container {name} {word}" for name in (AGENT, REPLICA, POSTGRES) for word in ("Stopping", "Stopped")
    ]
    assert "drained: every connection has ended" in project.podman.logs(AGENT)
    assert project.podman.run("inspect", "--format={{.State.ExitCode}}", AGENT).stdout.strip() == "0"


def test_an_agent_that_ended_with_a_replica_that_crashed_comes_back_with_up(project: Project) -> None:
    """The engine cannot start it by itself while the replica, whose namespaces it shares, is not there."""
    project.up()
    project.podman.run("kill", "--signal=KILL", REPLICA)
    project.podman.until(lambda: not project.running(AGENT), "the agent ended with it")

    project.up()

    assert project.running(REPLICA)

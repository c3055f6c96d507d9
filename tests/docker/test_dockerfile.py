"""What an image of the project is made of and how, as far as the files say; tests/docker/test_image.py builds it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from pomhealth import __version__
from pomhealth.client.usage import parse
from pomhealth.demo.ports import free_ports
from tests.docker.files import DOCKERFILES, ROOT, instructions, last_stage, seconds

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HADOLINT = Path(sys.executable).with_name("hadolint")
LARGEST_OUTPUT = 4096  # bytes that Docker keeps


@pytest.mark.parametrize("name", DOCKERFILES)
def test_hadolint_finds_nothing_and_is_told_to_overlook_nothing(name: str) -> None:
    done = subprocess.run(
        [HADOLINT, "--no-color", "--disable-ignore-pragma", ROOT / name],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.returncode) == ("", 0), done.stderr


@pytest.mark.parametrize("name", DOCKERFILES)
def test_a_site_can_pin_every_image_by_its_digest(name: str) -> None:
    """Each is an argument; its default has a tag, and not one that means something else every day."""
    arguments = dict(
        one.rest.split("=", 1) for one in instructions(name) if one.name == "ARG" and "=" in one.rest
    )
    images = [one.rest.split()[0] for one in instructions(name) if one.name == "FROM"]

    assert images
    for image in images:
        default = arguments[image.strip("${}")]
        assert re.search(r":(?!latest$)[\w.-]+$", default), default


@pytest.mark.parametrize("name", DOCKERFILES)
def test_no_shell_is_needed_in_the_image(name: str) -> None:
    commands = [one for one in last_stage(name) if one.name in ("RUN", "CMD", "ENTRYPOINT")]
    probes = [one.rest.removeprefix("CMD ") for one in last_stage(name) if one.name == "HEALTHCHECK"]

    assert [one.words for one in commands]
    assert all(probe.startswith("[") for probe in probes)


def test_the_image_runs_as_an_ordinary_user_named_by_number() -> None:
    """By name, Kubernetes' runAsNonRoot could not tell."""
    user = next(one.rest for one in last_stage("Dockerfile") if one.name == "USER")

    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


def test_the_end_of_the_container_drains() -> None:
    stage = last_stage("Dockerfile")
    variables = " ".join(one.rest for one in stage if one.name == "ENV")

    assert "POMHEALTH_DRAIN_ON_STOP=true" in variables
    assert [one.rest for one in stage if one.name == "STOPSIGNAL"] == ["SIGTERM"]


def test_the_version_is_the_projects() -> None:
    arguments = [one.rest for one in instructions("Dockerfile") if one.name == "ARG"]

    assert f"VERSION={__version__}" in arguments
    assert f"POMHEALTH=pomhealth:{__version__}" in [one.rest for one in instructions("Dockerfile.replica")]


def test_the_context_holds_what_is_copied_and_nothing_else() -> None:
    copied = {
        one.rest.split()[0]
        for name in DOCKERFILES
        for one in instructions(name)
        if one.name == "COPY" and "from" not in one.options
    }
    lines = (ROOT / ".dockerignore").read_text().splitlines()

    assert {line[1:] for line in lines if line.startswith("!")} == copied
    assert next(line for line in lines if line and not line.startswith("#")) == "*"


def test_the_health_check_gives_up_before_docker_does() -> None:
    probe = next(one for one in last_stage("Dockerfile") if one.name == "HEALTHCHECK")

    assert parse(probe_command()[2:], {}).timeout + 1 <= seconds(probe.options["timeout"])
    assert seconds(probe.options["timeout"]) <= seconds(probe.options["interval"])


def test_a_health_check_that_fails_exits_with_1_and_says_why_in_what_docker_keeps() -> None:
    """2 is Docker's own."""
    (port,) = free_ports(1)

    done = subprocess.run(
        [sys.executable, "-m", "pomhealth", *probe_command()[1:]],
        env={**os.environ, "POMHEALTH_LISTEN": f"0.0.0.0:{port}"},
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (1, b"")
    assert b"nothing listens there" in done.stdout[:LARGEST_OUTPUT]


def test_the_image_has_the_versions_that_were_tested() -> None:
    """requirements-runtime.lock is the part of requirements.lock that runs, with the same hashes."""
    runs, tested = locked("requirements-runtime.lock"), locked("requirements.lock")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {normal(Requirement(one).name) for one in project["dependencies"]}

    assert {name for name, _ in runs} >= wanted
    assert runs.items() <= tested.items()


def probe_command() -> list[str]:
    probe = next(one for one in last_stage("Dockerfile") if one.name == "HEALTHCHECK")
    command: list[str] = json.loads(probe.rest.removeprefix("CMD "))
    return command


def locked(name: str) -> dict[tuple[str, str], frozenset[str]]:
    """The hashes by name and version."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        if "==" in line and not line.lstrip().startswith("#"):
            requirement, *hashes = line.split("--hash=")
            parsed = Requirement(requirement.strip())
            found[normal(parsed.name), str(parsed.specifier)] = frozenset(one.strip() for one in hashes)
    return found


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()

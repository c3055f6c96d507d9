"""Which command lines are a replica's, and the configuration file they name."""

from __future__ import annotations

import pytest

from pomhealth.replica.commandline import config_file, is_named, serves


@pytest.mark.parametrize(
    "argv",
    [
        ["pomerium"],
        ["/usr/bin/pomerium", "--config", "health"],
        ["pomerium", "--config=/etc/pomerium/config.yaml"],
        ["pomerium", "-config", "a.yaml"],
        ["/bin/sh", "/usr/bin/pomerium", "--config", "a.yaml"],
    ],
)
def test_a_serving_pomerium_serves(argv: list[str]) -> None:
    assert serves(argv)


@pytest.mark.parametrize(
    "argv",
    [
        ["pomerium", "health"],
        ["pomerium", "--config", "a.yaml", "health", "-e", "x"],
        ["pomerium", "version"],
        ["pomerium", "completion", "bash"],
        ["pomerium", "help"],
        ["pomerium", "--version"],
        ["/bin/sh", "/usr/bin/pomerium", "--help"],
    ],
)
def test_its_subcommands_do_not(argv: list[str]) -> None:
    assert not serves(argv)


def test_other_programs_are_not_called_pomerium() -> None:
    assert not is_named(["pomerium-cli", "tcp", "x"])
    assert not is_named(["vim", "pomerium"])
    assert not is_named([])
    assert is_named(["/opt/pomerium"])


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["pomerium"], ""),
        (["pomerium", "--config", "a.yaml"], "a.yaml"),
        (["pomerium", "--config=/a/b.yaml"], "/a/b.yaml"),
        (["pomerium", "-config=b.yaml"], "b.yaml"),
        (["pomerium", "-config", "c.yaml"], "c.yaml"),
        (["pomerium", "--config", "a.yaml", "--config", "b.yaml"], "b.yaml"),
        (["/bin/sh", "./pomerium", "--config", "d.yaml"], "d.yaml"),
        (["pomerium", "--config"], ""),
    ],
)
def test_the_configuration_file_is_the_last_one_named(argv: list[str], expected: str) -> None:
    assert expected == config_file(argv)

"""Configuration files in every format, and the broken ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pomhealth.replica.configfile import load, parse


def test_values_say_where_they_stand() -> None:
    file = parse("/etc/c.yaml", b"address: :8443\ndownstream_mtls:\n  enforcement: policy\n")
    assert file.values["address"].value == ":8443"
    assert file.values["address"].origin == "/etc/c.yaml:1"
    assert file.values["downstream_mtls.enforcement"].value == "policy"
    assert file.values["downstream_mtls.enforcement"].origin == "/etc/c.yaml:3"
    assert file.values["downstream_mtls"].value == {"enforcement": "policy"}
    assert file.parsed
    assert file.digest != parse("/etc/c.yaml", b"address: :443\n").digest


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("c.yml", b"Address: ':1'\nroutes: [{from: x}]\n"),
        ("c.json", b'{"ADDRESS": ":1", "routes": [{"From": "x"}]}'),
        ("c.toml", b'address = ":1"\n[[routes]]\nfrom = "x"\n'),
    ],
)
def test_yaml_json_and_toml_read_alike(path: str, content: bytes) -> None:
    file = parse(path, content)
    assert file.values["address"].value == ":1"
    assert file.values["routes"].value == [{"from": "x"}]
    assert file.values["address"].origin.startswith(path)


@pytest.mark.parametrize(
    ("path", "content", "line", "text"),
    [
        ("c.yaml", b"a: 1\nb: [\n", 3, "cannot be parsed"),
        ("c.yaml", b"- a\n- b\n", 1, "not a mapping"),
        ("c.json", b'{\n"a": 1,\n"b" 2}', 3, "cannot be parsed"),
        ("c.json", b'{"a": "\xff"}', 0, "not UTF-8"),
        ("c.toml", b"a = 1\nb = \n", 2, "cannot be parsed"),
        ("config", b"a: 1", 0, "its name ends in none of"),
    ],
)
def test_a_broken_file_is_one_problem_with_its_line(path: str, content: bytes, line: int, text: str) -> None:
    file = parse(path, content)
    (problem,) = file.problems
    assert (path, line) == (problem.path, problem.line)
    assert text in problem.text
    assert problem.fix
    assert not file.values


def test_a_format_that_we_do_not_read_is_no_problem_of_the_replicas() -> None:
    file = parse("c.hcl", b"a = 1")
    assert not file.problems
    assert ".hcl" in file.unread


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    file = load("c.yaml", reached_by=str(tmp_path / "c.yaml"))
    assert "No such file" in file.problems[0].text


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "c.yaml")
    assert "not a regular file" in load("c.yaml", reached_by=str(tmp_path / "c.yaml")).problems[0].text


def test_no_content_of_a_broken_file_is_repeated() -> None:
    (problem,) = parse("c.yaml", b"shared_secret: 'sesame\naddress: x\n").problems
    assert "sesame" not in problem.text

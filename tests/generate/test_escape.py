"""A value reads back as itself, whoever reads the file: JSON, YAML, Compose, and a real systemd."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from pomhealth.generate.escape import TemplateError, Unwritable, in_compose, in_json, in_systemd, in_yaml
from pomhealth.generate.render import render
from pomhealth.generate.values import Values
from tests.systemd.box import Box, booted, needs_systemd

ODD = {
    "plain": "/etc/pomerium/config.yaml",
    "spaces": "/srv/two  words/a b",
    "quotes": '/srv/the "new" one/it\'s',
    "percent": "/srv/50%/%n",
    "dollar": "/srv/$HOME/${PATH}/$$",
    "backslash": "/srv/back\\slash\\n\\x41",
    "hash": "/srv/a #b/:c",
    "semicolon": "/srv/a; b/{}[]&*!|>,",
    "umlaut": "/srv/größe/日本",
    "words": "yes",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_json_reads_it_back(text: str) -> None:
    made = render('{"it": "{{config}}", "in": ["--x={{config}}!"]}', Values(config=text), in_json)
    assert json.loads(made) == {"it": text, "in": [f"--x={text}!"]}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_yaml_reads_it_back_and_a_comment_with_it_stays_one(text: str) -> None:
    made = render('# {{config}}\nit: "{{config}}" # {{config}}\n', Values(config=text), in_yaml)
    assert yaml.safe_load(made) == {"it": text}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_compose_takes_no_value_for_a_variable(text: str) -> None:
    """It reads `$$` as a dollar, and every other `$` as a variable."""
    read: str = yaml.safe_load(render('it: "{{config}}"', Values(config=text), in_compose))["it"]
    assert "$" not in read.replace("$$", "")
    assert read.replace("$$", "$") == text


@pytest.mark.parametrize("template", ["it: {{config}}", "it: '{{config}}'", 'it: "x" {{config}}'])
@pytest.mark.parametrize("escape", [in_json, in_yaml, in_compose])
def test_a_text_outside_double_quotes_is_a_mistake_in_the_template(template: str, escape: Any) -> None:
    with pytest.raises(TemplateError, match="outside double quotes"):
        render(template, Values(), escape)


def test_numbers_stand_bare() -> None:
    made = render('{"port": {{agent_port}}, "seconds": {{notice}}}', Values(notice=2.5), in_json)
    assert json.loads(made) == {"port": 28081, "seconds": 2.5}


@pytest.mark.parametrize("text", ["/a\nExecStart=/bin/evil", "/a\x00", "/a\x1b[31m", "/\udcff"])
@pytest.mark.parametrize("escape", [in_json, in_yaml, in_compose, in_systemd])
def test_what_no_file_can_hold_is_refused(text: str, escape: Any) -> None:
    with pytest.raises(Unwritable, match=r"^the config '.*' has a character that cannot stand in a file$"):
        render('x="{{config}}"', Values(config=text), escape)


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with booted() as box:
        yield box


NO_PROGRAM = "\"'\\"
SAYS = '#!/bin/sh\nprintf \'%s\\n\' "$@" "$IT" "$PWD" > /run/said\n'
UNIT = """\
# {{config}}
[Service]
Type=oneshot
Environment="IT={{config}}"
ExecStart={{program}} {{config}} "--x={{config}}!" {{config}}
WorkingDirectory={{settings}}
ReadWritePaths={{settings}}
"""


@needs_systemd
@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_systemd_reads_it_back(box: Box, text: str) -> None:
    """As the program of a command, as a command's word, in the environment, as a directory."""
    place = text if text.startswith("/") else f"/srv/{text}"
    program = "/srv/program" if any(letter in text for letter in NO_PROGRAM) else f"{place}/program"
    box.write(f"{place}/there", "")
    box.write(program, SAYS, "755")
    unit = render(UNIT, Values(program=program, config=text, settings=place), in_systemd)
    box.write("/etc/systemd/system/odd.service", unit)
    box.run("systemctl", "daemon-reload")

    box.run("systemctl", "start", "odd")

    said = box.run("cat", "/run/said").stdout.splitlines()
    assert said == [text, f"--x={text}!", text, text, place]


@needs_systemd
@pytest.mark.parametrize("letter", NO_PROGRAM)
def test_a_program_that_systemd_does_not_run_is_refused(box: Box, letter: str) -> None:
    program = f"/srv/a{letter}b"
    with pytest.raises(Unwritable, match="quote or a backslash"):
        render("ExecStart=-{{program}} run", Values(program=program), in_systemd)

    box.write(program, SAYS, "755")
    written = program.replace("\\", "\\\\").replace('"', '\\"')
    box.write("/etc/systemd/system/odd.service", f'[Service]\nExecStart="{written}"\n')
    box.run("systemctl", "daemon-reload")
    assert box.run("systemctl", "start", "odd", check=False).returncode != 0


@needs_systemd
def test_systemd_finds_a_unit_whose_name_has_an_escape(box: Box) -> None:
    name = r"a\x2db@c.service"
    text = render(
        "[Unit]\nAfter={{unit}}\n[Service]\nExecStart=/bin/true {{unit}}\n", Values(unit=name), in_systemd
    )
    box.write("/etc/systemd/system/after.service", text)
    box.run("systemctl", "daemon-reload")
    shown = box.run("systemctl", "show", "after", "--property=After,ExecStart").stdout
    assert json.dumps(name) in shown.partition("After=")[2].splitlines()[0].split(" ")
    assert f"argv[]=/bin/true {name} ;" in shown

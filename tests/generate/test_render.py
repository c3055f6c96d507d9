"""What a template may say, and that every template of the project holds for values as odd as they come."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from pomhealth.generate.escape import TemplateError, in_systemd
from pomhealth.generate.render import KINDS, escape_for, files, render, templates
from pomhealth.generate.values import DEFAULTS, DERIVED, Values

STRANGE = Values(
    program="/opt/the $new/50%/pomhealth",
    user="svc-pomerium$",
    group="users @work",
    unit="other@eu.service",
    config='/srv/the "new" one/it\'s #1/größe.yaml',
    listen="[::1]:38081",
    agent_port=38081,
    main_port=8443,
    notice=7.5,
    limit=61.5,
    start_wait=44,
    pomerium_image='registry.example:5000/"pomerium"@sha256:0',
    pomhealth_image="registry.example:5000/pomhealth: 1",
    namespace="1.5",
    settings="/srv/$HOME/x: y/pomhealth.toml",
    meant='/srv/"b"/other.yaml',
)
NUMBERS = [
    one.name for one in dataclasses.fields(Values) if isinstance(getattr(DEFAULTS, one.name), (int, float))
]
TEXTS = [one.name for one in dataclasses.fields(Values) if isinstance(getattr(DEFAULTS, one.name), str)]


class _AnyTag(yaml.SafeLoader):
    """Reads CloudFormation's own tags (!Ref) as what they are about."""


def _untagged(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    del suffix
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node)
    return loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else node.value


_AnyTag.add_multi_constructor("!", _untagged)


def document(kind: str, path: str, text: str) -> Any:
    """What the reader of this file reads."""
    suffix = PurePosixPath(path).suffix
    if suffix == ".json":
        return json.loads(text)
    assert suffix in (".yaml", ".yml"), path
    read = list(yaml.load_all(text, _AnyTag))
    return mapped(read, {"$$": "$"}) if kind == "compose" else read


def mapped(value: Any, texts: Mapping[str, str]) -> Any:
    """The value with one text for another, wherever it stands; numbers count as their text."""
    if isinstance(value, dict):
        return {mapped(key, texts): mapped(inner, texts) for key, inner in value.items()}
    if isinstance(value, list):
        return [mapped(inner, texts) for inner in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return texts.get(f"{value:g}", f"{value:g}")
    if isinstance(value, str):
        for old, new in texts.items():
            value = value.replace(old, new)
    return value


def usual() -> dict[str, str]:
    """From each strange value's text to the default's, the longest first."""
    strange, plain = STRANGE.named(), DEFAULTS.named()
    pairs = {
        (text if isinstance(text, str) else f"{text:g}"): (
            f"{plain[name]:g}" if isinstance(text, float | int) else str(plain[name])
        )
        for name, text in strange.items()
        if not isinstance(text, bool)
    }
    return dict(sorted(pairs.items(), key=lambda pair: -len(pair[0])))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "systemd"])
def test_strange_values_change_nothing_but_themselves(kind: str) -> None:
    """Read as its reader does, each file is the one of the defaults with other texts and numbers in its places."""
    plain = {
        mapped(file.path, usual()): document(kind, file.path, file.text) for file in files(kind, DEFAULTS)
    }
    strange = {
        mapped(file.path, usual()): document(kind, file.path, file.text) for file in files(kind, STRANGE)
    }
    assert {path: mapped(read, usual()) for path, read in strange.items()} == {
        path: mapped(read, usual()) for path, read in plain.items()
    }


@pytest.mark.parametrize("truths", [{"postgres": False}, {"low_port": False}])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "systemd"])
def test_what_is_left_out_leaves_a_file_that_can_be_read(kind: str, truths: dict[str, bool]) -> None:
    for file in files(kind, dataclasses.replace(DEFAULTS, **truths)):  # type: ignore[arg-type]
        assert document(kind, file.path, file.text)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_templates_and_each_names_known_values_only(kind: str) -> None:
    made = files(kind, DEFAULTS)
    assert made
    assert len({file.path for file in made}) == len(list(templates(kind)))
    assert {name for file in made for name in file.names} <= {*TEXTS, *NUMBERS, *DERIVED}


def test_every_value_stands_in_some_template() -> None:
    used = {
        DERIVED.get(name, name) for kind in KINDS for file in files(kind, DEFAULTS) for name in file.names
    }
    assert used == {*TEXTS, *NUMBERS}


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{{nope}}", "no value called nope"),
        ("{{low_port}}", "no value called low_port"),
        ("{{#agent_port}}\nx\n{{/agent_port}}\n", "agent_port is neither a truth nor a text"),
        ("{{#low_port}}\nx\n", "{{#low_port}} has no other end"),
        ("a {{#low_port}}x{{/low_port}}\n", "does not stand on a line of its own"),
        ("{{#low_port}}\nx\n{{/postgres}}\n", "has no other end"),
    ],
)
def test_a_mistake_in_a_template_is_told(template: str, says: str) -> None:
    with pytest.raises(TemplateError) as told:
        render(template, DEFAULTS, in_systemd)
    assert says in str(told.value)


def test_lines_are_kept_or_left_out_by_a_truth_or_a_text() -> None:
    template = (
        "a\n{{#low_port}}\nlow\n{{#settings}}\n{{settings}}\n{{/settings}}\n{{/low_port}}\n"
        "  # {{^low_port}}\nhigh\n  # {{/low_port}}\nb\n"
    )
    assert render(template, Values(low_port=True, settings="/x"), in_systemd) == "a\nlow\n/x\nb\n"
    assert render(template, Values(low_port=True), in_systemd) == "a\nlow\nb\n"
    assert render(template, Values(low_port=False, settings="/x"), in_systemd) == "a\nhigh\nb\n"


def test_a_kind_of_file_of_which_nothing_is_known_is_a_mistake() -> None:
    with pytest.raises(TemplateError, match=r"compose/start\.sh: nothing is known"):
        escape_for("compose", "start.sh")


def test_the_drop_in_lies_where_its_unit_is_called() -> None:
    assert "other@eu.service.d/pomhealth.conf" in {file.path for file in files("systemd", STRANGE)}


@pytest.mark.parametrize(("limit", "start_wait"), [(90, 60), (1, 1), (10.5, 0.5), (86400, 600)])
def test_whoever_waits_waits_longer_than_what_is_waited_for(limit: float, start_wait: float) -> None:
    values = Values(limit=limit, start_wait=start_wait)
    assert limit + 5 <= values.stop_timeout
    assert limit + 5 <= values.grace_period
    assert start_wait + 5 <= values.start_timeout

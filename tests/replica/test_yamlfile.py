"""YAML as go-yaml v3 reads it, with lines."""

from __future__ import annotations

import pytest

from pomhealth.replica.yamlfile import Block, BrokenFile, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("# nothing\n", None),
        ("a: yes", {"a": "yes"}),
        ("a: on\nb: true\nc: 'true'", {"a": "on", "b": True, "c": "true"}),
        ("a: 0x1F\nb: 0o17\nc: 017\nd: 1_000", {"a": 31, "b": 15, "c": 15, "d": 1000}),
        ("a: 1.5\nb: 30s\nc: 2020-01-01\nd: :443", {"a": 1.5, "b": "30s", "c": "2020-01-01", "d": ":443"}),
        ("a: ~\nb:\nc: null", {"a": None, "b": None, "c": None}),
        ("Address: x\nROUTES:\n  - From: y", {"address": "x", "routes": [{"from": "y"}]}),
        ("x: &one {q: 1}\ny:\n  <<: *one\n  q: 2\nz: *one", {"x": {"q": 1}, "y": {"q": 2}, "z": {"q": 1}}),
        ("a: !!str 1", {"a": "1"}),
        ("a: 1\n---\nb: 2", {"a": 1}),
    ],
)
def test_values(text: str, expected: object) -> None:
    assert expected == parse(text.encode())


def test_every_key_keeps_its_line() -> None:
    document = parse(b"# first\na: 1\nroutes:\n  - from: x\n    to: y\n\n  - to: z\n")
    assert isinstance(document, Block)
    assert document.lines() == {"a": 2, "routes": 3}
    assert [route.line for route in document["routes"]] == [4, 7]
    assert document["routes"][0].line_of("to") == 5
    assert document["routes"][1].line_of("from") == 7


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a: 1\nb: [1\nc: 2\n", 3, "did not find"),
        ("a: 1\nb: 2\na: 3\n", 3, "stands here and on line 1"),
        ("a: 1\n\tb: 2", 2, "a tab character"),
        ("a: *b", 1, "no finished anchor called b"),
        ("a: &a [*a]", 1, "no finished anchor called a"),
        ("a: 'x\nb: 2", 2, "unexpected end"),
        ("a: \x00", 1, "a character that YAML does not allow"),
        ("[a]: 1\n", 1, "no plain word"),
        ("[" * 300, 1, "nested too deeply"),
    ],
)
def test_what_go_yaml_refuses_is_refused_with_its_line(text: str, line: int, why: str) -> None:
    with pytest.raises(BrokenFile, match=why) as caught:
        parse(text.encode())
    assert line == caught.value.line


def test_aliases_that_multiply_are_refused() -> None:
    """Nine levels of nine aliases stand for billions of values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(BrokenFile, match="repeat too much"):
        parse("\n".join(lines).encode())


def test_ten_thousand_routes_are_read() -> None:
    route = "  - from: https://app{0}.example.com\n    to: http://10.0.0.1:8080\n    policy:\n      - allow: {{and: [{{email: {{is: a@b.c}}}}]}}\n"
    text = "routes:\n" + "".join(route.format(number) for number in range(10_000))
    assert len(parse(text.encode())["routes"]) == 10_000

"""The report for a ticket: read as a site renders it, with whatever hostile text it may hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from pomhealth import __version__
from pomhealth.catalogue import catalogue
from pomhealth.replica.model import Options, Platform, Replica
from pomhealth.report.items import items
from pomhealth.report.markdown import page
from pomhealth.report.mdtext import code, prose, table
from pomhealth.status import (
    Component,
    Evidence,
    Finding,
    Gate,
    Report,
    StatusMap,
    failed,
    observe,
    passed,
    unseen,
)
from tests.report.example import CATALOGUE, HUNG, IN_MEMORY, READ_ONLY, REPLICA, status

AT = 1_800_000_000.0  # 2027-01-15 08:00:00 UTC
HOSTILE = (
    "@somebody and @org/team",
    "#12 or org/repository#12 or GH-12 or !7 or ~label or %1 or $3 or &5 or deadbeefcafe",
    "https://evil.example/a www.evil.example evil.example mailto:a@evil.example a@evil.example",
    "[click](https://evil.example) ![x](https://evil.example/x.png) <https://evil.example>",
    "<script>alert(1)</script> <img src=x onerror=alert(1)> </details> <!-- &#64;somebody -->",
    "a | b \\| c \\\\| d |",
    "| - | - |",
    "` @somebody `` @somebody ``` @somebody",
    "`@somebody` @somebody`",
    "**bold** __bold__ ~~gone~~ *a* _b_ \\",
    "1. one",
    "2) two",
    "- three + four * five",
    "> quoted # heading === --- ***",
    ":smile: [~somebody] {code} {noformat} !image.png! [link|https://evil.example]",
    "line\nbreak\r\n\n# heading\n\n    code\tand a bell \x07 \x1b[2J",
    "right \u202eto left\u202c \u2066isolated\u2069 zero\u200bwidth",
    "\ud800 half a pair",
)


def rendered(text: str) -> list[Token]:
    return MarkdownIt("gfm-like").parse(text)


def inside(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from inside(token.children or [])


def words(tokens: list[Token]) -> str:
    """What a reader sees outside code."""
    return "\n".join(token.content for token in inside(tokens) if token.type == "text")


def report(map_: StatusMap, *ids: str, replica: Replica = REPLICA) -> str:
    return page(items(map_, CATALOGUE, ids), replica, AT, partial=bool(ids))


def test_it_tells_the_verdict_the_replica_each_finding_and_when_it_was_made() -> None:
    told = report(status(storage__backend=READ_ONLY, persistent_backend=IN_MEMORY))
    assert told.startswith(
        "# ❌ Not ready: `storage.backend` (read-only)\n\nTo see to besides: `persistent_backend`"
    )
    assert "**Pomerium `v0.33.1`, pid 4242**" in told
    assert "| configuration | `/etc/pomerium/config.yaml` |" in told
    assert "## ❌ `storage.backend`: read-only\n\nPostgreSQL takes no writes (stops `/readyz`)" in told
    assert "| `db:5432, show transaction_read_only` | `on` | off |" in told
    assert (
        "**To do, by whoever runs the database:**\n\n1. Promote the standby.\n2. Or change the `DSN`"
        not in told
    )
    assert "1. Promote the standby.\n2. Or change the DSN." in told
    assert "More: `pomhealth explain storage.backend/read-only`, `docs/checks.md#storagebackend`" in told
    assert told.index("## ❌") < told.index("## ⚠️") < told.index("<details>\n<summary>✅ 2 passed</summary>")
    assert told.endswith(
        f"4 checks: 1 failed, 1 warned, 2 passed. `pomhealth {__version__}`, 2027-01-15 08:00:00 UTC\n"
    )


def test_commands_stand_in_code_whole_and_what_follows_a_root_is_named() -> None:
    told = report(status(envoy__server=HUNG, xds__listener=failed("gone", "no", Evidence("a", "b", "c"))))
    assert "1. Let it go on: `kill -CONT 4250`.\n2. See whether it is busy: `top -H -p PID`." in told
    assert "Not judged while it fails: `xds.listener`" in told


def test_each_platform_has_a_line_of_its_own_where_it_is_not_known() -> None:
    told = report(status(xds__listener=failed("gone", "no", Evidence("a", "b", "c"))))
    assert (
        "1. Restart it:\n   - Linux package: `systemctl restart pomerium`.\n   - Docker: `docker restart NAME`.\n"
        in told
    )


def test_of_a_few_checks_it_gives_no_verdict() -> None:
    assert report(status(), "envoy.server").startswith("**Pomerium")


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("around", ["{}", "PostgreSQL says {} to us"])
def test_hostile_text_stays_text(hostile: str, around: str) -> None:
    text = around.format(hostile)
    nasty = replace(
        READ_ONLY,
        summary=text,
        evidence=(Evidence(text, text, text),) * 2,
        steps=(text, f"Type `{text}`."),
        names=(("DSN", text),),
    )
    id_ = f"identity-provider.{text}"
    map_ = status(storage__backend=nasty, xds__listener=passed(text), persistent_backend=unseen(text))
    map_ = StatusMap({**map_.components, id_: Component(id_, Gate.READY, measures=True)})
    map_ = observe(map_, id_, failed("reported", text, Evidence(text, text, text)), at=1.0)
    replica = replace(REPLICA, options=Options(path=text), missing={text: text})
    plain = items(map_, catalogue(), (), Platform("docker", "", (("NAME", text),)))
    for told in (report(map_, replica=replica), page(plain, replica, AT)):
        tokens = list(inside(rendered(told)))
        seen = words(rendered(told))
        assert not re.search(r"[@#!~$\[\]<>|*_^{}\\]|://|www\.|evil|deadbeef", seen), seen
        assert {"link_open", "image", "html_inline", "hr", "s_open", "em_open"}.isdisjoint(
            token.type for token in tokens
        )
        blocks = [token.content for token in tokens if token.type == "html_block"]
        assert [block.split("\n")[0] for block in blocks] in ([], ["<details>", "</details>"])
        assert {token.tag for token in tokens if token.type == "heading_open"} <= {"h1", "h2"}
        assert told.isprintable() or all(
            letter.isprintable() for letter in told.replace("\n", "").replace("\ufe0f", "")
        )


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("write", [code, prose])
def test_a_table_has_as_many_cells_as_its_head_whatever_is_in_them(hostile: str, write: type[str]) -> None:
    told = table(("a", "b", "c"), [(write(hostile), write(hostile), "last")] * 3)
    tokens = rendered(told)
    assert [token.type for token in tokens].count("td_open") == 9
    cells = [token.content for token in tokens if token.type == "inline"]
    assert cells[5::3] == ["last"] * 3


def test_code_is_what_was_given_backticks_and_all() -> None:
    for text in ("a `b` c", "`", "``x", "a\\", "|", "x`` `y"):
        (paragraph,) = [token for token in rendered(code(text)) if token.type == "inline"]
        (span,) = paragraph.children or []
        assert (span.type, span.content) == ("code_inline", text)


def test_ordinary_sentences_read_as_they_were_written() -> None:
    for text in (
        "PostgreSQL takes no writes: it is a standby, or read-only by default.",
        "the first certificate to end has 9 days left (of 90)",
        "Die Konfiguration läßt sich nicht lesen; l'hôte ne répond pas",
    ):
        assert prose(text) == text


def test_every_cause_of_the_catalogue_can_be_told() -> None:
    for check in catalogue():
        for cause in check.causes.values():
            id_ = check.id.replace("<name>", "google")
            found = Finding(cause.outcome, "it is so", cause.code, (Evidence("a", "b", "c"),))
            map_ = observe(StatusMap({id_: Component(id_, check.gate, measures=True)}), id_, found, at=1.0)
            told = page(items(map_, catalogue()), REPLICA, AT)
            assert f"`{id_}`: {cause.code}" in told
            for step in cause.steps:
                assert all(f"`{command}`" in told for command in step.text.split("`")[1::2])


def test_the_replica_s_own_word_is_told_where_it_differs_and_no_secret_is() -> None:
    said = {"storage.backend": Report("RUNNING", "all | is @well")}
    told = report(status(said, storage__backend=passed("answers")))
    assert "The replica itself reports otherwise: `all \\| is @well`" in told
    assert "hunter2" not in told

"""The way to a file through links, in our own mount namespace and in the replica's."""

from __future__ import annotations

from pathlib import Path

import pytest

from pomhealth.replica import paths


@pytest.mark.parametrize("apart", [False, True], ids=["own namespace", "another"])
def test_every_link_on_the_way_is_named_and_the_file_first(tmp_path: Path, apart: bool) -> None:
    """An absolute link leads from the replica's root, not from ours."""
    root = str(tmp_path) if apart else ""
    inside = "" if apart else str(tmp_path)
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "tls.crt").write_text("x")
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs" / "..data").symlink_to(f"{inside}/v1")
    (tmp_path / "certs" / "tls.crt").symlink_to("..data/tls.crt")
    trail = paths.trail(f"{inside}/certs/tls.crt", cwd="/", root=root, known={})
    assert trail[0] == f"{tmp_path}/v1/tls.crt"
    assert {f"{tmp_path}/certs/tls.crt", f"{tmp_path}/certs/..data"} <= set(trail)


def test_a_swapped_link_changes_a_mark_although_both_files_stay(tmp_path: Path) -> None:
    for version in ("v1", "v2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "tls.crt").write_text("x")
    link = tmp_path / "current"
    link.symlink_to("v1")

    def marks() -> dict[str, tuple[int, ...]]:
        trail = paths.trail("current/tls.crt", cwd=str(tmp_path), root="", known={})
        return {path: paths.stamp(path) for path in trail}

    before = marks()
    (tmp_path / "next").symlink_to("v2")
    (tmp_path / "next").rename(link)
    assert {path: paths.stamp(path) for path in before} != before
    assert next(iter(marks())) == f"{tmp_path}/v2/tls.crt"


def test_links_that_lead_nowhere_or_round_in_circles_end(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    for name in ("gone", "a", "a/x", "missing"):
        trail = paths.trail(name, cwd=str(tmp_path), root="", known={})
        assert all(isinstance(paths.stamp(path), tuple) for path in trail)


def test_a_changed_mode_changes_the_mark(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text("x")
    before = paths.stamp(str(file))
    file.chmod(0)
    assert paths.stamp(str(file)) != before

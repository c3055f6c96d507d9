"""What tests are given to work with does work."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from tests import tools
from tests.tools import debian


async def test_chromium_draws_a_page_with_text_and_runs_its_script() -> None:
    program = tools.chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, timeout=60_000)
        page = await browser.new_page()
        await page.set_content(
            "<p style='display: inline-block'>What a replica lets in</p><script>document.title = 1 + 1</script>"
        )
        box = await page.locator("p").bounding_box()
        title = await page.title()
        await browser.close()
    assert title == "2"
    assert box is not None
    assert box["width"] > 50  # without a font there is nothing to draw it with


@pytest.mark.parametrize("program", [tools.promtool, tools.prometheus])
def test_prometheus_and_promtool_tell_their_version(program: object) -> None:
    assert callable(program)
    said = subprocess.run([program(), "--version"], capture_output=True, text=True, check=True, timeout=30)
    assert re.search(r"version \d+\.\d+", said.stdout + said.stderr)


def test_without_a_package_to_fetch_the_test_is_skipped_and_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _nothing_here(monkeypatch, tmp_path)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"no chromium on the PATH.*apt-get install chromium"):
        tools.chromium()


def test_in_ci_it_fails_instead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _nothing_here(monkeypatch, tmp_path)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"no prometheus on the PATH.*apt-get install prometheus"):
        tools.promtool()


def test_a_package_that_apt_does_not_get_is_told_with_what_apt_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    apt = tmp_path / "bin" / "apt-get"
    apt.parent.mkdir()
    apt.write_text("#!/bin/sh\necho 'E: Could not resolve deb.debian.org' >&2\nexit 100\n")
    apt.chmod(0o755)
    (tmp_path / "bin" / "dpkg").symlink_to("/bin/true")
    monkeypatch.setenv("PATH", f"{apt.parent}")
    monkeypatch.setattr(debian, "_STATUS", tmp_path)
    with pytest.raises(debian.Lacking, match=r"`apt-get update` failed: E: Could not resolve deb.debian.org"):
        debian.alone("prometheus", tmp_path / "debian")


def _nothing_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tools, "_PLACE", tmp_path / "debian")
    monkeypatch.setattr(debian, "_STATUS", tmp_path / "status")

"""Who installs pomhealth from a wheel has completion and manual where shells and `man` look for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

from pomhealth.completing import SCRIPTS, script
from pomhealth.manual.pages import pages

ROOT = Path(__file__).parents[2]
PLACES = {
    "bash": "share/bash-completion/completions/pomhealth",
    "zsh": "share/zsh/site-functions/_pomhealth",
    "fish": "share/fish/vendor_completions.d/pomhealth.fish",
}


def test_scripts_and_pages_are_in_the_wheel(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, capture_output=True, timeout=60, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        data = next(name for name in archive.namelist() if ".data/" in name).partition("/")[0] + "/data"
        for shell, place in PLACES.items():
            assert archive.read(f"{data}/{place}").decode() == script(shell)
            assert archive.read(f"pomhealth/completing/scripts/{SCRIPTS[shell]}").decode() == script(shell)
        for path, text in pages().items():
            assert archive.read(f"{data}/share/{path}").decode() == text

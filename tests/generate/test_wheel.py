"""Who installs pomhealth from a wheel has the templates too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

from pomhealth.generate.render import KINDS, templates

ROOT = Path(__file__).parents[2]


def test_every_template_is_in_the_wheel(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, capture_output=True, timeout=60, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        for kind in KINDS:
            for path, text in templates(kind):
                assert archive.read(f"pomhealth/generate/templates/{kind}/{path}").decode() == text

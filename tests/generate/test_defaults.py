"""The project's own files for supervisors are what `pomhealth generate` makes of its defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from pomhealth.generate.defaults import project_files

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", project_files())
def test_each_file_of_the_project_is_the_rendering_of_its_template(path: str) -> None:
    """Otherwise: python -m pomhealth.generate.defaults."""
    assert (ROOT / path).read_text(encoding="utf-8") == project_files()[path]

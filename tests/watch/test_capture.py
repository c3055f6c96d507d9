"""The picture in the documentation."""

from __future__ import annotations

import re

from tests.watch.capture import IMAGE


def test_the_picture_shows_a_fault_is_small_and_fetches_nothing() -> None:
    picture = IMAGE.read_text(encoding="utf-8")
    assert len(picture) < 200_000
    assert "storage.backend" in picture
    assert "read-only" in picture
    assert not re.search(r"@font-face|@import|url\((?!#)|href=", picture)

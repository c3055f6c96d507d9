"""Programs that tests drive and that pip cannot bring: a browser, Prometheus and its promtool, shells, readers of manuals.

Each is the program on the PATH; where there is none, Debian's package, unpacked into `.venv/debian` and kept there.
Where that cannot be either, the test is skipped with the reason and what to install; with CI=true it fails.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

from tests.tools import browser, debian
from tests.tools.debian import Lacking

_PLACE = Path(__file__).resolve().parents[2] / ".venv" / "debian"


def chromium() -> Path:
    """A Chromium that Playwright can start, as `executable_path`; to be asked for before Playwright itself is."""
    found = _on_path(browser.NAMES)
    try:
        return found or browser.fetched(_PLACE)
    except Lacking as lacking:
        _give_up("chromium", lacking)


def promtool() -> Path:
    """The program that checks rules, metrics and queries."""
    return _of_prometheus("promtool")


def prometheus() -> Path:
    """The server."""
    return _of_prometheus("prometheus")


def zsh() -> tuple[Path, str]:
    """The shell, and the command by which it finds its own modules and functions; empty where it need not be told."""
    found = _on_path(("zsh",))
    if found is not None:
        return found, ""
    tree = _tree("zsh")
    parts = f"module_path=({tree}/usr/lib/*/zsh/*(/)) fpath=({tree}/usr/share/zsh/functions/**/*(/));"
    return tree / "bin" / "zsh", parts


def fish() -> tuple[Path, str]:
    """The shell, and the command by which it finds its own functions; empty where it need not be told."""
    found = _on_path(("fish",))
    if found is not None:
        return found, ""
    usr = _tree("fish") / "usr"
    return usr / "bin" / "fish", f"set fish_function_path {usr}/share/fish/functions;"


def mandoc() -> Path:
    """A reader and checker of manual pages."""
    return _on_path(("mandoc",)) or _tree("mandoc") / "usr" / "bin" / "mandoc"


def groff() -> tuple[Path, dict[str, str]]:
    """What `man` shows pages by, and the environment in which it finds its own parts."""
    found = _on_path(("groff",))
    if found is not None:
        return found, dict(os.environ)
    usr = _tree("groff-base") / "usr"
    share = max((usr / "share" / "groff").iterdir())
    path = f"{usr}/bin:{os.environ['PATH']}"
    return usr / "bin" / "groff", {
        "PATH": path,
        "GROFF_BIN_PATH": path,
        "GROFF_FONT_PATH": f"{share}/font",
        "GROFF_TMAC_PATH": f"{share}/tmac:{usr.parent}/etc/groff",
    }


def _tree(package: str) -> Path:
    try:
        return debian.together((package,), _PLACE)
    except Lacking as lacking:
        _give_up(package, lacking)


def _of_prometheus(name: str) -> Path:
    found = _on_path((name,))
    try:
        return found or debian.alone("prometheus", _PLACE) / "usr" / "bin" / name
    except Lacking as lacking:
        _give_up("prometheus", lacking)


def _on_path(names: tuple[str, ...]) -> Path | None:
    found = (shutil.which(name) for name in names)
    return next((Path(one) for one in found if one), None)


def _give_up(package: str, lacking: Lacking) -> NoReturn:
    reason = f"{lacking}; to have it: `apt-get install {package}`"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)

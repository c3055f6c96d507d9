"""Debian's Chromium out of a tree of its own: its libraries and fonts come with it, where the machine has none.

So does what Playwright's driver needs, a Node.js: libatomic, which a machine without a compiler may lack.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import playwright

from tests.tools.debian import Lacking, together

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_PACKAGES = ("chromium", "chromium-common", "fonts-dejavu-core", "libatomic1")
_NODE = Path(playwright.__file__).parent / "driver" / "node"
_FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir>{tree}/usr/share/fonts</dir>
  <cachedir>{tree}/fontcache</cachedir>
  <include ignore_missing="yes">{configuration}</include>
</fontconfig>
"""


def fetched(place: Path) -> Path:
    """The program that starts the Chromium below `place`, which is fetched where it is not there. Raises Lacking.

    From then on Playwright starts its driver with the libraries that came along.
    """
    tree = together(_PACKAGES, place)
    program = tree / "usr/lib/chromium/chromium"
    if not program.exists():
        raise Lacking("the package chromium of this distribution holds no browser (on Ubuntu it is a snap)")
    libraries = ":".join(
        sorted({str(one.parent) for one in tree.rglob("lib*.so*") if one.parent != program.parent})
    )
    os.environ["PLAYWRIGHT_NODEJS_PATH"] = str(_start(tree / "node", _NODE, {"LD_LIBRARY_PATH": libraries}))
    fonts = {"FONTCONFIG_FILE": str(_fonts(tree))}
    return _start(tree / "chromium", program, {"LD_LIBRARY_PATH": libraries} | fonts)


def _fonts(tree: Path) -> Path:
    own = tree / "etc/fonts/conf.d"
    configuration = own if own.is_dir() else Path("/etc/fonts/conf.d")
    return _whole(tree / "fonts.conf", _FONTS.format(tree=tree, configuration=configuration), 0o644)


def _start(start: Path, program: Path, variables: dict[str, str]) -> Path:
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    return _whole(start, f'#!/bin/sh\n{exports}exec {shlex.quote(str(program))} "$@"\n', 0o755)


def _whole(path: Path, text: str, mode: int) -> Path:
    """Writes a file in one go: another process may be about to read it."""
    if not path.exists():
        half = path.with_name(f"{path.name}.{os.getpid()}")
        half.write_text(text)
        half.chmod(mode)
        half.rename(path)
    return path

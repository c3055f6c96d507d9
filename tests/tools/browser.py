"""Debian's Chromium out of a tree of its own: its libraries and fonts come with it, where the machine has none."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from tests.tools.debian import Lacking, together

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_PACKAGES = ("chromium", "chromium-common", "fonts-dejavu-core")
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
    """The program that starts the Chromium below `place`, which is fetched where it is not there. Raises Lacking."""
    tree = together(_PACKAGES, place)
    program = tree / "usr/lib/chromium/chromium"
    if not program.exists():
        raise Lacking("the package chromium of this distribution holds no browser (on Ubuntu it is a snap)")
    start = tree / "chromium"
    if not start.exists():
        _write(start, tree, program)
    return start


def _write(start: Path, tree: Path, program: Path) -> None:
    """Writes the program, as a whole: another process may be about to start it."""
    fonts = tree / "fonts.conf"
    own = tree / "etc/fonts/conf.d"
    configuration = own if own.is_dir() else Path("/etc/fonts/conf.d")
    fonts.write_text(_FONTS.format(tree=tree, configuration=configuration))
    libraries = sorted({str(one.parent) for one in tree.rglob("lib*.so*") if one.parent != program.parent})
    variables = {"FONTCONFIG_FILE": str(fonts)}
    if libraries:
        variables["LD_LIBRARY_PATH"] = ":".join(libraries)
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    half = start.with_name(f"chromium.{os.getpid()}")
    half.write_text(f'#!/bin/sh\n{exports}exec {shlex.quote(str(program))} "$@"\n')
    half.chmod(0o755)
    half.rename(start)

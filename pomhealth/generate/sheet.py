"""What is made for no replica in particular: files, where they belong, and what to do with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pomhealth.generate.render import File


@dataclass(frozen=True, slots=True)
class Sheet:
    """`usual` is the directory where the files belong, where the operator says none, and `steps` gives what to do once
    they are in one; `options` are those of the command line that made it.
    """

    kind: str
    about: str
    files: tuple[File, ...]
    usual: str
    steps: Callable[[str], tuple[str, ...]]
    options: tuple[str, ...] = ()

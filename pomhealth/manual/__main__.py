"""Writes man/: `python -m pomhealth.manual`, in the project's root."""

from __future__ import annotations

from pathlib import Path

from pomhealth.manual.pages import pages

if __name__ == "__main__":
    made = pages()
    for old in Path("man").glob("man*/*"):
        if str(old) not in made:
            old.unlink()  # of a command that is no more
    for path, text in made.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, encoding="ascii")

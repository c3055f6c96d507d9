"""Writes man/: `python -m pomhealth.manual`, in the project's root."""

from __future__ import annotations

from pathlib import Path

from pomhealth.manual.pages import pages

if __name__ == "__main__":
    made = pages()
    for old in Path("man").glob("*.[15]"):
        if f"man/{old.name}" not in made:
            old.unlink()
    for path, text in made.items():
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text(text, encoding="ascii")

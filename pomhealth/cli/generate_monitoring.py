"""`pomhealth generate prometheus` and `pomhealth generate grafana`: for no replica in particular."""

from __future__ import annotations

import shlex

import click

from pomhealth.catalogue import catalogue
from pomhealth.cli.output import write, write_json
from pomhealth.cli.written import written
from pomhealth.generate.monitoring.files import files, steps, usual
from pomhealth.generate.monitoring.rules import Wishes
from pomhealth.generate.steps import belongs

_ABOUT = {
    "prometheus": "Alert rules for Prometheus, one for each cause that pomhealth knows.",
    "grafana": "A dashboard for Grafana; it asks for the data source when it is opened.",
}


def make(kind: str, wishes: Wishes, directory: str | None, output: str, *, force: bool) -> int:
    """Prints the file of this kind, or writes it below `directory`. The exit status."""
    made = files(kind, catalogue(), wishes)
    where = directory if directory is not None else usual(kind, wishes)
    todo = steps(kind, where, wishes)
    document = {
        "kind": kind,
        "about": _ABOUT[kind],
        "files": [{"path": one.path, "belongs": belongs(where, one), "text": one.text} for one in made],
        "next": list(todo),
    }
    said = f"{_ABOUT[kind]}\nTo put it to use:\n" + "".join(f"  {line}\n" for line in todo)
    if directory is not None:
        return written(directory, made, document, said, output, force=force)
    if output == "json":
        write_json(document)
        return 0
    write("".join(one.text for one in made))
    options = _options(wishes)
    again = shlex.join(["pomhealth", "generate", kind, *options, "--write", where])
    click.echo(f"\n{said}With --write, the file is written: {again}", err=True)
    return 0


def _options(wishes: Wishes) -> list[str]:
    """The wishes as they were given."""
    usual = Wishes()
    job = ["--job", wishes.job] if wishes.job != usual.job else []
    url = ["--docs-url", wishes.docs_url] if wishes.docs_url else []
    return [*job, *url, *(["--operator"] if wishes.operator else [])]

"""What `pomhealth check` prints of a real replica whose Envoy hangs and whose configuration is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from markdown_it import MarkdownIt

from tests.report.test_width import misfits
from tests.standin import RunningReplica, StandIn

WIDTHS = {"": 80, "60": 60, "80": 80, "120": 100}


def check(replica: RunningReplica, *arguments: str, columns: str = "") -> str:
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    run = subprocess.run(
        [sys.executable, "-m", "pomhealth", "check", "--pid", str(replica.pid), *arguments],
        env={**environment, "POMHEALTH_SETTINGS": os.devnull, **({"COLUMNS": columns} if columns else {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stderr) == (1, "")
    return run.stdout


def test_it_fits_as_text_in_every_width_and_is_whole_as_markdown(standin: StandIn) -> None:
    replica = standin(storage="postgres")
    replica.write_config(replica.config_path.read_text() + "\nno: [\n")
    os.kill(replica.envoy_pid(), signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(2) as both:
            texts = dict(
                zip(WIDTHS, both.map(lambda width: check(replica, columns=width), WIDTHS), strict=True)
            )
        told = check(replica, "-o", "markdown")
    finally:
        os.kill(replica.envoy_pid(), signal.SIGCONT)
    for columns, text in texts.items():
        assert misfits(text, WIDTHS[columns]) == []
        assert "envoy.server" in text
    assert told.startswith("# ❌ Not ready: `envoy.server` (stopped)\n")
    assert f"`kill -CONT {replica.envoy_pid()}`" in told
    tokens = [token.type for token in MarkdownIt("gfm-like").parse(told)]
    assert {"table_open", "ordered_list_open"} <= set(tokens)
    assert "link_open" not in tokens

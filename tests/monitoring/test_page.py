"""docs/monitoring.md says what is so."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from pomhealth.catalogue import catalogue
from pomhealth.generate.defaults import project_files
from pomhealth.generate.monitoring import whole
from pomhealth.generate.monitoring.causes import Holds
from tests.acceptance.test_demo_faults import ONLY_TELLS, STOPS_TRAFFIC
from tests.tools import promtool

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")


def test_promtool_accepts_the_configuration_of_the_page(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n# prometheus.yml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "prometheus.yml").write_text(block)
    (tmp_path / "pomhealth-rules.yaml").write_text(project_files()["deploy/prometheus/pomhealth-rules.yaml"])
    command = [str(promtool()), "check", "config", str(tmp_path / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{sum(len(check.causes) for check in catalogue()) + len(_whole())} rules found" in done.stdout


def test_the_page_has_each_alert_that_belongs_to_no_cause_with_its_severity() -> None:
    rows = dict(re.findall(r"^\| `(Pomhealth\w+)` \| ([\w ]+) \|", PAGE, re.MULTILINE))
    assert rows.keys() == _whole().keys()
    assert {name: told for name, told in rows.items() if told != "by its gate"} == {
        name: severity for name, severity in _whole().items() if "{{" not in severity
    }


def test_the_page_counts_the_faults_that_a_real_prometheus_sees() -> None:
    assert f"{len(STOPS_TRAFFIC) + len(ONLY_TELLS)} faults are made" in PAGE


def _whole() -> dict[str, str]:
    groups = whole.groups("pomhealth", "", Holds())
    return {alert.name: alert.labels["severity"] for group in groups for alert in group.alerts}

"""`pomhealth generate prometheus` and `pomhealth generate grafana`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pomhealth.cli.main import run
from pomhealth.generate.defaults import project_files
from tests.tools import promtool

RULES, BOARD = "deploy/prometheus/pomhealth-rules.yaml", "deploy/grafana/pomhealth.json"


def generate(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit status, and what is printed on standard output and standard error."""
    status = run(["generate", *words])
    said = capsys.readouterr()
    return status, said.out, said.err


def alerts(text: str) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


@pytest.mark.parametrize(("kind", "path"), [("prometheus", RULES), ("grafana", BOARD)])
def test_it_prints_the_projects_own_file_and_what_comes_next(
    kind: str, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = generate(capsys, kind)
    assert (status, out) == (0, project_files()[path])
    assert "To put it to use:" in err
    assert f"pomhealth generate {kind} --write /" in err


def test_promtool_accepts_the_projects_rules() -> None:
    done = subprocess.run(
        [promtool(), "check", "rules", "/dev/stdin"],
        input=project_files()[RULES],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_it_writes_and_leaves_what_differs_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "rules"
    assert generate(capsys, "prometheus", "--write", str(place))[0] == 0
    file = place / "pomhealth-rules.yaml"
    assert file.read_text() == project_files()[RULES]
    file.write_text("mine")
    status, out, err = generate(capsys, "prometheus", "--write", str(place))
    assert (status, out, file.read_text()) == (1, "", "mine")
    assert "--force replaces it" in err
    assert generate(capsys, "prometheus", "--write", str(place), "--force")[0] == 0
    assert file.read_text() == project_files()[RULES]


def test_links_lead_where_the_operator_says_and_the_job_is_his(capsys: pytest.CaptureFixture[str]) -> None:
    url = "https://docs.example.com/pomhealth/{{x}}/"
    _, out, err = generate(capsys, "prometheus", "--docs-url", url, "--job", 'a "b"')
    links = {rule["alert"]: rule["annotations"].get("runbook_url", "") for rule in alerts(out)}
    assert links["PomhealthXdsClusterRejected"] == (
        'https://docs.example.com/pomhealth/{{ "{{" }}x}}/docs/checks.md#xdscluster'
    )
    expressions = {rule["alert"]: rule["expr"] for rule in alerts(out)}
    assert expressions["PomhealthAgentDown"] == 'up{job="a \\"b\\""} == 0'
    assert "--job 'a \"b\"' --docs-url" in err


def test_for_the_operator_the_same_groups_are_a_prometheus_rule(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, err = generate(capsys, "prometheus", "--operator")
    document = yaml.safe_load(out)
    assert (document["apiVersion"], document["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert document["spec"] == yaml.safe_load(project_files()[RULES])
    assert "kubectl -n monitoring apply -f pomhealth-rules.yaml" in err


def test_in_json_stand_the_files_and_what_comes_next(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = generate(capsys, "grafana", "-o", "json")
    document = json.loads(out)
    assert (status, document["kind"]) == (0, "grafana")
    assert document["files"][0]["text"] == project_files()[BOARD]
    assert document["next"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["grafana", "--operator"], "--operator is not for grafana: it is for prometheus"),
        (["systemd", "--job", "x"], "--job is not for systemd: it is for prometheus"),
        (["prometheus", "--pid", "1"], "--pid is not for prometheus: it is for systemd,"),
        (["prometheus", "--docs-url", "docs"], "--docs-url 'docs' is no address of a page"),
    ],
)
def test_an_option_that_a_kind_does_not_know_is_wrong_usage(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = generate(capsys, *words)
    assert (status, out, err.count("\n")) == (64, "", 1)
    assert err.startswith(f"Error: {says}")


def test_it_needs_no_replica_and_no_right(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pomhealth", "generate", "prometheus"],
        cwd=tmp_path,
        env={"PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, project_files()[RULES])


def test_a_template_gives_out_the_catalogues_braces_as_they_are() -> None:
    """promtool's tests of each cause compare the whole text; here are the braces themselves."""
    texts = [text for rule in alerts(project_files()[RULES]) for text in rule["annotations"].values()]
    assert any('{{ "{{" }}.HostConfig.Dns}}' in text for text in texts)

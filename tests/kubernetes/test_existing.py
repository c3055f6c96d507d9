"""The agent is added to a Deployment that is there already: its probes and hooks give way, everything else stays."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kubernetes.manifests import (
    ROOT,
    Object,
    build,
    container,
    kustomize,
    merged,
    one,
    pod_of,
    read,
    real_build,
)
from tests.kubernetes.test_manifests import VERSIONS, invalid

# As people have it: the replica's own health server asked, a pause before the end, an init container, a neighbour.
EXISTING: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "pomerium", "namespace": "proxies", "labels": {"team": "platform"}},
    "spec": {
        "replicas": 5,
        "selector": {"matchLabels": {"app": "pomerium"}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "50%"}},
        "template": {
            "metadata": {"labels": {"app": "pomerium"}},
            "spec": {
                "terminationGracePeriodSeconds": 60,
                "initContainers": [{"name": "wait", "image": "busybox", "command": ["true"]}],
                "containers": [
                    {"name": "logs", "image": "logs"},
                    {
                        "name": "pomerium",
                        "image": "pomerium/pomerium:v0.32.9",
                        "args": ["--config=/pomerium/config.yaml"],
                        "ports": [{"name": "https", "containerPort": 443}],
                        "volumeMounts": [{"name": "config", "mountPath": "/pomerium"}],
                        "lifecycle": {
                            "preStop": {"exec": {"command": ["/busybox/sleep", "30"]}},
                            "postStart": {"exec": {"command": ["/bin/true"]}},
                        },
                        "startupProbe": {
                            "httpGet": {"path": "/startupz", "port": 28080},
                            "periodSeconds": 15,
                        },
                        "livenessProbe": {"tcpSocket": {"port": 443}, "initialDelaySeconds": 15},
                        "readinessProbe": {
                            "httpGet": {"path": "/readyz", "port": 28080, "scheme": "HTTP"},
                            "initialDelaySeconds": 15,
                            "periodSeconds": 60,
                        },
                    },
                ],
                "volumes": [{"name": "config", "configMap": {"name": "pomerium"}}],
            },
        },
    },
}
PATCH = ROOT / "components" / "agent" / "deployment.yaml"
OURS = pod_of(build(ROOT))


@pytest.fixture(scope="module")
def added() -> Object:
    result: Object = merged(EXISTING, read(PATCH))
    return result


@pytest.mark.parametrize("version", VERSIONS)
def test_what_comes_of_it_is_valid(added: Object, version: str) -> None:
    assert invalid(EXISTING, version) == ""
    assert invalid(added, version) == ""


def test_its_probes_and_its_hook_are_the_agents_with_nothing_left_of_its_own(added: Object) -> None:
    theirs, ours = container(pod_of([added]), "pomerium"), container(OURS, "pomerium")
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert theirs[name] == ours[name]
    assert theirs["lifecycle"]["preStop"] == ours["lifecycle"]["preStop"]
    assert set(theirs["lifecycle"]["preStop"]) == {"httpGet"}


def test_everything_else_stays(added: Object) -> None:
    before, after = copy.deepcopy(EXISTING), copy.deepcopy(added)
    pod_of([before])["spec"]["containers"].reverse()  # what is patched comes first; the order means nothing
    for each in (before, after):
        spec = pod_of([each])["spec"]
        for changed in ("terminationGracePeriodSeconds", "shareProcessNamespace"):
            spec.pop(changed, None)
        spec["initContainers"] = [one for one in spec["initContainers"] if one["name"] != "pomhealth"]
        spec["volumes"] = [one for one in spec["volumes"] if one["name"] != "pomhealth-cache"]
        for changed in ("startupProbe", "livenessProbe", "readinessProbe"):
            del container({"spec": spec}, "pomerium")[changed]
        del container({"spec": spec}, "pomerium")["lifecycle"]["preStop"]
    assert before == after


def test_the_agent_is_the_one_that_the_projects_own_deployment_has(added: Object) -> None:
    assert container(pod_of([added]), "pomhealth") == container(OURS, "pomhealth")


@pytest.mark.skipif(kustomize() is None, reason="there is neither kustomize nor kubectl")
def test_kustomize_makes_the_same_of_it(added: Object, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "components", tmp_path / "components")
    (tmp_path / "yours.yaml").write_text(yaml.safe_dump(EXISTING))
    (tmp_path / "kustomization.yaml").write_text("resources: [yours.yaml]\ncomponents: [components/agent]\n")
    assert one(real_build(tmp_path), "Deployment") == added

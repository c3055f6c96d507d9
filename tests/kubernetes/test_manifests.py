"""The manifests are such as an API server takes, and name one another rightly. What they are for is tested next door."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest

from pomhealth.catalogue import catalogue
from pomhealth.generate.monitoring.rules import Wishes
from pomhealth.publish.message import Request
from pomhealth.publish.routes import answer
from pomhealth.publish.view import View
from pomhealth.status import StatusMap
from tests.kubernetes.manifests import (
    ROOT,
    Object,
    build,
    container,
    kustomizations,
    kustomize,
    one,
    pod_of,
    read,
    real_build,
)
from tests.kubernetes.podmonitor import complaints

# The first release in which native sidecars need no feature gate (KEP-753), and the newest of which there is a schema.
VERSIONS = ("1.29", kubernetes_validate.latest_version())
NAMES = ("pomhealth", "pomerium")  # the containers
EVERYTHING = """
kind: Kustomization
apiVersion: kustomize.config.k8s.io/v1beta1
resources: [../kubernetes]
components: [../kubernetes/components/monitoring]
"""


def everything() -> list[Object]:
    """All that there is to apply, the optional parts too."""
    return [*build(ROOT), *(read(file) for file in (ROOT / "components" / "monitoring").glob("[!k]*.yaml"))]


def standard() -> list[Object]:
    """What the API server itself knows."""
    return [each for each in everything() if each["kind"] != "PodMonitor"]


def invalid(thing: Object, version: str) -> str:
    """What an API server of this version would say; "" where it takes it."""
    try:
        kubernetes_validate.validate(thing, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return str(error.message)
    return ""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "thing", standard(), ids=lambda thing: f"{thing['kind']}-{thing['metadata']['name']}"
)
def test_each_object_is_valid_and_has_no_field_that_the_api_does_not_know(
    thing: Object, version: str
) -> None:
    assert invalid(thing, version) == ""
    assert invalid({**thing, "metadata": {**thing["metadata"], "nonsense": 1}}, version)


def test_the_pod_monitor_has_only_fields_of_its_definition() -> None:
    monitor = one(everything(), "PodMonitor", "pomhealth")
    assert complaints(monitor) == []
    wrong = copy.deepcopy(monitor)
    wrong["spec"]["podMetricsEndpoints"][0]["intervall"] = "15s"
    assert complaints(wrong)


def test_the_pod_monitor_scrapes_what_the_agent_serves_under_the_job_that_the_rules_know() -> None:
    (endpoint,) = one(everything(), "PodMonitor", "pomhealth")["spec"]["podMetricsEndpoints"]
    asked = Request("GET", endpoint["path"], (), "", keep=True, body=False)
    assert answer(asked, View(StatusMap(), catalogue())).status == 200
    assert {"targetLabel": "job", "replacement": Wishes().job} in endpoint["relabelings"]


@pytest.mark.parametrize("kustomization", kustomizations(), ids=lambda path: path.parent.name)
def test_each_kustomization_lists_files_that_are_there_and_all_that_lie_beside_it(
    kustomization: Path,
) -> None:
    said = read(kustomization)
    listed = {*said.get("resources", ()), *(patch["path"] for patch in said.get("patches", ()))}
    beside = {file.name for file in kustomization.parent.glob("*.yaml")} - {"kustomization.yaml"}
    assert beside == {name for name in listed if name.endswith(".yaml")}
    for name in [*listed, *said.get("components", ())]:
        assert (kustomization.parent / name).exists()


@pytest.mark.skipif(kustomize() is None, reason="there is neither kustomize nor kubectl")
def test_kustomize_makes_of_them_what_these_tests_look_at(tmp_path: Path) -> None:
    def sorted_(objects: list[Object]) -> list[Object]:
        return sorted(objects, key=lambda each: (each["kind"], each["metadata"]["name"]))

    assert sorted_(real_build(ROOT)) == sorted_(build(ROOT))

    shutil.copytree(ROOT, tmp_path / "kubernetes")
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    (overlay / "kustomization.yaml").write_text(EVERYTHING)
    made = {(each["kind"], each["metadata"]["name"]) for each in real_build(overlay)}
    assert made == {(each["kind"], each["metadata"]["name"]) for each in everything()}


def test_every_selector_finds_the_pods_and_every_port_that_is_named_is_there() -> None:
    objects = everything()
    pod = pod_of(objects)
    labels = pod["metadata"]["labels"].items()
    ports = {port["name"]: port["containerPort"] for name in NAMES for port in container(pod, name)["ports"]}
    for selector in (
        one(objects, "Deployment")["spec"]["selector"]["matchLabels"],
        one(objects, "Service")["spec"]["selector"],
        one(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        one(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        one(objects, "NetworkPolicy", "pomhealth-metrics")["spec"]["podSelector"]["matchLabels"],
        one(objects, "PodMonitor", "pomhealth")["spec"]["selector"]["matchLabels"],
        pod["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    ):
        assert selector.items() <= labels
    served = {port["targetPort"] for port in one(objects, "Service")["spec"]["ports"]}
    let_in = {port["port"] for port in one(objects, "NetworkPolicy")["spec"]["ingress"][0]["ports"]}
    assert served == let_in == {"https", "http"}
    assert served <= set(ports)
    scraped = one(objects, "PodMonitor", "pomhealth")["spec"]["podMetricsEndpoints"][0]["port"]
    to_prometheus = one(objects, "NetworkPolicy", "pomhealth-metrics")["spec"]["ingress"]
    assert [port["port"] for rule in to_prometheus for port in rule["ports"]] == [ports[scraped]]
    assert all(rule["from"] for rule in to_prometheus)


def test_no_secret_and_no_configuration_is_in_them_only_their_names() -> None:
    objects = everything()
    assert not {"Secret", "ConfigMap"} & {each["kind"] for each in objects}
    pod = pod_of(objects)
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    assert container(pod, "pomerium")["envFrom"] == [{"secretRef": {"name": "pomerium"}}]
    assert volumes["tls"]["secret"]["secretName"] == "pomerium-tls"
    assert volumes["config"]["configMap"] == {"name": "pomerium"}


def test_the_pods_keep_to_the_restricted_pod_security_standard() -> None:
    """As an admission controller judges it: what is said of the pod holds for a container that says nothing."""
    spec = pod_of(build(ROOT))["spec"]
    assert not any(spec.get(host) for host in ("hostNetwork", "hostPID", "hostIPC"))
    assert all({*volume} - {"name"} <= {"configMap", "secret", "emptyDir"} for volume in spec["volumes"])
    for name in NAMES:
        each = container({"spec": spec}, name)
        own: dict[str, Any] = {**spec["securityContext"], **each["securityContext"]}
        assert own["runAsNonRoot"] is True
        assert own["runAsUser"] == own["runAsGroup"] == 65532
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert own["seccompProfile"] == {"type": "RuntimeDefault"}
        assert own["readOnlyRootFilesystem"] is True
        assert not any("hostPort" in port for port in each["ports"])


def test_the_agent_alone_keeps_to_it_in_a_deployment_that_says_nothing_of_its_pods() -> None:
    own = container(pod_of(build(ROOT)), "pomhealth")["securityContext"]
    assert own["runAsNonRoot"] is True
    assert own["seccompProfile"] == {"type": "RuntimeDefault"}


def test_whatever_a_container_writes_to_is_a_volume() -> None:
    pod = pod_of(build(ROOT))
    writable = {volume["name"] for volume in pod["spec"]["volumes"] if "emptyDir" in volume}
    for name, variables in (
        ("pomhealth", ("POMHEALTH_CACHE_DIR",)),
        ("pomerium", ("TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME")),
    ):
        each = container(pod, name)
        mounts = [Path(mount["mountPath"]) for mount in each["volumeMounts"] if mount["name"] in writable]
        said = {variable["name"]: Path(variable["value"]) for variable in each["env"]}
        for variable in variables:
            assert any(said[variable].is_relative_to(mount) for mount in mounts), variable

"""The project's manifests, put together: by a small kustomize of the tests' own, and by the real one where there is one.

The small one knows what these files need: resources, components, the namespace, and strategic merge patches whose
lists are merged by name. A test holds it against the real one.
"""

from __future__ import annotations

import copy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2] / "kubernetes"
KNOWN = {"apiVersion", "kind", "namespace", "resources", "components", "patches"}
# Lists that are merged entry by entry: the API's patchMergeKey is `name` in each (k8s.io/api/core/v1/types.go).
_BY_NAME = {"containers", "initContainers", "volumes", "env"}
_BY_PATH = {"volumeMounts"}

Object = dict[str, Any]


def read(file: Path) -> Object:
    loaded: Object = yaml.safe_load(file.read_text(encoding="utf-8"))
    return loaded


def build(directory: Path) -> list[Object]:
    """What the kustomization in this directory makes."""
    return _add([], directory)


def real_build(directory: Path) -> list[Object]:
    """The same by the real kustomize, wherever the directory lies."""
    command = kustomize()
    assert command is not None
    done = subprocess.run([*command, str(directory)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def kustomize() -> list[str] | None:
    """The command that builds, of either program that has it; None where there is neither."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    return None


def kustomizations() -> list[Path]:
    return sorted(ROOT.rglob("kustomization.yaml"))


def one(objects: list[Object], kind: str, name: str = "pomerium") -> Object:
    (found,) = (each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name)
    return found


def pod_of(objects: list[Object]) -> Object:
    """The Deployment's pod: metadata and spec."""
    pod: Object = one(objects, "Deployment")["spec"]["template"]
    return pod


def container(pod: Object, name: str) -> Object:
    """A container of the pod, an init container among them."""
    both = [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]
    (found,) = (each for each in both if each["name"] == name)
    return found  # type: ignore[no-any-return]


def merged(into: Any, patch: Any, key: str = "") -> Any:
    """A strategic merge patch applied. Pure."""
    if isinstance(patch, dict):
        said = {name: value for name, value in patch.items() if name != "$patch"}
        base = into if isinstance(into, dict) and patch.get("$patch") != "replace" else {}
        result = {name: value for name, value in base.items() if said.get(name, ...) is not None}
        for name, value in said.items():
            if value is not None:
                result[name] = merged(base.get(name), value, name)
        return result
    if isinstance(patch, list) and isinstance(into, list) and key in _BY_NAME | _BY_PATH:
        by = "mountPath" if key in _BY_PATH else "name"
        there = {each[by]: each for each in into}
        return [*(merged(there.pop(each[by], {}), each) for each in patch), *there.values()]
    return copy.deepcopy(patch)


def _add(objects: list[Object], directory: Path) -> list[Object]:
    said = read(directory / "kustomization.yaml")
    assert set(said) <= KNOWN, f"{directory}: something that the tests' kustomize does not know"
    made = [*objects]
    for name in said.get("resources", ()):
        made += build(directory / name) if (directory / name).is_dir() else [read(directory / name)]
    for name in said.get("components", ()):
        made = _add(made, directory / name)
    for patch in said.get("patches", ()):
        made = _patched(made, read(directory / patch["path"]), **patch["target"])
    if "namespace" in said:
        made = [merged(each, {"metadata": {"namespace": said["namespace"]}}) for each in made]
    return made


def _patched(objects: list[Object], patch: Object, kind: str, name: str) -> list[Object]:
    target = one(objects, kind, name)
    return [merged(each, patch) if each is target else each for each in objects]

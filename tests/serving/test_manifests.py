"""What is handed to Kubernetes, Compose and the CI passes the strictest reading of their own schemas."""

import shutil
import subprocess
import sys
from typing import Any

import kubernetes_validate
import pytest
import yaml

from config.launcher.place import ROOT

KUBERNETES = ROOT / "deploy" / "kubernetes"
VERSION = "1.37"
# What is laid over others, or says how: no objects of the cluster.
NO_OBJECTS = {"kustomization.yaml", "pod.yaml"}


def check(objects: list[dict[str, Any]]) -> None:
    for one in objects:
        kubernetes_validate.validate(one, VERSION, strict=True)


@pytest.mark.parametrize("folder", ["base", "staging", "production"])
def test_every_object_in_the_files_is_valid(folder: str) -> None:
    files = [file for file in sorted((KUBERNETES / folder).glob("*.yaml")) if file.name not in NO_OBJECTS]
    assert files
    check([one for file in files for one in yaml.safe_load_all(file.read_text())])


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "namespace"), [("staging", "walker-staging"), ("production", "walker-production")])
def test_every_rendered_object_is_valid(folder: str, namespace: str) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is missing: nothing renders the manifests")
    command = [kubectl, "kustomize", str(KUBERNETES / folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr
    objects = list(yaml.safe_load_all(done.stdout))
    check(objects)
    kinds = [one["kind"] for one in objects]
    assert {"Deployment", "Job", "ConfigMap", "Ingress", "NetworkPolicy", "Namespace"} <= set(kinds)
    assert {one["metadata"].get("namespace", namespace) for one in objects} == {namespace}


def test_property_that_kubernetes_does_not_have_is_found() -> None:
    (service, *_) = yaml.safe_load_all((KUBERNETES / "base" / "services.yaml").read_text())
    service["spec"]["portz"] = []
    with pytest.raises(kubernetes_validate.ValidationError):
        check([service])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("vendor.compose-spec", "deploy/compose/compose.yaml"),
        ("vendor.github-workflows", ".github/workflows/check.yml"),
        ("custom.github-workflows-require-timeout", ".github/workflows/check.yml"),
    ],
)
def test_compose_and_workflow_are_valid(schema: str, file: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(ROOT / file)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr

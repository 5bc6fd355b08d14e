"""A round of calls by the client that openapi-generator makes of our description; skipped where it can't be had."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from pytest_django.live_server_helper import LiveServer

from tests.api.conftest import _no_broker, live_office
from tests.api.office import KIND, Office
from tests.conformance.conftest import TOOLS

__all__ = ["_no_broker", "live_office"]
pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]
PACKAGE = "openapi-generator-cli==7.26.0"


@pytest.fixture(scope="session")
def generator() -> list[str]:
    """The command of the generator, installed once; skipped without Java or where it can't be."""
    java = shutil.which("java")
    if java is None:
        pytest.skip("Java is missing: no openapi-generator")
    given = os.environ.get("WALKER_OPENAPI_GENERATOR")
    folder = Path(given) if given else TOOLS / "openapi-generator"
    program = folder / "openapi_generator_cli" / "openapi-generator.jar"
    if not program.exists():
        install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder), PACKAGE]
        done = subprocess.run(install, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            pytest.skip("openapi-generator can't be installed here")
    return [java, "-jar", str(program)]


def test_its_client_requests_lists_approves_and_reads_an_error(
    generator: list[str],
    tmp_path: Path,
    live_office: Office,
    live_server: LiveServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = tmp_path / "schema.json"
    document.write_text(json.dumps(SchemaGenerator().get_schema(request=None, public=True), default=str))
    options = ["-g", "python", "-i", str(document), "-o", str(tmp_path), "--package-name", "made_by_java"]
    done = subprocess.run([*generator, "generate", *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    monkeypatch.syspath_prepend(str(tmp_path))
    made = importlib.import_module("made_by_java")

    def api(role: str) -> Any:
        client = made.ApiClient(made.Configuration(host=live_server.url))
        client.set_default_header("Authorization", f"Bearer {live_office.key(role)}")
        return made.ApprovalsApi(client)

    body = made.ProposalRequest.from_dict({"kind": KIND, "params": {"campaign": "Winter", "budget": "120.00"}})
    asked = api("support").approvals_create(body)
    assert asked.state == "pending"
    assert asked.id in {row.id for row in api("approver").approvals_list().results}
    with pytest.raises(made.ApiException) as stale:
        api("approver").approvals_approve(asked.id, made.VerdictRequest(digest="0" * 64))
    assert (stale.value.status, json.loads(stale.value.body)["code"]) == (409, "stale_digest")
    signed = api("approver").approvals_approve(asked.id, made.VerdictRequest(digest=asked.digest, reason="Fine"))
    assert signed.state == "approved"
    assert api("viewer").approvals_retrieve(asked.id).state == "approved"

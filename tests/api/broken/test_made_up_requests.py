"""Thousands of made-up requests from the description, with malformed bodies among them.

No 500, nothing undocumented, no malformed body accepted, no foreign row touched or shown.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from pytest_django.live_server_helper import LiveServer

from core.tenancy.scope import tenant_scope
from integrations.services import connect_provider
from tests.agents.langflow.langflow_fixture import Langflow, langflow
from tests.api.office import PHONE, Office
from tests.edge.platform_fixture import ACME_TOKEN, GLOBEX_TOKEN, Platform
from tests.security.rows import changed, snapshot, tenant_models
from tests.world import OPERATOR

__all__ = ["langflow"]

TOOL = Path(sys.executable).parent / "schemathesis"
ROOT = Path(__file__).resolve().parents[3]
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,no_foreign_row,"
    "no_malformed_body"
)
# Which rows a parameter may name, where it has not the name of the row itself.
NAMED = {"switch_id": "switch", "account_id": "account", "call_id": "call", "assignee": "approver", "user": "support"}
# Tests of what stands outside: a model for longer than the tool waits, a receiver of the audit log that is none.
NOTHING_OUTSIDE = (
    "--exclude-path=/api/v1/model-routes/{route_id}/test/",
    "--exclude-path=/api/v1/audit-destinations/{destination_id}/test/",
)
pytestmark = [
    pytest.mark.long,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not TOOL.exists(), reason="schemathesis is not installed"),
    # The tool hangs up on answers it does not need.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def attack(
    place: Path, url: str, secret: str, told: dict[str, str], phases: str = "examples,coverage,fuzzing", *more: str
) -> str:
    """Run the tool with a key and what its hooks are told, in a folder for its notes, and return what it says."""
    # Read here: a busy machine draws it up in more than the ten seconds that the tool waits.
    schema = place / "schema.yaml"
    schema.write_bytes(httpx2.get(f"{url}/api/schema/", timeout=120).raise_for_status().content)
    command = [str(TOOL), "run", str(schema), "--url", url, "-H", f"Authorization: Bearer {secret}", "--checks", CHECKS]
    # Four runs of three minutes.
    options = ["--phases", phases, "--max-examples", "25", "--max-time", "180", "--no-color", *more]
    done = subprocess.run(
        [*command, *options, "--suppress-health-check", "all"],
        cwd=place,
        env={**os.environ, **told, "SCHEMATHESIS_HOOKS": "tests.api.broken.made_up", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    return done.stdout + done.stderr


def told(office: Office, foreign: set[str], words: Sequence[str] = ()) -> dict[str, str]:
    """Return what the hooks are told: Acme's rows to ask for, and what no answer may hold."""
    ids = {f"{name}_id": [str(ref)] for name, ref in office.ids.items()}
    ids |= {name: [str(ref)] for name, ref in office.ids.items()}
    ids |= {name: [str(office.ids[row])] for name, row in NAMED.items()}
    ids["object_id"] = [str(office.ids["approval"]), str(office.ids["conversation"])]
    return {
        "MADE_UP_IDS": json.dumps(ids),
        "MADE_UP_FOREIGN": json.dumps(sorted(foreign)),
        "MADE_UP_WORDS": json.dumps(list(words)),
    }


def ids_of(tenant_id: UUID) -> set[str]:
    """Return the ids of all rows of a tenant."""
    with tenant_scope(tenant_id):
        return {str(pk) for model in tenant_models() for pk in model._default_manager.values_list("pk", flat=True)}


def assert_clean(said: str) -> None:
    """Fail with the tool's findings; a run that tested nothing is none."""
    tested = re.search(r"Tested: (\d+)", said)
    assert tested, said
    assert int(tested[1]) > 30
    assert "= FAILURES =" not in said, said[said.index("= FAILURES =") :][:4000]


@pytest.fixture
def open_office(live_office: Office, sandbox: Platform, langflow: Langflow, settings: Any) -> Office:
    """The office without a limit, where the systems outside that an operation needs are connected and answer."""
    settings.API_REQUESTS_PER_MINUTE = settings.TENANT_REQUESTS_PER_MINUTE = 10**9
    world = live_office.world
    for tenant, token in ((world.globex, GLOBEX_TOKEN), (world.acme, ACME_TOKEN)):
        with tenant_scope(tenant.pk):
            connect_provider(actor=OPERATOR, provider="sandbox_ads", name="demo", credentials={"token": token})
            server = langflow.connect()
    live_office.ids["server"] = server.pk
    return live_office


@pytest.mark.parametrize("role", ["owner", "viewer"])
def test_made_up_requests_get_described_answers(
    live_server: LiveServer, open_office: Office, role: str, tmp_path: Path
) -> None:
    foreign = ids_of(open_office.world.globex.pk)
    secret, knows = open_office.key(role), told(open_office, foreign)
    phases = "examples,coverage,fuzzing"
    assert_clean(attack(tmp_path, live_server.url, secret, knows, phases, NOTHING_OUTSIDE[1]))


def test_malformed_bodies_are_refused(live_server: LiveServer, open_office: Office, tmp_path: Path) -> None:
    writing = (f"--include-method={method}" for method in ("POST", "PUT", "PATCH"))
    knows = told(open_office, ids_of(open_office.world.globex.pk))
    url, secret = live_server.url, open_office.key("owner")
    assert_clean(attack(tmp_path, url, secret, knows, "fuzzing", "--mode=negative", *NOTHING_OUTSIDE, *writing))


def test_made_up_requests_of_another_tenant_touch_and_show_nothing(
    live_server: LiveServer, open_office: Office, tmp_path: Path
) -> None:
    acme = open_office.world.acme.pk
    with tenant_scope(acme):
        before = snapshot()
    foreign = ids_of(acme) | {str(person.pk) for person in open_office.world.people.values()}
    secret = open_office.outsider().headers["Authorization"].removeprefix("Bearer ")
    words = [PHONE, "Ana García", "very secret"]
    assert_clean(attack(tmp_path, live_server.url, secret, told(open_office, foreign, words)))
    with tenant_scope(acme):
        assert changed(before, snapshot()) == set()

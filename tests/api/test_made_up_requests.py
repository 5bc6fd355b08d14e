"""Thousands of made-up requests from the description: no 500, no undocumented answer, no foreign row touched."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from core.scope import tenant_scope
from tests.api.office import Office
from tests.security.rows import changed, snapshot

TOOL = Path(sys.executable).parent / "schemathesis"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
pytestmark = [
    pytest.mark.long,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not TOOL.exists(), reason="schemathesis is not installed"),
    # The tool hangs up on answers it does not need.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def attack(place: Path, url: str, secret: str) -> str:
    """Run the tool with a key, in a folder for its notes, and return what it says."""
    command = [str(TOOL), "run", f"{url}/api/schema/", "-H", f"Authorization: Bearer {secret}", "--checks", CHECKS]
    # Three runs of three minutes: the whole profile stays below ten.
    options = ["--phases", "examples,coverage,fuzzing", "--max-examples", "25", "--max-time", "180", "--no-color"]
    done = subprocess.run(
        [*command, *options, "--suppress-health-check", "all"],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    return done.stdout + done.stderr


def assert_clean(said: str) -> None:
    """Fail with the tool's findings; a run that tested nothing is none."""
    tested = re.search(r"Tested: (\d+)", said)
    assert tested, said
    assert int(tested[1]) > 30
    assert "= FAILURES =" not in said, said[said.index("= FAILURES =") :][:4000]


@pytest.fixture
def _without_limit(settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 10**9


@pytest.mark.parametrize("role", ["owner", "viewer"])
@pytest.mark.usefixtures("_without_limit")
def test_made_up_requests_get_described_answers(
    live_server: LiveServer, live_office: Office, role: str, tmp_path: Path
) -> None:
    assert_clean(attack(tmp_path, live_server.url, live_office.key(role)))


@pytest.mark.usefixtures("_without_limit")
def test_made_up_requests_of_another_tenant_touch_nothing(
    live_server: LiveServer, live_office: Office, tmp_path: Path
) -> None:
    with tenant_scope(live_office.world.acme.pk):
        before = snapshot()
    assert_clean(
        attack(tmp_path, live_server.url, live_office.outsider().headers["Authorization"].removeprefix("Bearer "))
    )
    with tenant_scope(live_office.world.acme.pk):
        assert changed(before, snapshot()) == set()

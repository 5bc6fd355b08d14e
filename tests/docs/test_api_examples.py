"""The examples of the page about the API are run as they stand there."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from core.tenancy.scope import tenant_scope
from hitl.models import Approval
from integrations.services import connect_provider
from tests.api.office import Office, build_office
from tests.edge.platform_fixture import ACME_TOKEN, Platform
from tests.world import OPERATOR, World

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "use-the-api.md").read_text()
HERE = "http://127.0.0.1:8000"


def blocks(kind: str) -> list[str]:
    """Return the page's examples in a language."""
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def live_office(committed_world: World, sandbox: Platform, monkeypatch: pytest.MonkeyPatch) -> Office:
    """An organisation with the sandbox marketing platform."""
    from config.celery import app

    monkeypatch.setattr(app.conf, "broker_url", "memory://")
    with tenant_scope(committed_world.acme.pk):
        connect_provider(actor=OPERATOR, provider="sandbox_ads", name="Sandbox", credentials={"token": ACME_TOKEN})
    return build_office(committed_world)


def run(command: list[str], script: str, url: str, **more: str) -> str:
    """Run an example against the live server; it fails as a program would."""
    environment = {**os.environ, **more}
    done = subprocess.run(
        [*command, script.replace(HERE, url)], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def answers(said: str) -> list[Any]:
    """Return the JSON documents that curl printed one after another."""
    found, reader, at = [], json.JSONDecoder(), 0
    while at < len(said):
        document, at = reader.raw_decode(said, at)
        found.append(document)
        at += len(said[at:]) - len(said[at:].lstrip())
    return found


def test_examples_with_curl_do_what_the_page_says(live_server: LiveServer, live_office: Office) -> None:
    with tenant_scope(live_office.world.acme.pk):
        waiting = Approval.objects.get(pk=live_office.ids["approval"])
    keys = {"WALKER_KEY": live_office.key("support"), "APPROVER_KEY": live_office.key("approver")}
    known = {**keys, "ID": str(waiting.pk), "DIGEST": waiting.digest}
    listed, made, read, approved, done = answers(run(["bash", "-ec"], blocks("sh")[0], live_server.url, **known))
    assert [one["id"] for one in listed["results"]] == [str(waiting.pk)]
    assert (made["state"], made["id"] != read["id"]) == ("pending", True)
    assert (read["id"], approved["state"], done) == (str(waiting.pk), "approved", {"next": None, "results": []})


def test_request_with_curl_is_made_by_who_may_ask(live_server: LiveServer, live_office: Office) -> None:
    asking = blocks("sh")[0].split("# Read it")[0]
    known = {"WALKER_KEY": live_office.key("support")}
    first, second = (answers(run(["bash", "-ec"], asking, live_server.url, **known))[-1] for _ in range(2))
    assert first["state"] == "pending"
    assert first["id"] == second["id"]


def test_examples_with_python_run(live_server: LiveServer, live_office: Office) -> None:
    script = blocks("python")[0]
    run([sys.executable, "-c"], script, live_server.url, WALKER_KEY=live_office.key("approver"))
    stream = blocks("python")[1].replace("        time.sleep(5)", "        break")
    said = run([sys.executable, "-c"], script + stream, live_server.url, WALKER_KEY=live_office.key("approver"))
    assert re.search(r"^\d+ approval\.opened BR-\d+ pending$", said, flags=re.MULTILINE)


def test_personal_data_is_shown_after_a_reveal(live_server: LiveServer, live_office: Office) -> None:
    start = blocks("sh")[0].split("# Requests that wait")[0]
    reveal = blocks("sh")[1]
    known = {"WALKER_KEY": live_office.key("owner"), "ID": str(live_office.ids["conversation"])}
    grant, messages = answers(run(["bash", "-ec"], start + reveal, live_server.url, **known))
    assert grant["fields"] == ["messages"]
    assert messages["results"][0]["clear"] is True

"""Our PagerDuty client and its stand-in before the vendor's own description; skipped and counted without it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator

from integrations.pagerduty.client import EventOutcome, send_event
from standins.pagerduty.seed import routing_key
from tests.conformance.conftest import SPECS
from tests.edge.standin_process import end, launch

pytestmark = pytest.mark.long
SHARED = "a secret of the tests"
KEY = routing_key("acme", SHARED)
GOOD: dict[str, Any] = {
    "routing_key": KEY,
    "event_action": "trigger",
    "dedup_key": "a-1",
    "payload": {"summary": "Messages wait", "source": "walker", "severity": "critical"},
}


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    """The vendor's description of the Events API, version 2."""
    path = Path(SPECS) / "pagerduty_events_v2.json"
    if not SPECS or not path.exists():
        pytest.skip("WALKER_SPECS holds no pagerduty_events_v2.json: the vendor's description is not here")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def judge(description: dict[str, Any], *place: str) -> Draft202012Validator:
    """Return what says whether a body is as the description wants it."""
    reference = "/".join(("#", *(part.replace("/", "~1") for part in place)))
    return Draft202012Validator(
        {"components": description["components"], "paths": description["paths"], "$ref": reference}
    )


@pytest.fixture
def asked(description: dict[str, Any]) -> Draft202012Validator:
    return judge(description, "paths", "/enqueue", "post", "requestBody", "content", "application/json", "schema")


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    found, process = launch("pagerduty", tmp_path, "--public=http://127.0.0.1:1", SANDBOX_PAGERDUTY_TOKEN=SHARED)
    yield found
    end(process)


def test_what_our_client_sends_is_what_the_description_wants(
    url: str, asked: Draft202012Validator, description: dict[str, Any], settings: Any
) -> None:
    assert description["servers"][0]["url"].endswith("/v2")
    assert "post" in description["paths"]["/enqueue"]
    settings.PAGERDUTY_API_BASE = url
    moment = "2026-11-24T10:00:00+00:00"
    payload = {**GOOD["payload"], "timestamp": moment, "custom_details": {"level": "9"}}
    links = [{"href": "https://walker.example/", "text": "Open in Walker"}]
    for action in ("trigger", "acknowledge", "resolve"):
        more = {"payload": payload, "links": links} if action == "trigger" else {}
        assert send_event(routing_key=KEY, action=action, dedup_key="a-1", **more) == EventOutcome()
    events = httpx2.get(f"{url}/__view", trust_env=False).json()["services"][0]["events"]
    assert len(events) == 3
    for event in events:
        assert list(asked.iter_errors({**event["body"], "routing_key": KEY})) == []


def test_stand_in_answers_as_described_and_takes_the_descriptions_own_example(
    url: str, asked: Draft202012Validator, description: dict[str, Any]
) -> None:
    success, failure = (
        judge(description, "components", "responses", name, "content", "application/json", "schema")
        for name in ("Success", "Error")
    )
    request = description["paths"]["/enqueue"]["post"]["requestBody"]["content"]["application/json"]
    (example,) = request["examples"].values()

    def send(body: Any) -> Any:
        return httpx2.post(f"{url}/v2/enqueue", json=body, trust_env=False)

    for body in (GOOD, {**example["value"], "routing_key": KEY}):
        assert list(asked.iter_errors(body)) == []
        answer = send(body)
        assert (answer.status_code, list(success.iter_errors(answer.json()))) == (202, [])
    for change in (
        {"event_action": "shout"}, {"payload": {**GOOD["payload"], "severity": "dreadful"}},
        {"payload": {"summary": "x", "severity": "info"}}, {"links": [{"text": "x"}]},
    ):  # fmt: skip
        assert list(asked.iter_errors({**GOOD, **change})) != []  # what the description refuses ...
        answer = send({**GOOD, **change})
        assert (answer.status_code, list(failure.iter_errors(answer.json()))) == (400, [])  # ... the stand-in does too
    for rule in ({"do": "429"}, {"do": "fail", "status": 500}):
        httpx2.post(f"{url}/__script", json={"match": "POST /v2/enqueue", **rule}, trust_env=False)
        assert list(failure.iter_errors(send(GOOD).json())) == []

"""The sandbox PagerDuty takes, joins and refuses events as the Events API does, and fails as it is told."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from standins.pagerduty.seed import routing_key
from tests.edge.standin_process import end, launch

SHARED = "a secret of the tests"
KEY = routing_key("acme", SHARED)
PAYLOAD = {"summary": "Messages wait", "source": "walker", "severity": "critical"}


@dataclass(frozen=True)
class Pager:
    """A running stand-in."""

    url: str

    def call(self, method: str, path: str, json: Any = None) -> Any:
        """Make one request."""
        return httpx2.request(method, self.url + path, json=json, trust_env=False, timeout=20)

    def send(self, action: str, key: str = "a-1", **more: Any) -> Any:
        """Send an event."""
        body = {"routing_key": KEY, "event_action": action, "dedup_key": key, "payload": PAYLOAD, **more}
        return self.call("POST", "/v2/enqueue", {name: value for name, value in body.items() if value is not None})

    def acme(self) -> dict[str, Any]:
        """Return what Acme's service has seen."""
        found: dict[str, Any] = self.call("GET", "/__view").json()["services"][0]
        return found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pager]:
    folder: Path = tmp_path_factory.mktemp("pagerduty")
    url, process = launch("pagerduty", folder, "--public=http://127.0.0.1:1", SANDBOX_PAGERDUTY_TOKEN=SHARED)
    yield Pager(url)
    end(process)


@pytest.fixture
def pager(running: Pager) -> Pager:
    """The stand-in without a past."""
    assert running.call("POST", "/__reset").status_code == 200
    return running


@pytest.mark.slow
def test_events_of_a_key_are_one_incident_until_it_is_resolved(pager: Pager) -> None:
    for action in ("trigger", "trigger", "acknowledge", "resolve", "resolve", "trigger"):
        answer = pager.send(action)
        assert answer.status_code == 202
        assert answer.json() == {"status": "success", "message": "Event processed", "dedup_key": "a-1"}
    pager.send("acknowledge", "never-began")
    service = pager.acme()
    assert [(one["dedup_key"], one["state"]) for one in service["incidents"]] == [
        ("a-1", "triggered"), ("a-1", "resolved"),
    ]  # fmt: skip
    assert len(service["events"]) == 7
    made = pager.send("trigger", dedup_key=None).json()["dedup_key"]
    assert len(made) == 32
    assert KEY not in pager.call("GET", "/__view").text
    assert "Sandbox PagerDuty" in pager.call("GET", "/").text


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"routing_key": "f" * 32}, "Invalid routing key"),
        ({"routing_key": None}, "Invalid routing key"),
        ({"event_action": "shout"}, "event_action"),
        ({"payload": None}, "'payload' is missing"),
        ({"payload": {**PAYLOAD, "summary": " "}}, "payload.summary"),
        ({"payload": {**PAYLOAD, "summary": "x" * 1025}}, "at most 1024"),
        ({"payload": {**PAYLOAD, "severity": "dreadful"}}, "payload.severity"),
        ({"event_action": "resolve", "dedup_key": None}, "dedup_key"),
        ({"dedup_key": "x" * 256}, "at most 255"),
        ({"links": [{"text": "nowhere"}]}, "links"),
    ],
)
def test_wrong_events_are_refused_and_change_nothing(pager: Pager, more: dict[str, Any], words: str) -> None:
    answer = pager.send("trigger", **more)
    assert (answer.status_code, answer.json()["status"]) == (400, "invalid event")
    assert words in " ".join(answer.json()["errors"])
    assert (pager.acme()["events"], pager.acme()["incidents"]) == ([], [])


@pytest.mark.slow
def test_failures_are_scripted_in_the_vendors_format(pager: Pager) -> None:
    for rule in ({"do": "429", "retry_after": 7}, {"do": "fail", "status": 500}, {"do": "fail", "status": 400}):
        pager.call("POST", "/__script", {"match": "POST /v2/enqueue", **rule})
    answers = [pager.send("trigger") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [429, 500, 400, 202]
    assert answers[0].headers["Retry-After"] == "7"
    assert all(set(answer.json()) >= {"status", "message"} for answer in answers)

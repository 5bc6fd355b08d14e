"""What a scrape holds after everything that is counted has happened: names of the code, and nobody's data."""

import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.testing import WebsocketCommunicator
from django.core.cache import cache
from django.core.signals import request_finished
from django.db import close_old_connections, connection
from django.test import AsyncRequestFactory, Client
from django.test.utils import CaptureQueriesContext
from prometheus_client import Counter, Histogram, Metric
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from agents.llm.ports import REJECTED, Emit, Model, ModelFailed, ToolSpec, Turn
from agents.llm.routes.calls import OneCall, Place
from agents.llm.routes.candidates import of_route
from agents.llm.routes.models import ModelRoute
from config.asgi import application, pages
from conversations import services as conversations
from conversations.services import Draft, Sender
from core import tasks
from core.http import OutgoingHttp, Patience
from core.observability import metrics
from core.reliability import kept
from tests.agents.conftest import Desk, open_desk
from tests.edge.platform_fixture import Platform
from tests.structure.source import app_files
from tests.world import World

CANARY = "canary-anna@example.test"
NAME = r"[a-z][a-z0-9_]{0,59}"
OUTCOMES = "answered|refused|limited|failed|not_sent|no_answer|cut|stopped"
SHAPES: dict[str, str] = {
    "route": r"static|none|[A-Za-z][\w.:-]{0,119}",
    "method": "GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|other",
    "status": "[1-5]xx",
    "code": r"1\d{3}|44\d{2}|other",
    "channel": NAME,
    "direction": "in|out",
    "task": r"[a-z_]+(?:\.[a-z_]+)+",
    "result": "succeeded|failed|retried|refused|answered|waiting|ended|hit|miss",
    "trigger": "message|approval|uncertain",
    "provider": NAME,
    "outcome": NAME,
    "reason": NAME,
    "cache": "shared|process",
    "answer": NAME,
    "category": "application|user|integration",
    "queue": "high|default|low|models|webhooks",
    "consumer": r"[a-z][\w.-]{0,59}",
    "check": NAME,
    "part": "web|worker|models|webhooks|beat|other",
    "version": r"\d+\.\d+\.\d+",
    "le": r"\+Inf|\d+\.\d+",
}
"""Every label that a metric of ours may have, and the shape of its values."""
BESIDE = ("python_", "process_")
"""Metrics of the process itself, from Prometheus' library."""


class Speaker(Model):
    """Says one word, then fails if it is told to."""

    key = "speaker"

    def __init__(self, fails: str = "") -> None:
        self.fails = fails

    def turn(self, lines: Any, tools: Iterable[ToolSpec], *, prompt: str, emit: Emit) -> Turn:
        emit("Hello")
        if self.fails:
            raise ModelFailed(self.fails)
        return Turn("Hello")


@pytest.fixture
def desk(acme: World, sandbox: Platform) -> Desk:
    return open_desk(acme, sandbox)


def ask(path: str, method: str = "GET") -> int:
    """Ask the web server's handler, in this thread, so that the test sees its statements."""
    answer = async_to_sync(pages.get_response_async)(AsyncRequestFactory().generic(method, path))
    request_finished.disconnect(close_old_connections)  # as Django's own test client does
    answer.close()
    request_finished.connect(close_old_connections)
    return answer.status_code


def hang_up_on_a_stranger() -> int:
    async def call() -> int:
        socket = WebsocketCommunicator(application, "/ws/console/", [(b"host", b"localhost")])
        await socket.connect(timeout=20)
        while (said := await socket.receive_output(20))["type"] != "websocket.close":
            pass
        await socket.disconnect()
        code: int = said["code"]
        return code

    # In a thread: Channels closes the connection of the one that it works in.
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(async_to_sync(call)).result()


def samples(client: Client) -> dict[str, float]:
    """Return the numbers of a scrape by name and labels."""
    return {_title(sample.name, sample.labels): sample.value for one in scrape(client) for sample in one.samples}


def scrape(client: Client) -> list[Metric]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return list(text_string_to_metric_families(answer.content.decode()))


def _title(name: str, labels: dict[str, str]) -> str:
    return f"{name} {' '.join(labels[label] for label in sorted(labels))}".strip()


@pytest.fixture(autouse=True)
def _open(settings: Settings) -> None:
    settings.METRICS_WITHOUT_TOKEN = True


def happen(desk: Desk, who: str = "visitor") -> None:
    """Let one of everything that is counted happen, with words that no metric may repeat."""
    assert ask(f"/{CANARY}/") == 404
    assert ask("/healthz", CANARY.upper()) == 403
    assert ask("/healthz") == 200
    assert ask("/admin/login/") == 200
    assert ask("/static/console/api.css") == 200
    assert hang_up_on_a_stranger() >= 4400
    message = desk.receive(f"I am {CANARY}", who)
    assert desk.work(message)
    draft = Draft(text=CANARY, sender=Sender(type="person"))
    conversations.reply(actor=desk.world.actor("support"), conversation_id=message.conversation_id, draft=draft)
    tasks.run_sweeps.apply(args=([CANARY],))
    line = OutgoingHttp(f"http://{CANARY.partition('@')[2]}:1", patience=Patience(1, 1, 1), provider="site")
    line.request("GET", f"/{CANARY}")
    route = ModelRoute(name=CANARY, model=CANARY, provider="openai", is_free=True, base_url="http://127.0.0.1:1/")
    for fails in ("", REJECTED):
        candidate = replace(of_route(route), route_id=None, make=lambda fails=fails: Speaker(fails))
        with suppress(ModelFailed):
            OneCall(candidate, Place(), (), None, None).ask((), (), prompt=CANARY, emit=len, request=CANARY)
    cache.get(CANARY)
    kept.forget()
    for _ in range(2):
        kept.keep(list, CANARY)


@pytest.mark.django_db
@pytest.mark.slow
def test_everything_is_counted_under_names_of_the_code(client: Client, desk: Desk) -> None:
    before = samples(client)
    happen(desk)
    found = scrape(client)
    after = {_title(one.name, one.labels): one.value for family in found for one in family.samples}
    counted = {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name)}
    assert {name: counted.get(name) for name in EXPECTED} == EXPECTED
    assert counted["walker_agent_runs_total answered message"] == 1
    assert counted["walker_cache_reads_total process hit"] >= 1
    assert counted["walker_cache_reads_total shared miss"] >= 1
    assert counted["walker_messages_total webchat out"] >= 1
    assert counted["walker_tasks_total succeeded core.tasks.run_sweeps"] == 1
    known = {f"{name}{end}" for name, metric in registered().items() for end in ENDINGS[type(metric)]}
    strange = [
        (sample.name, label, value)
        for family in found
        if not family.name.startswith(BESIDE)
        for sample in family.samples
        for label, value in sample.labels.items()
        if not re.fullmatch(SHAPES.get(label, "(?!)"), value)
    ]
    assert strange == []
    assert {sample.name for family in found for sample in family.samples if family.type != "gauge"} <= known | {
        sample.name for family in found if family.name.startswith(BESIDE) for sample in family.samples
    }
    text = client.get("/metrics").content.decode().lower()
    secrets = [CANARY, "canary", str(desk.world.acme.pk), desk.world.acme.pk.hex, desk.world.acme.slug]
    secrets += [person.email for person in desk.world.people.values()]
    assert [word for word in secrets if str(word) in text] == []


ENDINGS: dict[type, tuple[str, ...]] = {
    Counter: ("_total", "_created"),
    Histogram: ("_bucket", "_sum", "_count", "_created"),
}
EXPECTED: dict[str, float] = {
    "walker_http_requests_total GET none 4xx": 1,
    "walker_http_requests_total other healthz 4xx": 1,
    "walker_http_requests_total GET healthz 2xx": 1,
    "walker_http_requests_total GET admin:login 2xx": 1,
    "walker_http_requests_total GET static 2xx": 1,
    "walker_http_request_seconds_count admin:login": 1,
    "walker_sockets_opened_total console": 1,
    "walker_messages_total webchat in": 1,
    "walker_provider_calls_total not_sent site": 1,
    "walker_provider_call_seconds_count site": 1,
    "walker_model_calls_total answered openai": 1,
    "walker_model_calls_total refused openai": 1,
    "walker_model_call_seconds_count openai": 2,
    "walker_first_token_seconds_count openai": 2,
}


def registered() -> dict[str, Counter | Histogram]:
    """Return the counters and histograms that the product has made."""
    found = [one for one in metrics.REGISTRY._collector_to_names if isinstance(one, Counter | Histogram)]
    return {one._name: one for one in found}


def test_labels_of_every_metric_are_among_the_known_ones() -> None:
    found = {label for one in registered().values() for label in one._labelnames}
    assert found - SHAPES.keys() == set()
    assert [one for one in registered() if not one.startswith("walker_")] == []


class _Nothing:
    """A metric that takes all and keeps nothing."""

    def __getattr__(self, name: str) -> Callable[..., "_Nothing"]:
        return lambda *_, **__: self


@pytest.mark.django_db
@pytest.mark.slow
def test_counting_adds_no_statement_to_anything(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def statements(who: str) -> int:
        cache.clear()
        with CaptureQueriesContext(connection) as said:
            happen(desk, who)
        return len(said)

    statements("visitor-1")
    with_them = statements("visitor-2")
    for kind in (Counter, Histogram):
        monkeypatch.setattr(kind, "labels", lambda *_, **__: _Nothing())
    assert with_them == statements("visitor-3") > 20


def test_every_client_names_whom_it_calls() -> None:
    without = []
    for source in app_files():
        for call in source.calls():
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            if name == "OutgoingHttp" and "provider" not in {word.arg for word in call.keywords}:
                without.append(f"{source.path}:{call.lineno}")
    assert without == []

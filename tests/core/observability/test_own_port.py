"""A process serves what it counts at a port of its own, and then no other page counts it again."""

import re
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from config.launcher import ports as tcp
from core.installation.metrics_ports import metrics_ports
from core.observability import exposition, ports

pytestmark = pytest.mark.django_db
COUNTED = "walker_sign_in_failed_total"
MEASURED = "walker_process_info"
OF_INSTALLATION = "walker_outbox_oldest_seconds"


def read(port: int, query: str = "") -> str:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"http://127.0.0.1:{port}/metrics{query}", timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def names(text: str) -> set[str]:
    return set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Let this process serve its metrics, and end that."""
    found = tcp.pick()
    monkeypatch.setenv(ports.AT, f"127.0.0.1 {found}")
    exposition.serve_own()
    yield found
    for server in list(exposition._serving):
        server.shutdown()
    exposition.let_go()


def test_each_number_is_on_one_page(client: Client, port: int, settings: Settings) -> None:
    settings.METRICS_WITHOUT_TOKEN = True
    own, shared = names(read(port)), names(client.get("/metrics").content.decode())
    assert own & shared == set()
    assert {COUNTED, MEASURED, "process_cpu_seconds_total"} <= own
    assert OF_INSTALLATION in shared
    assert names(read(port, f"?name[]={COUNTED}")) == {COUNTED}
    with pytest.raises(urllib.error.HTTPError, match="405"):
        urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/", method="POST"), timeout=10)


def test_page_of_a_web_process_has_everything_that_no_port_has(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.METRICS_WITHOUT_TOKEN = True
    assert {COUNTED, MEASURED, OF_INSTALLATION} <= names(client.get("/metrics").content.decode())
    monkeypatch.setenv(ports.ELSEWHERE, "1")
    found = names(client.get("/metrics").content.decode())
    assert ({MEASURED, OF_INSTALLATION} <= found, COUNTED in found) == (True, False)


def test_page_of_a_web_process_has_what_its_taken_port_cannot_serve(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.METRICS_WITHOUT_TOKEN = True
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        monkeypatch.setenv(ports.AT, f"127.0.0.1 {stranger.getsockname()[1]}")
        exposition.serve_own()
        assert {COUNTED, MEASURED, OF_INSTALLATION} <= names(client.get("/metrics").content.decode())


def test_gauges_of_an_ended_process_are_in_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ports.SHARED, str(tmp_path))
    assert [file.name for file in tmp_path.glob("gauge*")] == []
    assert {family.type for family in exposition.OF_PROCESS.collect()} <= {"gauge", "counter"}


def test_port_that_is_taken_stops_nothing_and_is_named_by_the_doctor(
    port: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.METRICS_AT = ("0.0.0.0", port)
    assert metrics_ports().status == "ok"
    assert f"without a token, on 0.0.0.0 at {port}" in metrics_ports().text
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        taken = stranger.getsockname()[1]
        monkeypatch.setenv(ports.AT, f"127.0.0.1 {taken}")
        exposition.serve_own()
        assert len(exposition._serving) == 1
        settings.METRICS_AT = ("127.0.0.1", taken)
        found = metrics_ports()
    assert (found.status, str(taken) in found.text) == ("warning", True)
    assert metrics_ports().status == "ok"


def test_silent_scraper_holds_nobody_up(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)):
        assert COUNTED in read(port)

"""The checks of core, each green and red on real services."""

import base64
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.checks.registry import registry
from django.test import Client
from pytest_django import Settings
from redis import Redis

from accounts.models import Membership
from core import clock
from core.installation import address, servers, state
from core.installation.registry import well
from core.observability import health, processes
from core.tenancy.scope import tenant_scope
from tests.edge.certificates import make_certificate
from tests.edge.ports import free_port
from tests.world import World

HERE = "https://walker.example"


@pytest.fixture
def _public(settings: Settings) -> None:
    """An installation that others reach."""
    settings.PUBLIC_URL, settings.IS_HTTPS = HERE, True
    settings.ALLOWED_HOSTS = ["walker.example"]


@pytest.mark.parametrize(
    ("check", "changed", "status", "word"),
    [
        (address.demo, {}, "ok", "off"),
        (address.demo, {"WALKER_DEMO": True}, "failure", "demo is on"),
        (address.demo, {"WALKER_DEMO": True, "PUBLIC_URL": "http://127.0.0.1:8000"}, "warning", "demo is on"),
        (address.stand_ins, {"SANDBOX_ADS_URL": ""}, "ok", "No sandbox"),
        (address.stand_ins, {"SANDBOX_ADS_URL": "http://127.0.0.1:5"}, "failure", "SANDBOX_ADS_URL"),
        (address.stand_ins, {"TWILIO_API_BASE": "http://twilio.example"}, "failure", "TWILIO_API_BASE"),
        (address.stand_ins, {"SIGN_IN_WITH": {"github": {"api": "http://127.0.0.1:5"}}}, "failure", "GITHUB_API_BASE"),
        (address.stand_ins, {"SIGN_IN_WITH": {"github": {"base": "http://gh.test"}}}, "failure", "GITHUB_LOGIN_BASE"),
        (address.hosts, {}, "ok", "1 named"),
        (address.hosts, {"ALLOWED_HOSTS": ["walker.example", "*"]}, "failure", "other names"),
        (address.hosts, {"ALLOWED_HOSTS": [".walker.example"]}, "failure", "other names"),
        (address.hosts, {"ALLOWED_HOSTS": ["localhost"]}, "failure", "lacks walker.example"),
        (address.public_url, {}, "ok", "https"),
        (address.public_url, {"PUBLIC_URL": "http://walker.example"}, "failure", "isn't an https"),
        (address.public_url, {"PUBLIC_URL": "https://me:secret@walker.example"}, "failure", "isn't an https"),
        (address.public_url, {"PUBLIC_URL": "http://[::1]:8000"}, "warning", "of this machine"),
        (address.certificate, {"PUBLIC_URL": "http://walker.example"}, "warning", "no certificate"),
        (address.proxies, {"TRUSTED_PROXIES": []}, "warning", "names none"),
        (address.proxies, {"TRUSTED_PROXIES": [], "IS_HTTPS": False}, "ok", "none is needed"),
        (address.proxies, {"TRUSTED_PROXIES": ["10.0.0.1", "10.42.0.0/16"]}, "ok", "2 proxies"),
        (address.proxies, {"TRUSTED_PROXIES": ["proxy"]}, "failure", "no address"),
        (address.proxies, {"TRUSTED_PROXIES": ["0.0.0.0/0"]}, "failure", "every address"),
    ],
)
@pytest.mark.usefixtures("_public")
def test_settings_of_a_production_are_judged(
    settings: Settings, check: Any, changed: dict[str, Any], status: str, word: str
) -> None:
    for name in dir(settings):
        if name.startswith("SANDBOX_") or name.endswith(address.ADDRESS_ENDINGS):
            setattr(settings, name, "")
    for name, value in changed.items():
        setattr(settings, name, value)
    found = check()
    assert (found.status, word in found.text, bool(found.next_step)) == (status, True, status != "ok")
    assert "secret" not in found.text + found.next_step


@contextmanager
def tls_server(place: Path, days: float) -> Iterator[int]:
    """Serve with a certificate for `localhost` that ends in so many days; yields the port."""
    certificate, key = make_certificate(place, days=days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("days", "trusted", "status", "word"),
    [
        (90, True, "ok", "for 90 more days"),
        (14, True, "warning", "for 14 more days"),
        (3, True, "failure", "for 3 more days"),
        (-0.5, True, "failure", "expired"),
        (90, False, "failure", "isn't trusted"),
    ],
)
def test_certificate_is_read_from_the_server(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: float, trusted: bool, status: str,
    word: str,
) -> None:  # fmt: skip
    with tls_server(tmp_path, days) as port:
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        settings.PUBLIC_URL = f"https://localhost:{port}"
        found = address.certificate()
    assert (found.status, word in found.text) == (status, True), found


def test_server_that_is_away_is_a_failure_of_the_certificate(settings: Settings) -> None:
    settings.PUBLIC_URL = f"https://localhost:{free_port()}"
    assert "can't reach localhost" in address.certificate().text


@pytest.mark.django_db
def test_role_of_the_tests_may_do_its_work_alone() -> None:
    assert servers.database_role().status == "ok"


@pytest.mark.django_db
def test_time_limits_are_compared_with_the_settings(settings: Settings) -> None:
    assert servers.database_limits().status == "ok"
    settings.DATABASE_LIMITS = {**settings.DATABASE_LIMITS, "lock_timeout": timedelta(seconds=7)}
    found = servers.database_limits()
    assert (found.status, "lock_timeout" in found.text, "7000" in found.text) == ("warning", True, True)


@pytest.mark.django_db
def test_connections_that_processes_may_open_are_compared_with_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert servers.database_connections().status == "ok"
    for number in range(20):
        monkeypatch.setattr("socket.gethostname", lambda number=number: f"web-{number}")
        processes.note("web")
    assert servers.database_connections().status == "failure"


def test_redis_that_evicts_is_a_failure(redis_client: Redis) -> None:
    held: Any = redis_client.config_get("maxmemory-policy")
    assert servers.redis_memory().status == "ok"
    try:
        redis_client.config_set("maxmemory-policy", "allkeys-lru")
        found = servers.redis_memory()
    finally:
        redis_client.config_set("maxmemory-policy", held["maxmemory-policy"])
    assert (found.status, "allkeys-lru" in found.text) == ("failure", True)


def test_way_to_redis_on_another_machine_is_to_be_encrypted(settings: Settings) -> None:
    assert servers.redis_access().status == "ok"
    # The same server, under a name of no machine.
    settings.BROKER_URL = settings.CACHE_URL = settings.REDIS_URL.replace("127.0.0.1", "127.1")
    settings.LAYER_URLS = [settings.CACHE_URL]
    assert (servers.redis_access().status, "isn't encrypted" in servers.redis_access().text) == ("warning", True)


@pytest.mark.django_db
def test_clocks_that_differ_are_named() -> None:
    assert servers.clocks().status == "ok"
    with clock.at(clock.now() + timedelta(seconds=90)):
        found = servers.clocks()
    assert (found.status, found.text.count("90.") + found.text.count("89.")) == ("failure", 2), found


@pytest.mark.django_db
def test_start_up_checks_are_run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two of them alone: other tests register action kinds that lack parts.
    registered: Any = registry.registered_checks
    ours = {one for one in registered if one.__name__ in ("check_registration", "check_wall")}
    monkeypatch.setattr(registry, "registered_checks", ours)
    assert state.start_up() == well("All 2 start-up checks pass.")
    settings.REGISTRATION = "everybody"
    assert "WALKER_REGISTRATION is not valid (integrations.E004)" in state.start_up().text


@pytest.mark.django_db
def test_readiness_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("worker", "beat"):
        health.note_beat(part)
    assert state.readiness().status == "ok"
    monkeypatch.setitem(health._checks, "elsewhere", lambda: "gone")
    assert (state.readiness().status, "elsewhere: gone" in state.readiness().text) == ("failure", True)


def test_versions_of_processes_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No process" in state.versions().text
    health.keep_beat("web")
    health.keep_beat("beat")
    assert state.versions().status == "ok"
    health.note_beat("worker")  # as versions before did
    assert "worker of an unknown version" in state.versions().text
    monkeypatch.setattr(processes, "VERSION", "0.1.0")
    health.keep_beat("worker")
    assert "1 worker of 0.1.0" in state.versions().text
    with clock.at(clock.now() + timedelta(minutes=2)):  # a machine's clock is its own
        assert "1 worker of 0.1.0" in state.versions().text
    monkeypatch.setattr(processes, "SEEN", -1.0)
    assert "No process" in state.versions().text


@pytest.mark.django_db
def test_web_process_that_is_ready_is_noted(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("worker", "beat"):
        health.note_beat(part)
    with monkeypatch.context() as meanwhile:
        meanwhile.setitem(health._checks, "elsewhere", lambda: "gone")
        assert client.get("/readyz").status_code == 503
    assert processes.running() == []
    assert client.get("/readyz").status_code == 200
    assert [(one.part, one.version) for one in processes.running()] == [("web", processes.VERSION)]


@pytest.mark.django_db
def test_keys_open_stored_values_or_name_the_tables(world: World, settings: Settings) -> None:
    assert state.keys().status == "ok"
    with tenant_scope(world.acme.pk):
        Membership.objects.filter(user=world.people["owner"]).update(signature="Kind regards")
    assert (state.keys().status, "opened 1 stored" in state.keys().text) == ("ok", True)
    settings.WALKER_KEYS = "9:" + base64.b64encode(bytes(32)).decode()
    found = state.keys()
    assert (found.status, "memberships" in found.text, "regards" in found.text) == ("failure", True, False), found


def test_backups_are_not_known_yet() -> None:
    assert (state.backups().status, state.backups().text.startswith("Not known: ")) == ("warning", True)
    assert Path(state.PAGE).is_file()

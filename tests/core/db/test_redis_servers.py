"""Redis in three roles, each at its own address: with TLS, spread over several servers, and with one of them dead."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings
from redis import Redis, RedisError

from config.launcher import ports
from config.launcher.faults import StartError
from config.launcher.servers.redis import binary
from config.servers import redis_address
from core.db.redis_servers import celery_tls, tls_options
from core.installation import servers
from tests.edge.certificates import make_certificate

ROOT = Path(__file__).resolve().parents[3]
PASSWORD = "only:for,a/test"
IN_URL = "only%3Afor%2Ca%2Ftest"
slow = pytest.mark.slow


@dataclass
class Server:
    """A redis-server on this machine, with a password and, with a certificate, TLS alone."""

    folder: Path
    policy: str = "noeviction"
    certificate: tuple[Path, Path] | None = None
    program: Path = field(default_factory=binary)
    port: int = field(default_factory=ports.pick)

    def start(self) -> "Server":
        self.folder.mkdir(exist_ok=True)
        lines = ["bind 127.0.0.1", 'save ""', f'dir "{self.folder}"', f"requirepass {PASSWORD}"]
        lines += [f"maxmemory-policy {self.policy}", f"logfile {self.folder}/log"]
        if self.certificate:
            files = ("tls-cert-file", "tls-key-file")
            lines += [f"port 0\ntls-port {self.port}\ntls-auth-clients no"]
            lines += [f"{name} {path}" for name, path in zip(files, self.certificate, strict=True)]
        else:
            lines.append(f"port {self.port}")
        configuration = self.folder / "redis.conf"
        configuration.write_text("\n".join(lines) + "\n")
        self.process = subprocess.Popen([str(self.program), str(configuration)])
        until = time.monotonic() + 20
        options = {"ssl_cert_reqs": "none"} if self.certificate else {}
        while True:
            try:
                with Redis.from_url(self.url, **options) as link:
                    link.ping()
                return self
            except RedisError:
                assert time.monotonic() < until
                time.sleep(0.05)

    @property
    def url(self) -> str:
        scheme, host = ("rediss", "localhost") if self.certificate else ("redis", "127.0.0.1")
        return f"{scheme}://:{IN_URL}@{host}:{self.port}/0"

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers; all are stopped."""
    started: list[Server] = []

    def one(**options: Any) -> Server:
        started.append(Server(tmp_path / f"redis-{len(started)}", **options))
        return started[-1].start()

    yield one
    for server in started:
        server.stop()


def use(addresses: dict[str, str]) -> dict[str, Any]:
    """Run the product with these addresses, and return what worked in each role."""
    environment = {name: value for name, value in os.environ.items() if name != "REDIS_CA"}
    environment |= {"WALKER_REDIS_PREFIX": "roles", **addresses}
    command = [sys.executable, "-m", "tests.core.db.redis_program"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert IN_URL not in done.stdout + done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_options_are_for_tls_alone_and_always_check_the_certificate() -> None:
    assert tls_options("redis://h", "pem") == {}
    assert celery_tls("redis://h", "pem") is None
    assert tls_options("rediss://h", "") == {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    assert tls_options("rediss://h", "pem")["ssl_ca_data"] == "pem"
    tls = celery_tls("rediss://h", "pem")
    assert tls
    assert (tls["ssl_cert_reqs"].name, tls["ssl_check_hostname"], tls["ssl_ca_data"]) == ("CERT_REQUIRED", True, "pem")


def test_addresses_fall_back_and_wrong_ones_stop_the_start(settings: Settings) -> None:
    assert settings.BROKER_URL == settings.CACHE_URL == settings.REDIS_URL
    assert settings.LAYER_URLS == [settings.REDIS_URL]
    assert redis_address("BROKER_URL", "rediss://h/0") == "rediss://h/0"
    with pytest.raises(StartError, match="BROKER_URL must begin") as problem:
        redis_address("BROKER_URL", "amqp://u:hidden@h")
    assert "hidden" not in str(problem.value)


@slow
def test_each_role_speaks_tls_and_refuses_another_certificate(start: Any, tmp_path: Path) -> None:
    program = shutil.which("redis-server")
    if program is None or not has_tls(program):
        pytest.skip("no redis-server with TLS (Debian: apt-get install redis-server)")
    certificate = make_certificate(tmp_path)
    made = {"program": Path(program), "certificate": certificate}
    broker, cache, one, two = (start(**made) for _ in range(4))
    addresses = {
        "REDIS_URL": "redis://127.0.0.1:1/0",  # nothing is left that would use it
        "BROKER_URL": broker.url,
        "CACHE_URL": cache.url,
        "LAYER_URLS": f"{one.url},{two.url}",
        "REDIS_CA_FILE": str(certificate[0]),
    }
    found = use(addresses)
    assert (found["cache"], found["broker"], found["limits"]) == (5, 1.0, [True, True, False])
    assert len(set(found["layer"])) == 8
    assert found["doctor"] == [
        "Redis asks for a password, on this machine or by TLS.", "Redis throws nothing away that is needed.",
    ]  # fmt: skip
    # The same servers, and nobody who says that they are the right ones.
    other = tmp_path / "other"
    other.mkdir()
    refused = use({**addresses, "REDIS_CA_FILE": str(make_certificate(other)[0])})
    assert refused["cache"].startswith("failed")
    assert refused["broker"].startswith("failed")
    assert refused["layer"] == []
    assert refused["limits"][1] is False
    assert all("doesn't answer" in text for text in refused["doctor"])


@slow
def test_check_names_an_address_that_takes_any_certificate_or_host(
    start: Any, settings: Settings, tmp_path: Path
) -> None:
    program = shutil.which("redis-server")
    if program is None or not has_tls(program):
        pytest.skip("no redis-server with TLS (Debian: apt-get install redis-server)")
    certificate = make_certificate(tmp_path)
    server = start(program=Path(program), certificate=certificate)
    settings.REDIS_CA = certificate[0].read_text()
    settings.BROKER_URL, settings.LAYER_URLS = server.url, [server.url]
    for ending, text in (
        ("?ssl_cert_reqs=none&ssl_check_hostname=false", "The certificate of the Redis of the cache isn't checked."),
        ("?ssl_cert_reqs=none", "The certificate of the Redis of the cache isn't checked."),
        ("?ssl_check_hostname=false", "The host name of the Redis of the cache isn't checked."),
    ):
        settings.CACHE_URL = server.url + ending
        found = servers.redis_access()
        assert (found.status, found.text) == ("failure", text)
        assert "CACHE_URL" in found.next_step


def has_tls(program: str) -> bool:
    """Return True if a redis-server knows TLS: then it says that a certificate is missing, else nothing of it."""
    command = [program, "--port", "0", "--tls-port", str(ports.pick()), "--save", ""]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    return "tls-cert-file" in done.stdout + done.stderr


@slow
def test_check_names_the_one_that_is_dead_or_evicts(start: Any, settings: Settings) -> None:
    broker, cache, one, two = (start(policy=policy) for policy in ("noeviction", "allkeys-lru", *["noeviction"] * 2))
    settings.BROKER_URL, settings.CACHE_URL, settings.LAYER_URLS = broker.url, cache.url, [one.url, two.url]
    assert servers.redis_access().status == servers.redis_memory().status == "ok"  # a cache may evict
    two.stop()
    for check in (servers.redis_access, servers.redis_memory):
        found = check()
        assert (found.status, found.text.count("The Redis of the layer 2 doesn't answer")) == ("failure", 1), found
        assert "broker" not in found.text
        assert "layer 1" not in found.text
        assert (IN_URL in found.text, "LAYER_URLS" in found.next_step) == (False, True)
    with Redis.from_url(broker.url) as link:
        link.config_set("maxmemory-policy", "allkeys-lru")
    with Redis.from_url(cache.url) as link:
        link.config_set("maxmemory-policy", "allkeys-random")
    found = servers.redis_memory()
    assert "of the broker throws keys away" in found.text
    assert "of the cache throws keys away" in found.text
    with Redis.from_url(broker.url) as link:
        link.config_set("requirepass", "")
    settings.BROKER_URL = broker.url.replace(f":{IN_URL}@", "")
    found = servers.redis_access()
    assert "The Redis of the broker accepts connections without a password." in found.text
    assert "BROKER_URL" in found.next_step


@slow
def test_one_dead_server_of_the_layer_takes_its_own_hints_only(start: Any) -> None:
    one, two = start(), start()
    addresses = {"BROKER_URL": one.url, "CACHE_URL": one.url, "LAYER_URLS": f"{one.url},{two.url}"}
    assert len(use(addresses)["layer"]) == 8
    two.stop()
    left = use(addresses)
    assert (left["cache"], left["broker"]) == (5, 2.0)
    assert 0 < len(left["layer"]) < 8

"""Counters of several processes on one page: real processes, one of them ended, one forked."""

import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from django.conf import settings as here
from django.test import Client
from pytest_django import Settings

from config.launcher import parts, ports

pytestmark = pytest.mark.django_db
COUNT = """
import os, sys
from core.observability.metrics import counter
made = counter("walker_parcels", "Parcels that a test sent.", ["kind"]).labels("small")
made.inc()
child = os.fork() if sys.argv[1:] == ["fork"] else None
if child == 0:
    made.inc()
    os._exit(0)
if child:
    os.waitpid(child, 0)
"""


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, "-c", COUNT, *arguments], cwd=here.BASE_DIR, env={**os.environ}, check=True)


@pytest.fixture(autouse=True)
def _shared_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.METRICS_WITHOUT_TOKEN = True  # shows them without a token
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))


@pytest.mark.slow
def test_counts_of_a_worker_are_shown_also_after_it_was_started_again(client: Client) -> None:
    _run()
    assert 'walker_parcels_total{kind="small"} 1.0' in client.get("/metrics").content.decode()
    _run()
    text = client.get("/metrics").content.decode()
    assert 'walker_parcels_total{kind="small"} 2.0' in text
    assert "# HELP walker_parcels_total Parcels that a test sent." in text
    assert "walker_outbox_oldest_seconds" in text


def test_worker_and_its_forked_child_count_apart(client: Client) -> None:
    _run("fork")
    assert 'walker_parcels_total{kind="small"} 2.0' in client.get("/metrics").content.decode()


@pytest.mark.slow
def test_supervisors_process_serves_what_the_others_count(tmp_path: Path) -> None:
    _run()
    port = ports.pick()
    command = [sys.executable, *parts.metrics(port, tmp_path)]
    with subprocess.Popen(command, cwd=here.BASE_DIR) as serving:
        try:
            for _ in range(2):
                until = time.monotonic() + 20
                while ports.is_free("127.0.0.1", port) and time.monotonic() < until:
                    time.sleep(0.05)
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                    found = re.findall(
                        r'^walker_parcels_total\{kind="small"\} (.*)$', answer.read().decode(), re.MULTILINE
                    )
                _run()
        finally:
            serving.terminate()
    assert found == ["2.0"]

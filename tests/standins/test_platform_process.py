"""The sandbox platform as a process: failure script, bad input, restart after a kill."""

import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.edge.platform_fixture import Platform, start_platform
from tests.edge.standin_process import ROOT, end

PAUSE = "/v1/campaigns/cam_1001/pause"


def test_fail_answers_as_scripted_and_changes_nothing(sandbox: Platform) -> None:
    sandbox.script("POST /v1/campaigns", "fail", times=2, status=503)
    assert [sandbox.call("POST", PAUSE).status_code for _ in range(3)] == [503, 503, 200]
    assert len(sandbox.journal()) == 1


def test_429_says_when_to_come_back(sandbox: Platform) -> None:
    sandbox.script("POST /v1/campaigns", "429", retry_after=7)
    answer = sandbox.call("POST", PAUSE)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


@pytest.mark.parametrize(("deed", "effects"), [("drop_before", 0), ("drop_after", 1)])
def test_drop_hangs_up_before_or_after_the_effect(sandbox: Platform, deed: str, effects: int) -> None:
    sandbox.script("POST /v1/campaigns", deed)
    with pytest.raises(httpx2.RemoteProtocolError):
        sandbox.call("POST", PAUSE)
    assert len(sandbox.journal()) == effects


@pytest.mark.slow
def test_stall_after_makes_the_effect_at_once_and_answers_late(sandbox: Platform) -> None:
    sandbox.script("POST /v1/campaigns", "stall_after", seconds=0.5)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(sandbox.call, "POST", PAUSE)
        time.sleep(0.25)
        assert (len(sandbox.journal()), answer.done()) == (1, False)
    assert answer.result().status_code == 200


def test_stall_waits_and_then_makes_the_effect(sandbox: Platform) -> None:
    sandbox.script("POST /v1/campaigns", "stall", seconds=0.3)
    start = time.monotonic()
    assert sandbox.call("POST", PAUSE).status_code == 200
    assert time.monotonic() - start >= 0.3


def test_script_only_touches_what_it_matches(sandbox: Platform) -> None:
    sandbox.script("POST /v1/pages", "fail")
    assert sandbox.call("POST", PAUSE).status_code == 200
    assert sandbox.call("DELETE", "/__script").json() == {"rules": []}


@pytest.mark.parametrize(
    "rule",
    [
        {"match": "POST", "do": "explode"},
        {"do": "fail"},
        {"match": "POST", "do": "fail", "times": 0},
        {"match": "POST", "do": "fail", "status": 200},
        {"match": "POST", "do": "stall", "seconds": -1},
        {"match": "POST", "do": "fail", "extra": 1},
    ],
)
def test_wrong_rule_is_refused(sandbox: Platform, rule: dict[str, object]) -> None:
    assert sandbox.call("POST", "/__script", json=rule).status_code == 422


@pytest.mark.parametrize(
    ("head", "body", "status"),
    [
        ("Content-Length: 3", "{x}", 400),
        ("Content-Length: 2", "[]", 400),
        ("Content-Length: 99999999", "", 413),
        ("Content-Length: x", "", 413),
        ("Transfer-Encoding: chunked", "0\r\n\r\n", 411),
    ],
)
def test_bad_body_is_refused(sandbox: Platform, head: str, body: str, status: int) -> None:
    parts = urlsplit(sandbox.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as line:
        line.sendall(f"POST {PAUSE} HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n{body}".encode())
        assert line.recv(4096).startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.slow
def test_killed_platform_keeps_its_journal_and_keys(tmp_path: Path) -> None:
    running = start_platform(tmp_path)
    path, body = "/v1/campaigns/cam_1001/budget", {"daily_budget": "900"}
    running.call("POST", path, key="k", json=body)
    running.process.kill()
    end(running.process)
    again = start_platform(tmp_path)
    assert again.call("POST", path, key="k", json=body).json()["replayed"] is True
    assert len(again.journal()) == 1
    end(again.process)


def test_platform_is_up_within_a_second(tmp_path: Path) -> None:
    start = time.monotonic()
    running = start_platform(tmp_path)
    assert running.call("GET", "/__health").json()["status"] == "ok"
    assert time.monotonic() - start < 1
    end(running.process)


def test_standins_import_nothing_of_ours() -> None:
    text = "".join(path.read_text() for path in (ROOT / "standins").rglob("*.py"))
    ours = ("django", "core", "hitl", "integrations", "agents", "accounts", "config")
    assert not [name for name in ours if f"import {name}" in text or f"from {name}" in text]


DIES = """
import argparse, sys
from standins import process
from standins.web import StandInHandler, StandInServer

class Dying(StandInServer):
    def serve_forever(self, poll_interval=0.5):
        raise OSError("No space left on device")

given = argparse.Namespace(host="127.0.0.1", port=0, listening=None)
sys.exit(process.serve(lambda: Dying(("127.0.0.1", 0), StandInHandler), given))
"""


def test_one_that_can_not_serve_any_more_ends_and_says_why() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DIES], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, "No space left on device" in done.stderr) == (1, True)

"""A worker killed in the middle of an effect: done once or honestly unknown; a killed web process is back soon."""

import json
import os
import re
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.installation import Installation
from tests.e2e.test_main_job import _ask, _say, _sign_in

pytestmark = [pytest.mark.browser, pytest.mark.long]
WITHIN = 60
STAY = """() => fetch("/admin/moving-on/", {
  method: "POST",
  body: new URLSearchParams({
    after: "decision", on: "no", csrfmiddlewaretoken: document.querySelector("[name=csrfmiddlewaretoken]").value,
  }),
})"""


def _script(installation: Installation, **step: Any) -> None:
    request = urllib.request.Request(  # noqa: S310
        f"{installation.demo['urls']['platform']}__script",
        data=json.dumps(step).encode(),
        headers={"Content-Type": "application/json", "Authorization": "Bearer sandbox-acme"},
    )
    urllib.request.urlopen(request, timeout=5).close()  # noqa: S310


def _kill_worker(installation: Installation) -> None:
    """Kill the worker and its children at once, as the kernel would when memory runs out."""
    worker = installation.child("worker")
    children = Path(f"/proc/{worker}/task/{worker}/children").read_text().split()
    for pid in [worker, *map(int, children)]:
        os.kill(pid, signal.SIGKILL)


def _ask_and_sign(installation: Installation, chromium: Any, sentence: str) -> tuple[Any, str]:
    chat = chromium.new_context().new_page()
    chat.goto(installation.demo["urls"]["chat"])
    reference = _ask(chat, sentence)
    console = _sign_in(chromium, installation, "approver@acme.example")
    # Who likes to stay sees what becomes of a decision; for everyone else the next request opens.
    console.evaluate(STAY)
    console.get_by_role("link", name=re.compile("Approvals")).first.click()
    console.get_by_role("link", name=reference).click()
    console.locator("#vote-approve").click()
    console.get_by_role("button", name=re.compile("^Approve")).click()
    return console, reference


def _wait_for_words(console: Any, words: str) -> None:
    deadline = time.monotonic() + WITHIN
    while not re.search(words, console.locator("main").inner_text()):
        assert time.monotonic() < deadline, console.locator("main").inner_text()
        time.sleep(1)
        console.reload()


def _effects(installation: Installation, resource: str, operation: str) -> int:
    journal = installation.journal("sandbox-acme")
    found = [e for e in journal if e["resource"] == resource and e["operation"] == operation]
    return len(found)


# Killed while the platform has not made the effect yet, and while it has and the worker does not know it.
@pytest.mark.parametrize(
    ("place", "campaign", "ident"),
    [("stall", "Winter Boots", "cam_1004"), ("stall_after", "Brand Search", "cam_1002")],
)
def test_keyed_effect_whose_worker_was_killed_ends_done_with_one_entry(
    installation: Installation, chromium: Any, place: str, campaign: str, ident: str
) -> None:
    before = _effects(installation, f"campaign/{ident}", "set_campaign_budget")
    _script(installation, match="POST /v1/campaigns", times=1, do=place, seconds=4)
    console, _ = _ask_and_sign(installation, chromium, f"Set the daily budget of {campaign} to 640")
    _wait_for_words(console, "Approved and executing")
    _kill_worker(installation)
    _wait_for_words(console, "Approved and executed")
    assert _effects(installation, f"campaign/{ident}", "set_campaign_budget") == before + 1


@pytest.mark.parametrize(
    ("place", "campaign", "ident"),
    [("stall", "Video Awareness", "cam_1007"), ("stall_after", "Retargeting", "cam_1003")],
)
def test_unkeyed_effect_whose_worker_was_killed_ends_unknown_with_one_entry(
    installation: Installation, chromium: Any, place: str, campaign: str, ident: str
) -> None:
    before = _effects(installation, f"campaign/{ident}", "pause_campaign")
    _script(installation, match="POST /v1/campaigns", times=1, do=place, seconds=4)
    console, _ = _ask_and_sign(installation, chromium, f"Pause {campaign}")
    _wait_for_words(console, "Approved and executing")
    _kill_worker(installation)
    _wait_for_words(console, "Outcome unknown")
    assert _effects(installation, f"campaign/{ident}", "pause_campaign") == before + 1


def test_message_accepted_while_no_worker_lives_is_answered(installation: Installation, chromium: Any) -> None:
    chat = chromium.new_context().new_page()
    chat.goto(installation.demo["urls"]["visitor_chat"])
    _kill_worker(installation)
    _say(chat, "What can you do?")
    chat.get_by_text(re.compile("local model|I can", re.I)).last.wait_for(timeout=WITHIN * 1000)


def test_web_process_that_was_killed_answers_again_within_ten_seconds(installation: Installation) -> None:
    os.kill(installation.child("web"), signal.SIGKILL)
    began, url = time.monotonic(), installation.demo["urls"]["visitor_chat"]
    status = 0
    while status != 200 and time.monotonic() - began < WITHIN:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
                status = answer.status
        except OSError:
            time.sleep(0.1)
    took = time.monotonic() - began
    assert status == 200
    # Three processes of a start share the cores: on a busy machine its time says nothing.
    assert took < 10 or os.getloadavg()[0] > (os.cpu_count() or 1), f"{took:.1f} s"

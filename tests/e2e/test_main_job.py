"""The main job as people do it: ask in the chat, sign in the console, see it done once."""

import re
import time
from typing import Any

import pytest

from tests.e2e.installation import Installation

pytestmark = pytest.mark.browser
ASK = "Raise the daily budget of Summer Sale to 900"


def _say(page: Any, text: str) -> None:
    box = page.get_by_role("textbox")
    box.fill(text)
    box.press("Enter")


def _ask(page: Any, text: str) -> str:
    """Say it, and return the reference that the answer names; earlier answers may be on the page."""
    page.locator("walker-chat").get_by_text("Online").wait_for()
    page.wait_for_timeout(500)
    known = set(_references(page))
    _say(page, text)
    deadline = time.monotonic() + 15
    while not (new := [found for found in _references(page) if found not in known]):
        assert time.monotonic() < deadline, page.locator("walker-chat").inner_text()
        time.sleep(0.1)
    return new[0]


def _references(page: Any) -> list[str]:
    answers = page.get_by_text(re.compile(r"This needs approval: BR-\d+")).all_inner_texts()
    return [found for answer in answers for found in re.findall(r"approval: (BR-\d+)", answer)]


def _sign_in(chromium: Any, installation: Installation, email: str) -> Any:
    page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(installation.demo["urls"]["console"])
    page.fill("input[name=username]", email)
    page.fill("input[name=password]", installation.person(email)["password"])
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=re.compile("Hello")).wait_for()
    return page


def _effects(installation: Installation) -> list[Any]:
    return [entry for entry in installation.journal("sandbox-acme") if entry["resource"] == "campaign/cam_1001"]


def _wait_for_effects(installation: Installation, count: int) -> list[Any]:
    deadline = time.monotonic() + 20
    while len(found := _effects(installation)) < count and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def test_request_in_the_chat_signed_in_the_console_is_done_once_and_told(
    installation: Installation, chromium: Any
) -> None:
    chat = chromium.new_context().new_page()
    chat.goto(installation.demo["urls"]["chat"])
    reference = _ask(chat, ASK)

    console = _sign_in(chromium, installation, "approver@acme.example")
    console.get_by_role("link", name=re.compile("Approvals")).first.click()
    console.get_by_role("link", name=reference).click()
    seen = console.locator("main").inner_text()
    assert re.search(r"500\.00 EUR\s.*900\.00 EUR", seen, re.DOTALL), seen
    assert re.search(r"Changes the current value by 80 %", seen), seen
    console.locator("#vote-approve").click()
    console.get_by_role("button", name=re.compile("^Approve")).click()

    [effect] = _wait_for_effects(installation, 1)
    assert effect["after"] == {"daily_budget": "900.00"}
    chat.get_by_text(re.compile(rf"{reference}.*900\.00 EUR")).last.wait_for(timeout=15_000)
    time.sleep(2)
    assert len(_effects(installation)) == 1


def test_anonymous_visitor_who_asks_the_same_is_refused(installation: Installation, chromium: Any) -> None:
    before = len(_effects(installation))
    chat = chromium.new_context().new_page()
    chat.goto(installation.demo["urls"]["visitor_chat"])
    _say(chat, ASK)
    chat.get_by_text(re.compile("Sorry, only signed-in colleagues")).last.wait_for(timeout=15_000)
    assert "BR-" not in chat.locator("body").inner_text()
    assert len(_effects(installation)) == before


def test_page_that_was_offline_is_online_again(installation: Installation, chromium: Any) -> None:
    context = chromium.new_context()
    chat = context.new_page()
    chat.goto(installation.demo["urls"]["visitor_chat"])
    online = chat.locator("walker-chat").get_by_text("Online", exact=True)
    online.wait_for()
    context.set_offline(True)
    online.wait_for(state="hidden")
    context.set_offline(False)
    online.wait_for(timeout=15_000)

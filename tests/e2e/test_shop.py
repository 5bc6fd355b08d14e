"""What a visitor of the demo's shop asks every day, answered from its articles."""

from typing import Any

import pytest

from tests.e2e.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.long]
USUAL = [
    ("How many days do I have to return shoes?", "30 days"),
    ("What does delivery cost?", "delivery"),
    ("When are you open?", "open"),
    ("How can I pay?", "pay"),
    ("Where is my order?", "track"),
    ("Wie lange dauert der Versand?", "Werktag"),
]


def test_usual_questions_are_answered_with_sources_and_an_unknown_one_by_a_person(
    installation: Installation, chromium: Any
) -> None:
    chat = chromium.new_context(viewport={"width": 390, "height": 844}).new_page()
    chat.goto(installation.demo["urls"]["visitor_chat"])
    page = chat.locator("walker-chat")
    page.get_by_text("Online", exact=True).wait_for()
    asked = chat.get_by_role("textbox")
    for number, (question, word) in enumerate(USUAL):
        asked.fill(question)
        asked.press("Enter")
        try: page.locator(".sources").nth(number).wait_for(timeout=20_000)
        except Exception: print("NO SOURCES", question, page.inner_text()[-800:]); break
        answer = page.locator(".sources").nth(number).locator("xpath=..").inner_text()
        print("Q", question, "\nA", answer)

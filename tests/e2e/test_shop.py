"""What a visitor of the demo's shop asks every day, answered from its articles."""

from typing import Any

import pytest

from tests.e2e.installation import Installation
from tests.edge.browser import keep_picture, serious

pytestmark = [pytest.mark.browser, pytest.mark.long]
USUAL = {
    "How many days do I have to return shoes?": "Returns and exchanges",
    "What does delivery cost?": "What delivery costs",
    "When are you open?": "Shops and opening hours",
    "How can I pay?": "How you can pay",
    "Where is my order?": "Where is my order?",
    "Wie lange dauert der Versand?": "Versand und Lieferzeit",
}


@pytest.mark.parametrize("width", [390, 1440])
def test_usual_questions_are_answered_with_their_sources_and_others_by_a_person(
    installation: Installation, chromium: Any, width: int
) -> None:
    chat = chromium.new_context(viewport={"width": width, "height": 900}).new_page()
    chat.goto(installation.demo["urls"]["visitor_chat"])
    page = chat.locator("walker-chat")
    page.get_by_text("Online", exact=True).wait_for()
    asked, sources, told = chat.get_by_role("textbox"), page.locator(".sources"), {}
    for number, question in enumerate(USUAL):
        asked.fill(question)
        asked.press("Enter")
        link = sources.nth(number).get_by_role("link").first
        link.wait_for(timeout=20_000)
        told[question] = link.inner_text().splitlines()[1]  # between its number and its site
    assert told == USUAL
    asked.fill("Can I bring my giraffe to the gala in Reykjavik?")
    asked.press("Enter")
    page.get_by_text("colleague").last.wait_for(timeout=20_000)
    assert sources.count() == len(USUAL)
    for theme in ("light", "dark"):
        chat.emulate_media(color_scheme=theme)
        keep_picture(chat, f"shop-{width}-{theme}")
        assert serious(chat) == []
    assert chat.evaluate("document.documentElement.scrollWidth") <= width

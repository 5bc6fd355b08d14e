"""The sandbox phone's page in a real browser: write, send a file, see the reply and its ticks."""

from pathlib import Path
from typing import Any

import pytest

from channels_app.webhooks import deliveries
from conversations import services
from conversations.messages import delivery
from conversations.models import Attachment, Message
from conversations.services import Draft, Sender
from tests.channels_app.twilio.conftest import Door
from tests.edge.browser import keep_picture
from tests.edge.phone_fixture import Phone, eventually
from tests.world import OPERATOR

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def page(chromium: Any, phone: Phone) -> Any:
    """The page on a phone's screen; a script error fails the test."""
    shown = chromium.new_context(viewport={"width": 390, "height": 780}).new_page()
    errors: list[str] = []
    shown.on("pageerror", lambda error: errors.append(str(error)))
    shown.goto(phone.url)
    shown.get_by_text("Live.").wait_for()
    yield shown
    assert errors == []


def test_what_is_written_comes_in_and_the_reply_is_shown_with_its_ticks(
    page: Any, phone: Phone, open_door: Door
) -> None:
    page.get_by_label("Message", exact=True).fill("Olá 😀")
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("Olá 😀").wait_for()
    eventually(open_door.rows)
    deliveries.dispatch_due_deliveries()
    with open_door.inside():
        asked = Message.objects.get()
        assert asked.body == "Olá 😀"
        reply = services.reply(
            actor=OPERATOR,
            conversation_id=asked.conversation_id,
            draft=Draft(text="Good morning", sender=Sender(type="system")),
        )
        assert delivery.deliver(message_id=reply.pk) == "sent"
    page.get_by_text("Good morning").wait_for()
    page.get_by_title("read").wait_for()
    keep_picture(page, "phone")


def test_chosen_phone_is_named_whole_on_a_narrow_screen(page: Any) -> None:
    chosen = page.get_by_label("Whose phone")
    room = "(box) => { const pen = document.createElement('canvas').getContext('2d'), look = getComputedStyle(box);"
    room += " pen.font = look.font; return box.clientWidth - 60 - pen.measureText(box.selectedOptions[0].text).width; }"
    assert chosen.evaluate(room) > 0
    page.get_by_text("This phone is +44").wait_for()


def test_file_that_is_sent_comes_in(page: Any, phone: Phone, open_door: Door, tmp_path: Path) -> None:
    picture = tmp_path / "receipt.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    page.get_by_label("Send a picture or a file").set_input_files(picture)
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("[file]").wait_for()
    eventually(open_door.rows)
    deliveries.dispatch_due_deliveries()
    with open_door.inside():
        assert Attachment.objects.get().content_type == "image/png"


def test_page_is_no_wider_than_a_phone(page: Any) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

"""Days at the desk in a real browser: by keyboard alone, two people at once, and a line that was cut for a minute."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from conversations.inbox import tags
from conversations.models import Message
from conversations.replies import canned_replies, macros
from conversations.replies.canned_replies import CannedText
from conversations.replies.macros import MacroSettings
from tests.console.scene import Scene, write_in
from tests.console.test_by_keyboard import Opener, faults, opened, scene, web  # noqa: F401
from tests.console.test_live import meanwhile
from tests.edge.cut_proxy import CutProxy
from tests.edge.web_server import Web

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("scene", "web"), pytest.mark.slow]
INBOX = "/admin/inbox/"
TALK = "/admin/conversations/conversation/"
CUT_SECONDS = 60


def equip(scene: Scene) -> None:  # noqa: F811
    """Make a tag, a canned reply and a macro."""

    def work() -> None:
        admin = scene.world.actor("admin")
        tags.create_tag(actor=admin, name="Returns", colour="info")
        wanted = CannedText("hello", "Greeting", "Hello, thank you for waiting.")
        canned_replies.create_canned_reply(actor=admin, wanted=wanted)
        steps = {"note": {"text": "Parcel is lost"}, "priority": {"priority": 3}}
        macros.create_macro(actor=admin, wanted=MacroSettings("Lost parcel", steps))

    meanwhile(scene.world, work)


def test_conversation_is_worked_by_keys_alone(opened: Opener, scene: Scene) -> None:  # noqa: F811
    equip(scene)
    page = opened(f"{INBOX}?view=waiting", role="support")
    press(page, "j", "Enter")
    page.wait_for_url("**conversation=**")
    press(page, "a", "Enter")
    expect(page.locator(".wk-flash", has_text="The conversation is yours.")).to_be_visible()
    press(page, "/")
    expect(page.get_by_role("button", name="/hello Greeting")).to_be_visible()
    page.keyboard.type("hel")
    press(page, "Enter")
    expect(page.locator("#live-reply textarea[name=text]")).to_have_value("Hello, thank you for waiting.")
    press(page, "Control+Enter")
    expect(page.locator(".wk-flash", has_text="Reply sent.")).to_be_visible()
    page.goto(f"{INBOX}?view=mine&conversation={scene.ids['lost']}")
    expect(page.locator(".wk-chat")).to_contain_text("Hello, thank you for waiting.")
    press(page, "t")
    expect(page.get_by_role("checkbox", name="Returns")).to_be_focused()
    press(page, "Space", "Control+Enter")
    expect(page.locator(".wk-flash", has_text="Tags saved.")).to_be_visible()
    expect(page.locator("#live-head")).to_contain_text("Returns")
    press(page, "m")
    expect(page.get_by_role("button", name="Lost parcel")).to_be_focused()
    assert faults(page, "inbox-macros") == []
    press(page, "Enter")
    expect(page.locator("#live-side")).to_contain_text("Parcel is lost")
    expect(page.locator("#live-head")).to_contain_text("Returns")
    press(page, "e", "Enter")
    expect(page.get_by_text("Conversation closed.")).to_be_visible()
    phone = opened(f"{TALK}{scene.ids['conversation']}/", phone=True, role="support")
    phone.locator("summary", has_text="Macros").tap()
    expect(phone.get_by_role("button", name="Lost parcel")).to_be_visible()
    assert faults(phone, "macros-phone") == []
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_two_people_in_one_conversation_see_each_other_and_ask_before_both_answer(
    opened: Opener,  # noqa: F811
    scene: Scene,  # noqa: F811
) -> None:
    pages = {role: opened(f"{TALK}{scene.ids['lost']}/", role=role) for role in ("support", "admin")}
    support, admin = pages["support"], pages["admin"]
    line = support.locator("[data-together]")
    expect(line).to_contain_text("is viewing this too", timeout=15000)
    box = {role: page.locator("#live-reply textarea[name=text]") for role, page in pages.items()}
    box["support"].fill("I look into it.")
    box["admin"].press_sequentially("Your parcel is on its way.")
    expect(line).to_contain_text("is replying", timeout=15000)
    admin.keyboard.press("Control+Enter")
    expect(admin.locator(".wk-chat")).to_contain_text("Your parcel is on its way.")
    box["support"].focus()
    support.keyboard.press("Control+Enter")
    asked = support.get_by_text("replied while you were writing: “Your parcel is on its way.”")
    expect(asked).to_be_visible()
    assert faults(support, "answered-meanwhile") == []
    support.get_by_role("button", name="Send anyway").click()
    expect(support.locator(".wk-chat")).to_contain_text("I look into it.")
    said = list(support.locator(".wk-chat li").all_inner_texts())
    assert sum("I look into it." in one for one in said) == 1
    assert sum("Your parcel is on its way." in one for one in said) == 1


def test_line_that_was_cut_for_a_minute_misses_nothing_and_hears_nothing_twice(
    opened: Opener,  # noqa: F811
    scene: Scene,  # noqa: F811
    web: Web,  # noqa: F811
) -> None:
    proxy, heard = CutProxy(web.port), []
    page = opened("about:blank", role="support")

    def listen(socket: Any) -> None:
        socket.on("framereceived", lambda text: heard.append(json.loads(text)))

    page.on("websocket", listen)
    try:
        page.goto(f"{proxy.url}{TALK}{scene.ids['lost']}/")
        expect(page.locator("#live-state")).to_have_text("Live", timeout=15000)
        words = ["Are you there?", "I wait.", "Hello?"]
        meanwhile(scene.world, lambda: say(scene, words[0]))
        expect(page.locator(".wk-chat")).to_contain_text(words[0], timeout=15000)
        before = numbers(heard)
        with proxy.cut():
            expect(page.locator("#live-state")).to_have_text("Reconnecting", timeout=15000)
            meanwhile(scene.world, lambda: [say(scene, text) for text in words[1:]])  # type: ignore[func-returns-value]
            time.sleep(CUT_SECONDS)
            assert words[1] not in page.locator(".wk-chat").inner_text()
        expect(page.locator(".wk-chat")).to_contain_text(words[2], timeout=30000)
        expect(page.locator("#live-state")).to_have_text("Live")
        turns = page.locator(".wk-chat li").all_inner_texts()
        assert [sum(text in turn for turn in turns) for text in words] == [1, 1, 1]
        meanwhile(scene.world, lambda: say(scene, "Still here."))
        expect(page.locator(".wk-chat")).to_contain_text("Still here.", timeout=15000)
        found = numbers(heard)
        assert len(found) > len(before)
        stored = meanwhile_numbers(scene)
        assert [number for number in stored if number >= found[0]] == found
    finally:
        proxy.close()


def say(scene: Scene, text: str) -> None:  # noqa: F811
    """Let the customer who waits write."""
    account = Message.objects.filter(conversation_id=scene.ids["lost"]).earliest("id").channel_account
    write_in(account, text, value="+34 611 000 111")


def numbers(heard: list[dict[str, Any]]) -> list[int]:
    """Return the numbers of the conversation's messages in the order in which they were heard."""
    return [
        frame["seq"]
        for frame in heard
        if frame.get("event") == "message.received" and frame.get("stream", "").startswith("conversation:")
    ]


def meanwhile_numbers(scene: Scene) -> list[int]:  # noqa: F811
    """Return the numbers of the customer's messages as they are stored."""
    found: list[int] = []

    def read() -> None:
        rows = Message.objects.filter(conversation_id=scene.ids["lost"], direction="in")
        found.extend(rows.order_by("seq").values_list("seq", flat=True))

    meanwhile(scene.world, read)
    return found

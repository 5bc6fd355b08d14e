"""The desk without scripts, from right to left, and as a screen reader meets it."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from analytics.event_store.store import keep
from analytics.figures import consumer
from conversations import services as talk
from conversations.inbox import states
from conversations.messages.inbound import publish_activity
from conversations.models import ChannelAccount, Contact, Conversation, Message
from conversations.services import Draft, Sender
from core.bus import Event
from core.clock import now
from core.ids import uuid7
from tests.console.desk.test_inbox_chat_browser import BOX, INBOX, customers, patience, read
from tests.console.scene import DOOR, Scene, write_in
from tests.console.test_by_keyboard import Opener, faults, opened, scene, web
from tests.console.test_live import meanwhile
from tests.edge.browser import keep_picture

__all__ = ["opened", "patience", "scene", "web"]  # fixtures
pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("scene", "web"), pytest.mark.slow]
ARABIC = "مرحبا، أين طلبي رقم 4711؟ (طلبته أمس)"
NAME = "ليلى حداد"
DIRECTION = "place => getComputedStyle(place).direction"
ASTRAY = """() => {
  const parts = [...document.querySelectorAll("header, .wk-inbox-list, .wk-talk-head, .wk-bubble, .wk-composer")];
  const isAstray = ({ width, left, right }) => width && (left < -1 || right > innerWidth + 1);
  const found = parts.filter((part) => isAstray(part.getBoundingClientRect()));
  return [document.documentElement.scrollWidth - innerWidth, ...found.map((part) => part.className)];
}"""
HEAR = """() => {
  const place = document.getElementById("announcer");
  window.heard = [];
  new MutationObserver(() => { const words = place.textContent.trim(); if (words) heard.push(words); })
    .observe(place, { childList: true, characterData: true, subtree: true });
}"""
LEVELS = """() => [...document.querySelectorAll("h1, h2, h3, h4")].filter((one) => one.checkVisibility())
  .map((one) => Number(one.localName[1]))"""


def test_morning_without_scripts_goes_by_links_and_forms(opened: Opener, scene: Scene) -> None:
    made = customers(scene, 3)[::-1]
    page = opened(INBOX, role="support", scripts=False)
    rows = page.locator(".wk-inbox-rows > li")
    rows.first.locator(".wk-row-link").click()
    for number, pk in enumerate(made):
        expect(page.locator(f"[data-talk='{pk}']")).to_be_visible()
        page.locator(BOX).fill(f"Answer {number}")
        page.locator("#send").click()
    expect(page.locator(".wk-chat")).to_contain_text("Answer 2")

    def sent() -> list[Any]:
        found = Message.objects.filter(conversation__in=made, direction="out").order_by("created_at")
        return [(message.conversation_id, message.masked_body) for message in found]

    assert read(scene, sent) == [(pk, f"Answer {number}") for number, pk in enumerate(made)]
    close_and_undo(page, f"{INBOX}?view=mine&conversation={made[0]}")
    search_and_filter(page)
    page.goto(f"{INBOX}?view=mine")
    for box in page.get_by_role("checkbox", name="Select").all()[:2]:
        box.check()
    page.get_by_role("button", name="Close…").click()
    page.get_by_label("Yes", exact=True).check()
    page.get_by_role("button", name="Close 2 conversations").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Close: 2 of 2 done")
    page.goto(f"{INBOX}?view=mine")
    expect(rows).to_have_count(1)


def close_and_undo(page: Page, place: str) -> None:
    """Close a conversation by its menu, and undo it by the button that is offered then."""
    page.goto(place)
    page.locator("#talk-tools summary", has_text="Close").click()
    page.get_by_label("Yes, the question was answered").check()
    page.locator("form[action*='/close/'] button[type=submit]").click()
    offer = page.locator(".wk-undo", has_text="Conversation closed.")
    expect(offer).to_be_visible()
    offer.get_by_role("button", name="Undo").click()
    expect(page.locator(".wk-flash", has_text="The conversation is open again.")).to_be_visible()
    expect(offer).to_have_count(0)


def search_and_filter(page: Page) -> None:
    """Find a conversation by its words, then none by a filter, then by a filter that names nothing."""
    page.goto(f"{INBOX}?view=mine")
    page.get_by_role("searchbox").fill("order 1")
    page.keyboard.press("Enter")
    expect(page.locator("#h-inbox")).to_contain_text("Search results")
    expect(page.locator(".wk-inbox-rows > li")).to_have_count(1)
    assert "order" not in page.url
    page.goto(f"{INBOX}?view=open")
    page.get_by_role("combobox", name="Channel").select_option("email")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.locator("#live-inbox")).to_contain_text("No conversations match these filters")
    page.get_by_role("link", name="Clear", exact=True).click()
    expect(page.locator(".wk-inbox-rows > li").first).to_be_visible()
    page.goto(f"{INBOX}?view=mine&channel=pigeon&tag={uuid4()}")
    expect(page.locator("#inbox-tools")).to_contain_text("filters by something that doesn't exist: Channel, Tag.")


def test_queue_and_figures_go_by_links_and_forms_without_scripts(opened: Opener, scene: Scene) -> None:
    page = opened(scene.path("queue"), scripts=False)
    page.locator(f".wk-row-link[href*='{scene.ids['approval']}']").click()
    page.locator("#vote-approve").click()
    page.get_by_role("button", name="Approve", exact=True).click()
    offer = page.locator(".wk-undo", has_text="BR-1001: Approved")
    offer.get_by_role("button", name="Undo").click()
    expect(offer).to_have_count(0)
    page.goto(scene.path("approval"))
    expect(page.get_by_text("Revoked by Approver Acme").first).to_be_visible()
    page.goto(f"{scene.path('queue')}?kind=nothing")
    expect(page.locator("main")).to_contain_text("filters by something that doesn't exist")
    meanwhile(scene.world, lambda: count_messages(scene, 4))
    page = opened("/admin/figures/channels/", role="owner", scripts=False)
    page.get_by_label("Period").select_option("7")
    page.get_by_role("button", name="Apply").click()
    number = page.locator("a[href*='figures/rows/'][href*='messages_in']").first
    assert number.inner_text().strip() == "4"
    number.click()
    expect(page.locator("tr[data-counted]")).to_have_count(4)
    page.locator("tr[data-counted] .wk-row-link").first.click()
    expect(page.locator(f"[data-talk='{scene.ids['conversation']}']")).to_be_visible()


def count_messages(scene: Scene, number: int) -> None:
    """Let so many messages of the scene's conversation be counted."""
    line = ChannelAccount.objects.get(provider="twilio")
    said = {"conversation": str(scene.ids["conversation"]), "counted": {"channel": str(line.pk)}}
    events = [Event(uuid7(), "message_received", 2, "inbox", 1, said, now(), None) for _ in range(number)]
    keep(events)
    consumer.receive(events)


def test_arabic_conversation_reads_from_right_to_left_and_nothing_overflows(opened: Opener, scene: Scene) -> None:
    made: list[Any] = []

    def work() -> None:
        line, support = ChannelAccount.objects.get(provider="twilio"), scene.world.actor("support")
        made.append(write_in(line, f"{ARABIC}\n{'أمس ' * 60}", value="+971 50 000 0001"))
        contact = Conversation.objects.get(pk=made[0]).contact_id
        Contact.objects.filter(pk=contact).update(display_name=NAME, masked_name=NAME)
        talk.hand_off(actor=DOOR, conversation_id=made[0], reason="asked_for_person")
        states.take_over(actor=support, conversation_id=made[0])
        said = Draft(text="It is on its way.\n- one\n- two", sender=Sender(type="person"))
        talk.reply(actor=support, conversation_id=made[0], draft=said)

    meanwhile(scene.world, work)
    place = f"{INBOX}?view=mine&conversation={made[0]}"
    wrong: dict[Any, Any] = {}
    for phone in (False, True):
        page = opened(place, phone=phone, role="support")
        page.locator(BOX).fill(ARABIC)
        expect(page.locator(".wk-turn-out .wk-words")).to_contain_text("It is on its way.")
        found = {
            part: page.locator(part).last.evaluate(DIRECTION)
            for part in (
                ".wk-turn-in .wk-words",
                ".wk-turn-out .wk-words",
                ".wk-turn-in .wk-bubble",
                "#h-talk bdi",
                BOX,
            )
        }
        if [*found.values()] != ["rtl", "ltr", "ltr", "rtl", "rtl"]:
            wrong["direction", phone] = found
        # In the language of the console, and turned round as a browser does that translates a page.
        for direction in ("ltr", "rtl"):
            page.evaluate("direction => { document.documentElement.dir = direction; }", direction)
            keep_picture(page, f"arabic-{direction}-{'phone' if phone else 'desk'}", full_page=False)
            if (astray := page.evaluate(ASTRAY)) != [0]:
                wrong[direction, phone] = astray
        assert faults(page, f"arabic-{'phone' if phone else 'desk'}") == []
    page = opened(f"{INBOX}?view=mine", phone=True, role="support")
    row = page.locator(".wk-inbox-rows li").first
    for part in (".wk-inbox-who", ".wk-inbox-words"):
        if (found := row.locator(part).evaluate(DIRECTION)) != ("rtl" if part == ".wk-inbox-who" else "ltr"):
            wrong[part] = found
    assert wrong == {}


def test_screen_reader_meets_the_thread_in_order_and_hears_each_new_message_once(opened: Opener, scene: Scene) -> None:
    made = customers(scene, 2)
    page = opened(f"{INBOX}?view=mine&conversation={made[0]}", role="support")
    page.set_viewport_size({"width": 1600, "height": 900})  # the details stand beside the thread
    expect(page.locator("#live-state")).to_have_text("Live")
    told = page.locator("body").aria_snapshot()
    landmarks = (
        'link "Skip to content"', 'navigation "Breadcrumb"', "- main:", 'navigation "Views"', "heading \"Inbox: Mine\"",
        'search "Search conversations"', 'list "Conversations"', 'region "Messages"', 'textbox "Your reply"',
        'button "Send', 'complementary "About this conversation"',
    )  # fmt: skip
    places = [told.find(words) for words in landmarks]
    assert -1 not in places, [words for words, at in zip(landmarks, places, strict=True) if at < 0]
    assert places == sorted(places), list(zip(landmarks, places, strict=True))
    levels = page.evaluate(LEVELS)
    assert levels.count(1) == 1
    assert [pair for pair in pairwise(levels) if pair[1] > pair[0] + 1] == []
    messages = page.locator(".wk-chat").aria_snapshot()
    assert re.search(r'listitem "Customer (just now|\d+ min ago) Where is order 0\?"', messages), messages
    page.evaluate(HEAR)
    line = read(scene, lambda: ChannelAccount.objects.get(provider="twilio"))
    for words, sender in (("It is urgent", "+34 644 000 000"), ("Mine is not", "+34 644 000 001")):

        def write(said: str = words, value: str = sender) -> None:
            publish_activity(conversation_ids=[write_in(line, said, value=value)])  # as a worker does

        meanwhile(scene.world, write)
        expect(page.locator(".wk-inbox-rows")).to_contain_text(words)
        page.wait_for_timeout(500)  # what is heard is said a moment later
    assert page.evaluate("heard") == ["Customer: It is urgent"]
    # The thread is replaced as a whole: as a live region it would be read again and again.
    assert (
        page.evaluate("document.querySelector('#live-chat').closest('[aria-live], [role=log], [role=status]')") is None
    )
    stops = [page.evaluate("document.activeElement.className || document.activeElement.localName")]
    page.locator(".wk-thread").focus()
    for _ in range(12):
        page.keyboard.press("Tab")
        stops.append(page.evaluate("document.activeElement.id || document.activeElement.localName"))
    assert "body" not in stops
    assert stops.index("id_reply_text") < stops.index("send"), stops
    assert faults(page, "screen-reader") == []

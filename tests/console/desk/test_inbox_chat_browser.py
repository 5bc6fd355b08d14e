"""The inbox as a chat in a real browser: by keys, on a phone, with files and a line that breaks, without scripts."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, Route, expect

from conversations import services as talk
from conversations.inbox import states
from conversations.models import ChannelAccount, Conversation, Message
from core.actors import system
from core.events import streams
from tests import files
from tests.console.desk.test_attach_browser import GIVE
from tests.console.scene import Scene, write_in
from tests.console.test_by_keyboard import Opener, faults, opened, scene, web  # noqa: F401
from tests.console.test_live import meanwhile
from tests.edge.browser import keep_picture

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("scene", "web"), pytest.mark.slow]
INBOX = "/admin/inbox/"
TALK = "/admin/conversations/conversation/"
SLOW = 40_000
"""Milliseconds for three answers on a busy machine."""
WRITE = """(pressed) => (document.activeElement || document.body).dispatchEvent(
  new KeyboardEvent("keydown", { ...pressed, bubbles: true, cancelable: true }))"""
MOVING_ON_WITHOUT_ANSWERS = """async () => {
  for (let tries = 0; ; tries += 1) {
    const kept = await (await fetch("/admin/moving-on/")).json();
    if (!kept.answer || tries === 200) return kept;
    await new Promise((done) => setTimeout(done, 50));
  }
}"""
"""What is kept, once it says so or ten seconds are over."""
BOX = "#live-reply textarea[name=text]"


def customers(scene: Scene, number: int) -> list[UUID]:  # noqa: F811
    """Let customers write whose conversations are the support person's; the last one wrote last."""
    made: list[UUID] = []

    def work() -> None:
        line = ChannelAccount.objects.get(provider="twilio")
        for each in range(number):
            pk = write_in(line, f"Where is order {each}?", value=f"+34 644 000 00{each}")
            talk.hand_off(actor=system("relay"), conversation_id=pk, reason="asked_for_person")
            states.take_over(actor=scene.world.actor("support"), conversation_id=pk)
            made.append(pk)

    meanwhile(scene.world, work)
    return made


def read(scene: Scene, query: Any) -> Any:  # noqa: F811
    """Return what a query finds in the first organisation."""
    found: list[Any] = []
    meanwhile(scene.world, lambda: found.append(query()))
    return found[0]


def focus(page: Page) -> str:
    return str(
        page.evaluate(
            "document.activeElement.id || document.activeElement.className || document.activeElement.localName"
        )
    )


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """Wait longer for what a busy machine shows late."""
    expect.set_options(timeout=15_000)
    yield
    expect.set_options(timeout=5_000)


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_repeating_the_same_keys_answers_three_different_customers(opened: Opener, scene: Scene) -> None:  # noqa: F811
    made = customers(scene, 3)
    page = opened(INBOX, role="support")
    loads: list[str] = []
    expect(page.locator("#h-inbox")).to_contain_text("Mine")
    page.on("framenavigated", lambda frame: loads.append(frame.url) if frame.url.startswith("http") else None)
    documents: list[str] = []
    page.on("request", lambda asked: documents.append(asked.url) if asked.resource_type == "document" else None)
    for number in range(3):
        press(page, "j", "Enter", "r")
        page.keyboard.type(f"Answer {number}")
        press(page, "Control+Enter")
    expect(page.locator(".wk-inbox-rows")).to_contain_text("Answer 2", timeout=SLOW)

    def sent() -> list[tuple[UUID, str]]:
        rows = Message.objects.filter(conversation__in=made, direction="out").order_by("created_at")
        return [(row.conversation_id, row.masked_body) for row in rows]

    answered = read(scene, sent)
    assert [text for _, text in answered] == ["Answer 0", "Answer 1", "Answer 2"]
    assert [pk for pk, _ in answered] == made[::-1]  # in the order of the list, nobody left out
    assert documents == []
    assert focus(page) != "body"


def test_conversations_are_closed_undone_and_views_changed_by_keys(opened: Opener, scene: Scene) -> None:  # noqa: F811
    made = customers(scene, 3)[::-1]
    page = opened(INBOX, role="support")
    rows = page.locator(".wk-inbox-rows > li")
    places, parts = [focus(page)], []
    page.on("request", lambda asked: parts.append(asked.headers.get("x-walker-fragment")))
    press(page, "j", "Enter")
    expect(page.locator(f"[data-talk='{made[0]}']")).to_be_visible()
    # The list stays where it is; its marks move along.
    opened_row = rows.nth(0).locator("a")
    expect(page.locator(".wk-inbox-rows .is-chosen")).to_have_count(1)
    expect(page.locator(".wk-inbox-rows [aria-current]")).to_have_count(1)
    expect(opened_row).to_have_attribute("aria-current", "true")
    expect(opened_row.locator(".wk-inbox-unread")).to_have_count(0)
    assert ("row" in parts, "open" in parts, "next=" in page.url) == (True, False, False)
    # Its forms come when they are opened.
    assign = page.locator(".wk-talk-tools details", has=page.get_by_title("Assign…"))
    expect(assign.locator("select")).to_have_count(0)
    assign.locator("summary").click()
    expect(assign.locator("select")).to_be_visible()
    press(page, "Escape")
    expect(assign.locator("select")).to_be_hidden()
    rows.nth(0).locator("a").focus()
    press(page, "j")
    places.append(focus(page))
    assert page.evaluate("document.activeElement.getAttribute('href')") == rows.nth(1).locator("a").get_attribute(
        "href"
    )
    # The row in focus is closed, not the conversation that was open before.
    press(page, "e", "Enter")
    expect(page.locator(f"[data-talk='{made[2]}']")).to_be_visible()
    assert read(scene, lambda: Conversation.objects.get(pk=made[1]).resolved) is True
    assert read(scene, lambda: Conversation.objects.get(pk=made[0]).resolved) is None
    expect(rows).to_have_count(2)
    places.append(focus(page))
    undo = page.locator(".wk-undo", has_text="Conversation closed.")
    expect(undo).to_be_visible()
    assert faults(page, "inbox-undo") == []
    press(page, "u", "Enter")
    expect(page.locator(f"[data-talk='{made[1]}']")).to_be_visible()
    expect(undo).to_have_count(0)
    again = read(scene, lambda: Conversation.objects.get(pk=made[1]))
    assert (again.state, again.assigned_to_id, again.resolved) == ("person", scene.world.people["support"].pk, None)
    assert again.waiting_since is not None
    places.append(focus(page))
    for key, view in (("]", "Waiting"), ("]", "Late"), ("[", "Waiting"), ("[", "Mine"), ("[", "All"), ("]", "Mine")):
        press(page, key)
        expect(page.locator("#h-inbox")).to_contain_text(view)
        places.append(focus(page))
    # As German keyboards write them, on Windows and on a Mac; and the pair that every keyboard has.
    alt_gr, option = {"ctrlKey": True, "altKey": True, "modifierAltGraph": True}, {"altKey": True}
    for with_, key, view in ((alt_gr, "]", "Waiting"), (option, "]", "Late"), (alt_gr, "[", "Waiting")):
        page.evaluate(WRITE, {"key": key, **with_})
        expect(page.locator("#h-inbox")).to_contain_text(view)
    for key, view in (("Shift+J", "Late"), ("Shift+K", "Waiting"), ("Shift+K", "Mine")):
        press(page, key)
        expect(page.locator("#h-inbox")).to_contain_text(view)
        places.append(focus(page))
    assert [place for place in places if place in ("body", "")] == []
    press(page, "?")
    card = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(card.locator("dl > div", has_text="Next view").locator("kbd")).to_have_text(["]", "Shift+J"])
    opens_next = card.get_by_label("Open the next conversation")
    expect(opens_next).to_be_checked()  # what is kept is asked for as the card opens
    opens_next.uncheck()
    # It is sent even where the page is left, and Chromium doesn't tell of such a request: what is kept is asked for.
    assert page.evaluate(MOVING_ON_WITHOUT_ANSWERS) == {"decision": True, "answer": False}
    expect(card).to_contain_text("Kept for you")
    press(page, "Escape")
    expect(card).to_be_hidden()
    press(page, "j", "Enter")
    expect(page.locator(".wk-talk")).to_be_visible()
    shown = page.locator(".wk-talk").get_attribute("data-talk")
    press(page, "r")
    page.keyboard.type("I stay here.")
    press(page, "Control+Enter")
    expect(page.locator(".wk-chat")).to_contain_text("I stay here.")
    assert page.locator(".wk-talk").get_attribute("data-talk") == shown
    page.go_back()
    expect(page.locator("#h-inbox")).to_be_visible()


def test_layout_leaves_the_thread_room_and_pins_the_composer(opened: Opener, scene: Scene) -> None:  # noqa: F811
    made = customers(scene, 2)
    page = opened(f"{INBOX}?view=mine&conversation={made[0]}", role="support")
    faulty = {}
    for width, height in ((1280, 800), (1360, 900), (1440, 900), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        box = page.evaluate(
            """() => { const thread = document.querySelector('.wk-thread').getBoundingClientRect();
            const send = document.getElementById('send').getBoundingClientRect();
            const page = document.documentElement;
            const bars = [...document.querySelectorAll('.wk-composer, .wk-talk-head')];
            const astray = bars.flatMap((bar) => [...bar.querySelectorAll('summary')].filter((menu) => {
              const [own, its] = [menu, bar].map((each) => each.getBoundingClientRect());
              const isAstray = own.left < its.left || own.right > its.right || own.bottom > its.bottom;
              return isAstray && !menu.closest('.wk-menu-panel'); }));
            return [thread.width, thread.height, innerHeight - send.bottom, page.scrollHeight - innerHeight,
              astray.length]; }"""
        )
        if not (box[0] >= 560 and box[1] >= 0.4 * height and 0 <= box[2] < 60 and box[3] <= 0 and box[4] == 0):
            faulty[width] = box
        keep_picture(page, f"inbox-chat-{width}", full_page=False)
    assert faulty == {}
    page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_role("link", name="Details").click()
    side = page.locator("#details")
    expect(side).to_be_visible()
    side.locator("summary", has_text="Status").click()
    assert faults(page, "inbox-details") == []
    side.get_by_role("link", name="Back to the conversation").click()
    expect(side).to_be_hidden()
    page.reload()
    page.set_viewport_size({"width": 1920, "height": 1080})
    assert page.locator("details[data-fold=about]").get_attribute("open") is None
    assert page.locator("details[data-fold=contact]").get_attribute("open") is not None
    before = page.locator(BOX).bounding_box()
    page.locator(BOX).fill("One\ntwo\nthree\nfour\nfive\nsix\nseven")
    after = page.locator(BOX).bounding_box()
    assert before
    assert after
    assert after["height"] > before["height"] + 40
    meanwhile(scene.world, lambda: typing(scene, made[0]))
    expect(page.locator(".wk-typing")).to_contain_text("is typing", timeout=15000)
    page.get_by_role("checkbox", name="Select").first.check()
    expect(page.locator(".wk-batch-count")).to_have_text("1 selected.")
    expect(page.get_by_role("button", name="Close…")).to_be_visible()
    assert faults(page, "inbox-batch") == []
    page.get_by_label("Assignee").count()
    page.get_by_role("combobox", name="Channel").select_option("email")
    expect(page.locator("#live-inbox")).to_contain_text("No conversations match these filters")
    page.get_by_role("link", name="Clear").click()
    expect(page.locator(".wk-inbox-rows > li")).to_have_count(2)
    page.get_by_role("searchbox").fill("order 1")
    press(page, "Enter")
    expect(page.locator("#h-inbox")).to_contain_text("Search results")
    expect(page.locator(".wk-inbox-rows > li")).to_have_count(1)
    assert "order" not in page.url


def typing(scene: Scene, pk: UUID) -> None:  # noqa: F811
    """Say what a chat says while its visitor writes."""
    for _ in range(3):
        tenant = scene.world.acme.pk
        streams.transient(f"conversation-staff:{pk}", "customer.typing", {"value": True}, tenant_id=tenant)
        time.sleep(0.3)


def test_nothing_that_is_written_is_lost_by_files_or_a_broken_line(opened: Opener, scene: Scene) -> None:  # noqa: F811
    made = customers(scene, 2)
    page = opened(f"{INBOX}?view=mine&conversation={made[0]}", role="support")
    box, said = page.locator(BOX), page.locator(".wk-composer-said")
    box.fill("Here is the receipt.")

    def give(kind: str, name: str, content: bytes, mime: str) -> None:
        page.locator(BOX).evaluate(GIVE, [kind, name, mime, base64.b64encode(content).decode()])

    give("drop", "receipt.png", files.EXE, "image/png")
    page.locator("#send").click()
    expect(said).to_contain_text("can run as a program")
    expect(box).to_have_value("Here is the receipt.")
    page.get_by_role("button", name="Remove receipt.png").click()
    for number in range(12):
        give("drop", f"{number}.png", files.png(), "image/png")
    expect(page.locator(".wk-attached-said")).to_contain_text("Send at most")
    page.locator("#send").click()
    for _ in range(11):
        page.locator(".wk-attached-file button").first.click()
    expect(page.locator(".wk-attached-file")).to_have_count(1)
    give("drop", "film.png", b"\0" * 18_000_000, "image/png")
    expect(page.locator(".wk-attached-said")).to_contain_text("larger than")
    page.get_by_role("button", name="Remove film.png").click()
    page.route("**/reply/**", lambda route: route.abort("connectionreset"))
    page.locator("#send").click()
    expect(said).to_contain_text("The connection was lost")
    expect(box).to_have_value("Here is the receipt.")
    expect(page.locator(".wk-attached-file")).to_have_count(1)
    assert faults(page, "inbox-line-lost") == []
    # Another conversation and back: the text and the file are still there.
    page.locator(".wk-inbox-rows .wk-row-link").first.click()
    expect(page.locator(f"[data-talk='{made[1]}']")).to_be_visible()
    expect(page.locator(BOX)).to_have_value("")
    page.locator(".wk-inbox-rows .wk-row-link").nth(1).click()
    expect(page.locator(BOX)).to_have_value("Here is the receipt.")
    expect(page.locator(".wk-attached-file")).to_have_count(1)
    page.unroute("**/reply/**")
    page.locator("#send").click()
    expect(page.locator(".wk-flash", has_text="Reply sent.")).to_be_visible()
    assert read(scene, lambda: Message.objects.filter(conversation=made[0], direction="out").count()) == 1


def test_send_pressed_while_another_conversation_opens_sends_nothing_and_keeps_the_text(
    opened: Opener,  # noqa: F811
    scene: Scene,  # noqa: F811
) -> None:
    made, held = customers(scene, 2), list[Route]()
    page = opened(f"{INBOX}?view=mine&conversation={made[0]}", role="support")
    page.locator(BOX).fill("Half an answer")
    other = page.locator(f".wk-inbox-rows a[href*='{made[1]}']")
    page.route(re.compile(f"inbox/.*conversation={made[1]}"), lambda route: held.append(route))  # noqa: PLW0108  (it marks what it is given)
    other.click()
    expect(page.locator(".wk-inbox.is-opening")).to_be_attached()
    page.locator("#send").click()
    expect(page.locator("#send")).to_be_enabled()
    expect(page.locator(BOX)).to_have_value("Half an answer")
    held[0].abort()
    expect(page.locator(".wk-flash", has_text="The connection was lost.")).to_be_visible()
    expect(page.locator(BOX)).to_have_value("Half an answer")
    page.unroute_all()
    other.click()
    expect(page.locator(f"[data-talk='{made[1]}']")).to_be_visible()
    expect(page.locator(BOX)).to_have_value("")
    page.locator(f".wk-inbox-rows a[href*='{made[0]}']").click()
    expect(page.locator(BOX)).to_have_value("Half an answer")
    assert read(scene, lambda: Message.objects.filter(conversation__in=made, direction="out").count()) == 0
    page.locator("#send").click()
    expect(page.locator(".wk-flash", has_text="Reply sent.")).to_be_visible()
    sent = read(scene, lambda: list(Message.objects.filter(conversation__in=made, direction="out")))
    assert [(message.conversation_id, message.masked_body) for message in sent] == [(made[0], "Half an answer")]


def test_letter_on_a_row_reaches_the_reply_and_the_take_over(opened: Opener, scene: Scene) -> None:  # noqa: F811
    made = customers(scene, 2)
    page = opened(INBOX, role="support")
    for key, pk, place in (
        ("r", made[0], BOX),
        ("n", made[0], "#live-reply textarea[name=note]"),
        ("a", scene.ids["lost"], "#action-take-over button"),
    ):
        page.goto(f"{INBOX}?view=all")
        page.locator(f".wk-row-link[href*='{pk}']").focus()
        press(page, key)
        expect(page.locator(f"[data-talk='{pk}']")).to_be_visible()
        expect(page.locator(place)).to_be_focused()
    press(page, "Enter")
    expect(page.locator(".wk-flash", has_text="The conversation is yours.")).to_be_visible()


def test_morning_on_a_phone_has_three_screens_and_begins_at_the_newest(opened: Opener, scene: Scene) -> None:  # noqa: F811
    made = customers(scene, 2)
    line = read(scene, lambda: ChannelAccount.objects.get(provider="twilio"))
    meanwhile(
        scene.world,
        lambda: [write_in(line, f"And another thing, number {n}", value="+34 644 000 000") for n in range(14)],
    )
    for scripts in (True, False):
        phone = opened(INBOX, phone=True, role="support", scripts=scripts)
        expect(phone.locator(".wk-inbox-rows > li")).to_have_count(2)
        phone.locator(f"a.wk-row-link[href*='{made[0]}']").click()
        expect(phone.locator(".wk-thread .wk-bubble").last).to_be_in_viewport()
        expect(phone.locator(".wk-thread .wk-bubble").last).to_contain_text("And another thing, number 13")
        expect(phone.locator("#send")).to_be_in_viewport()
        expect(phone.locator(".wk-inbox-list")).to_be_hidden()
        if scripts:
            assert faults(phone, "inbox-phone-talk") == []
        phone.get_by_role("link", name="Details").click()
        expect(phone.locator("#details")).to_be_visible()
        expect(phone.get_by_role("heading", name="Contact")).to_be_visible()
        phone.get_by_role("link", name="Back to the conversation").click()
        phone.get_by_role("button", name="Actions").click()
        expect(phone.locator("#talk-tools")).to_be_visible()
        keep_picture(phone, "inbox-phone-actions", full_page=False)
        phone.locator("#talk-tools summary", has_text="Snooze").click()
        expect(phone.locator("#action-snooze")).to_be_visible()
        phone.keyboard.press("Escape")
        if not scripts:
            phone.locator(BOX).fill("Without a script")
            phone.locator("#send").click()
            expect(phone.locator(".wk-flash", has_text="Reply sent.")).to_be_visible()
            continue
        assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
        phone.get_by_role("link", name="Back to the list").click()
        expect(phone.locator(".wk-inbox-list")).to_be_visible()


def test_queue_shows_four_requests_on_a_phone(opened: Opener, scene: Scene) -> None:  # noqa: F811
    phone = opened(scene.path("queue"), phone=True)
    keep_picture(phone, "queue-phone", full_page=False)
    rows = "[...document.querySelectorAll('.wk-table tbody tr')]"
    shown = phone.evaluate(f"{rows}.filter((row) => row.getBoundingClientRect().bottom <= innerHeight).length")
    assert shown >= 4, shown
    assert faults(phone, "queue-phone") == []

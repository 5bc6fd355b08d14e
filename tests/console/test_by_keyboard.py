"""People who live in the console: by keyboard alone, and by touch on a phone."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from core import notices
from core.tenancy.scope import tenant_scope
from hitl.selectors import query_approvals
from tests.console.scene import Scene, ask, build_scene
from tests.console.test_browser import DESK, PHONE, session_of
from tests.console.test_live import meanwhile
from tests.edge.browser import COLOURS, keep_picture, serious
from tests.edge.web_server import Web
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Opener = Callable[..., Page]


@pytest.fixture
def scene(chromium: Browser, committed_world: World) -> Scene:
    """Rows on every page."""
    return build_scene(committed_world)


@pytest.fixture(scope="module")
def web(django_db_setup: None, redis_client: object) -> Iterator[Web]:
    """A server of ours, for all tests of the file."""
    found = Web()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAPID_PRIVATE_KEY", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc")
        found.start()
    yield found
    found.stop()


@pytest.fixture
def opened(chromium: Browser, scene: Scene, web: Web) -> Iterator[Opener]:
    """Open a page as the approver or another role, on a desk or on a phone that is touched."""
    contexts = []

    def open_page(path: str, *, phone: bool = False, scripts: bool = True, role: str = "approver") -> Page:
        context = chromium.new_context(
            base_url=web.url,
            viewport=PHONE if phone else DESK,  # type: ignore[arg-type]
            has_touch=phone,
            is_mobile=phone,
            reduced_motion="reduce",
            java_script_enabled=scripts,
        )
        contexts.append(context)
        name = f"{settings.SESSION_COOKIE_NAME.rstrip('0123456789')}{web.port}"
        cookie = {"name": name, "value": session_of(scene.world.people[role]), "url": web.url}
        context.add_cookies([cookie])  # type: ignore[list-item]
        page = context.new_page()
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()


def faults(page: Page, name: str) -> list[str]:
    """Return axe's findings in both themes."""
    found = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        keep_picture(page, f"{name}-{theme}", full_page=False)
        found += [f"{theme}: {fault}" for fault in serious(page, rules=COLOURS if theme == "dark" else ())]
    return found


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.localName"))


def test_palette_goes_anywhere_by_keyboard_by_touch_and_without_scripts(opened: Opener, scene: Scene) -> None:
    page = opened(scene.path("approval"))
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Page, request, conversation, person or setting")
    expect(box).to_be_focused()
    expect(page.get_by_role("option", name="Queue")).to_be_visible()
    page.keyboard.type("br-1002")
    expect(page.locator("#palette-list [role=option]")).to_have_count(1)
    assert faults(page, "palette") == []
    page.keyboard.press("Enter")
    expect(page.locator(".wk-crumbs")).to_contain_text("BR-1002")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("group", name="Recent").get_by_role("option", name="BR-1001")).to_be_visible()
    page.keyboard.type("notices")
    expect(page.get_by_role("option", name="Notices").first).to_have_attribute("aria-selected", "true")
    page.keyboard.type("xx")
    expect(page.locator("#palette-says")).to_contain_text("Nothing found")
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()
    page.keyboard.press("Control+k")
    page.keyboard.type("theme")
    expect(page.get_by_role("option", name="Change the theme")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")  # faults() left it dark
    page.keyboard.press("Control+k")
    page.keyboard.type("sign out")
    expect(page.get_by_role("option", name="Sign out", exact=True)).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/login/**")
    phone = opened("/admin/", phone=True)
    phone.get_by_role("link", name="Go to").tap()
    phone.get_by_role("option", name="Queue").tap()
    phone.wait_for_url("**/admin/hitl/approval/")
    plain = opened("/admin/", scripts=False)
    plain.get_by_role("link", name="Go to").click()
    plain.get_by_label("Search").fill("1002")
    plain.keyboard.press("Enter")
    plain.get_by_role("link", name="BR-1002").click()
    expect(plain.locator(".wk-crumbs")).to_contain_text("BR-1002")


def test_card_lists_the_keys_of_the_page_and_switches_them_off(opened: Opener, scene: Scene) -> None:
    page = opened(scene.path("approval"))
    card = page.get_by_role("dialog", name="Keyboard shortcuts")
    page.keyboard.press("?")
    for words in ("Approve", "Reject", "Next request", "Send the form", "Go to a page"):
        expect(card).to_contain_text(words)
    expect(card).not_to_contain_text("Move down")
    assert faults(page, "keys") == []
    card.get_by_label("Use single-key shortcuts").uncheck()
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    before = focused(page)
    for key in ("a", "r", "?", "n"):
        page.keyboard.press(key)
    assert (focused(page), card.is_visible()) == (before, False)
    page.goto(scene.path("queue"))
    page.keyboard.press("j")
    assert focused(page) == "body"
    page.get_by_role("button", name="Keyboard shortcuts").click()
    expect(card).to_contain_text("Move down")
    expect(card).to_contain_text("Select, to act on several at once")
    card.get_by_label("Use single-key shortcuts").check()
    expect(card.get_by_label("Open the next request")).to_be_checked()
    card.get_by_label("Open the next request").uncheck()
    page.keyboard.press("Escape")
    page.locator("body").press("j")
    page.keyboard.press("r")  # on a row: its page, at this form
    expect(page.locator("#id_reject_reason")).to_be_focused()
    page.keyboard.type("ajn?/ too much")  # letters in a field are letters
    page.keyboard.press("Escape")
    assert focused(page) == "h1"
    page.keyboard.press("Shift+A")
    page.keyboard.press("Alt+a")
    assert focused(page) == "h1"
    page.keyboard.press("r")
    assert page.locator("#id_reject_reason").input_value() == "ajn?/ too much"
    reference = page.locator(".wk-approval-head .wk-mono").inner_text()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".wk-flash")).to_contain_text(f"{reference}: Rejected")
    expect(page.locator(".wk-approval-head .wk-mono")).to_have_text(reference)  # they want to stay


COVERED = """() => {
  const toast = document.querySelector('.wk-toast').getBoundingClientRect();
  return [...document.querySelectorAll('.wk-bar, .wk-vote-form')].some((part) => {
    const box = part.getBoundingClientRect();
    const isBeside = toast.right <= box.left || toast.left >= box.right;
    return box.height && !isBeside && toast.bottom > box.top && toast.top < box.bottom;
  });
}"""


def test_toast_stays_while_it_is_pointed_at_and_covers_no_decision(opened: Opener, scene: Scene) -> None:
    person = scene.world.people["approver"].pk
    given = {"people": [person], "kind": "approval", "link": "/admin/hitl/killswitch/"}
    page, phone = opened(scene.path("approval")), opened(scene.path("approval"), phone=True)
    page.clock.install()
    for shown in (page, phone):
        expect(shown.locator("#live-state")).to_have_text("Live")
    phone.locator("#vote-approve").tap()
    own = {**given, "link": scene.path("approval")}
    meanwhile(scene.world, lambda: notices.leave(title="BR-1001 was changed", **own))  # type: ignore[arg-type]
    expect(page.locator(".wk-bell-count")).to_be_visible(timeout=8000)
    meanwhile(scene.world, lambda: notices.leave(title="Rows <i>stopped</i>", **given))  # type: ignore[arg-type]
    toast = page.locator("#toasts[role=status] .wk-toast")
    expect(toast).to_contain_text("Rows <i>stopped</i>", timeout=8000)
    expect(toast).to_have_count(1)
    assert faults(page, "toast") == []
    expect(phone.locator(".wk-toast")).to_be_visible(timeout=8000)
    keep_picture(phone, "toast-phone", full_page=False)
    assert (page.evaluate(COVERED), phone.evaluate(COVERED)) == (False, False)
    toast.hover()
    page.clock.fast_forward(30_000)
    expect(toast).to_be_visible()
    page.mouse.move(5, 5)
    page.clock.fast_forward(13_000)
    expect(toast).to_have_count(0)
    phone.get_by_role("button", name="Close", exact=True).tap()
    expect(phone.locator(".wk-toast")).to_have_count(0)


KEY, TAP = 0.28, 0.6
"""Seconds for a key of somebody who types slowly (40 words a minute), and for aiming a thumb and tapping."""


@dataclass
class Hands:
    """A person's hands: they count the seconds that each key and each tap would take."""

    page: Page
    seconds: float = 0.0

    def press(self, *keys: str) -> None:
        """Press keys, each alone or with a modifier, which is a key as well."""
        for key in keys:
            self.page.keyboard.press(key)
            self.seconds += KEY * len(key.split("+"))

    def write(self, text: str) -> None:
        """Write a text."""
        self.page.keyboard.type(text)
        self.seconds += KEY * len(text)

    def tap(self, *places: str) -> None:
        """Tap on places."""
        for place in places:
            self.page.locator(place).tap()
            self.seconds += TAP


def wait_for(scene: Scene, count: int) -> None:
    """Let so many requests wait for the approver."""
    world = scene.world
    with tenant_scope(world.acme.pk):
        waiting = query_approvals(viewer=world.actor("approver"), mine=True).count()
        for number in range(count - waiting):
            ask(world, params={"campaign": f"Campaign {number}", "budget": "300.00"})


def decide_all(page: Page, count: int, decide: Callable[[int], None]) -> list[str]:
    """Decide what is open until nothing else opens; returns the references."""
    decided: list[str] = []
    for number in range(count):
        expect(page.locator("#vote-approve")).to_be_visible()
        reference = page.locator("#live-head .wk-mono").first.inner_text()
        decide(number)
        expect(page.locator("[data-decided]", has_text=reference)).to_be_visible()
        decided.append(reference)
    return decided


@pytest.mark.long
@pytest.mark.parametrize("count", [40])
def test_forty_requests_are_decided_in_two_minutes_by_keyboard_and_by_thumb(
    opened: Opener, scene: Scene, count: int
) -> None:
    """Three seconds each: the keys or taps of a slow person, and all that the pages take, which these wait for."""
    wait_for(scene, count)
    page = opened(scene.path("queue"))
    hands, started = Hands(page), time.monotonic()
    hands.press("n")

    def by_keys(number: int) -> None:
        if number % 10 == 9:
            hands.press("r")
            hands.write("Over budget.")
        else:
            hands.press("a")
        hands.press("Control+Enter")

    decided = decide_all(page, count, by_keys)
    spent = hands.seconds + time.monotonic() - started
    assert len(set(decided)) == count
    assert focused(page) == "h1"
    expect(page.locator("#announcer")).to_contain_text(f"{decided[-1]}: Rejected")
    assert spent < 3 * count, spent

    wait_for(scene, count)
    phone = opened(scene.path("queue"), phone=True)
    thumb, started = Hands(phone), time.monotonic()
    thumb.tap("tr:has(.wk-chip) .wk-row-link >> nth=0")

    def by_thumb(number: int) -> None:
        phone.wait_for_timeout(300 if number else 0)  # no thumb is faster, and none of its double taps counts
        thumb.tap("#vote-approve", "form[action$='/approve/'] button[type=submit]")

    assert len(set(decide_all(phone, count, by_thumb))) == count
    spent = thumb.seconds + time.monotonic() - started
    assert spent < 3 * count, spent


SHOWN = """async () => {
  const worker = await navigator.serviceWorker.getRegistration();
  return (await worker.getNotifications()).map((shown) => [shown.title, shown.data.link]);
}"""


def test_worker_shows_what_is_pushed_and_leads_to_our_own_pages_only(opened: Opener, scene: Scene, web: Web) -> None:
    page = opened("/admin/accounts/notice/")
    assert page.get_by_role("button", name="Turn on in this browser").is_visible()
    assert faults(page, "push") == []
    page.context.grant_permissions(["notifications"], origin=web.url)
    line = page.context.new_cdp_session(page)
    seen: list[str] = []
    line.on("ServiceWorker.workerRegistrationUpdated", lambda event: seen.extend(
        entry["registrationId"] for entry in event["registrations"] if entry["scopeURL"] == f"{web.url}/admin/"
    ))  # fmt: skip
    line.send("ServiceWorker.enable")
    path = page.locator("#push-card").get_attribute("data-worker")
    page.evaluate(
        "async (path) => { await navigator.serviceWorker.register(path); await navigator.serviceWorker.ready; }", path
    )
    page.wait_for_timeout(300)
    for key, link in (
        ("1", "/admin/hitl/killswitch/"),
        ("2", "https://elsewhere.example/"),
        ("2", "//elsewhere.example"),
    ):
        said = {"id": key, "title": f"BR-100{key} needs you", "link": link}
        push = {"origin": web.url, "registrationId": seen[-1], "data": json.dumps(said)}
        line.send("ServiceWorker.deliverPushMessage", push)
    page.wait_for_timeout(500)
    assert sorted(page.evaluate(SHOWN)) == [
        ["BR-1001 needs you", "/admin/hitl/killswitch/"],
        ["BR-1002 needs you", "/admin/accounts/notice/"],
    ]

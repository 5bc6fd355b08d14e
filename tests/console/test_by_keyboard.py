"""People who live in the console: by keyboard alone, and by touch on a phone."""

from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from tests.browser import keep_picture, serious
from tests.console.scene import Scene, build_scene
from tests.console.test_browser import DESK, PHONE, session_of
from tests.web_server import Web
from tests.world import World

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]


@pytest.fixture
def scene(chromium: Browser, committed_world: World) -> Scene:
    """Rows on every page."""
    return build_scene(committed_world)


@pytest.fixture(scope="module")
def web(django_db_setup: None, redis_client: object) -> Iterator[Web]:
    """A server of ours, for all tests of the file."""
    found = Web()
    found.start()
    yield found
    found.stop()


@pytest.fixture
def opened(chromium: Browser, scene: Scene, web: Web) -> Iterator[Opener]:
    """Open a page as the approver, on a desk or on a phone that is touched."""
    contexts = []

    def open_page(path: str, *, phone: bool = False, scripts: bool = True) -> Page:
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
        cookie = {"name": name, "value": session_of(scene.world.people["approver"]), "url": web.url}
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
        found += [f"{theme}: {fault}" for fault in serious(page)]
    return found


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.localName"))


def test_palette_goes_anywhere_by_keyboard_by_touch_and_without_scripts(opened: Opener, scene: Scene) -> None:
    page = opened(scene.path("approval"))
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Page, request, person or setting")
    expect(box).to_be_focused()
    expect(page.get_by_role("option", name="Approvals")).to_be_visible()
    page.keyboard.type("br-1002")
    expect(page.locator("#palette-list [role=option]")).to_have_count(1)
    assert faults(page, "palette") == []
    page.keyboard.press("Enter")
    expect(page.locator(".wk-crumbs")).to_contain_text("BR-1002")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("group", name="Recent").get_by_role("option", name="BR-1001")).to_be_visible()
    page.keyboard.type("notices")
    expect(page.get_by_role("option", name="Notices")).to_have_attribute("aria-selected", "true")
    page.keyboard.type("xx")
    expect(page.locator("#palette-says")).to_contain_text("Nothing found")
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()
    phone = opened("/admin/", phone=True)
    phone.get_by_role("link", name="Go to").tap()
    phone.get_by_role("option", name="Approvals").tap()
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
    card.get_by_label("Use single-key shortcuts").check()
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
    expect(page.locator(".wk-messages")).to_contain_text(f"{reference}: Rejected")
    expect(page.locator(".wk-approval-head .wk-mono")).to_have_text(reference)  # they want to stay

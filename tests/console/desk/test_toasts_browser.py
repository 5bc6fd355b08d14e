"""What a page says after an action lies over it: nothing moves, and it is read without JavaScript too."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.console.scene import Scene
from tests.console.test_by_keyboard import Opener, faults, opened, scene, web  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("scene", "web"), pytest.mark.slow]
PLACES = """() => [...document.querySelectorAll("main, main > *, .wk-crumbs, main h1, main h2")]
  .map((place) => place.getBoundingClientRect()).map((box) => [box.x, box.y, box.width]).concat(
    [[document.documentElement.scrollHeight, scrollY, 0]])"""
SAID = "Priority saved."


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_message_after_an_action_moves_nothing(opened: Opener, scene: Scene, scripts: bool) -> None:  # noqa: F811
    page = opened("/admin/", role="support", scripts=scripts)
    moved = {}
    for path in ("/admin/", f"/admin/inbox/?view=open&conversation={scene.ids['lost']}"):
        page.goto(path)
        calm = page.evaluate(PLACES)
        save_priority(page, scene)
        page.goto(path)
        toast = page.locator("#toasts .wk-flash", has_text=SAID)
        expect(toast).to_be_visible()
        if page.evaluate(PLACES) != calm:
            moved[path] = (calm, page.evaluate(PLACES))
        if scripts:
            expect(page.locator("#announcer")).to_contain_text(SAID)
            assert faults(page, "toast") == []
            toast.get_by_role("link", name="Close").focus()
            page.keyboard.press("Enter")
            expect(toast).to_have_count(0)
        else:
            toast.get_by_role("link", name="Close").click()
            expect(toast).to_have_count(0)
            assert page.url.endswith(path)
    assert moved == {}


def save_priority(page: Page, scene: Scene) -> None:  # noqa: F811
    """Save a priority without following where it leads, so that the message waits for the next page."""
    form = f"/admin/conversations/conversation/{scene.ids['lost']}/priority/"
    page.goto(form)
    token = page.locator("main input[name=csrfmiddlewaretoken]").get_attribute("value") or ""
    fields = {"csrfmiddlewaretoken": token, "priority": "2"}
    answer = page.request.post(page.url, form=fields, max_redirects=0)
    assert answer.status == 302, answer.status

"""The page to decide on, in a real browser: what one decides by stays in view and covers nothing."""

import pytest
from playwright.sync_api import Page, expect

from core.tenancy.scope import tenant_scope
from hitl.models import Approval
from tests.console.scene import Scene
from tests.console.test_browser import Opener, opened, scene

__all__ = ["opened", "scene"]  # fixtures
pytestmark = [pytest.mark.browser, pytest.mark.slow]

COVERED = """() => {
  const bar = document.querySelector('.wk-bar-row').getBoundingClientRect();
  const focused = document.activeElement;
  if (!focused || focused === document.body) return '';
  if (focused.closest('.wk-skip, .wk-bar, .wk-topbar, .wk-side, .wk-bell')) return '';
  const box = focused.getBoundingClientRect();
  const isSeen = box.top >= 0 && box.bottom <= innerHeight && (box.bottom <= bar.top || box.top >= bar.bottom);
  return isSeen || box.height > innerHeight / 2 ? '' : focused.outerHTML.slice(0, 120);
}"""


def bar_is_in_view(page: Page) -> bool:
    """Tell whether the bar lies within the window."""
    box = page.locator(".wk-bar").bounding_box()
    height = page.evaluate("innerHeight")
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= height + 1


def state_of(scene: Scene) -> str:
    """Read the state of the scene's approval."""
    with tenant_scope(scene.world.acme.pk):
        return str(Approval.objects.get(pk=scene.ids["approval"]).state)


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_bar_stays_in_view_and_covers_no_focus(opened: Opener, scene: Scene, phone: bool) -> None:
    page = opened(scene.path("approval"), "admin", phone=phone)
    for place in (0, 0.5, 1):
        page.evaluate(f"scrollTo(0, document.body.scrollHeight * {place})")
        page.wait_for_timeout(60)
        assert bar_is_in_view(page), place
    page.evaluate("scrollTo(0, 0)")
    page.locator("#main").focus()
    covered = []
    for key in ["Tab"] * 45 + ["Shift+Tab"] * 30:
        page.keyboard.press(key)
        covered.append(page.evaluate(COVERED))
    assert [each for each in covered if each] == []
    # Moving into the bar moves nothing else.
    page.evaluate("scrollTo(0, 500)")
    page.locator("#vote-approve").evaluate("each => each.focus()")
    page.wait_for_timeout(100)
    assert page.evaluate("scrollY") == 500
    # The end of the page is not under the bar.
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    last, bar = page.locator("#live-aside > :last-child").bounding_box(), page.locator(".wk-bar").bounding_box()
    assert last
    assert bar
    assert not phone or last["y"] + last["height"] <= bar["y"]


def test_request_is_decided_on_a_phone_by_two_taps(opened: Opener, scene: Scene) -> None:
    page = opened(scene.path("approval"), "approver", phone=True, scripts=False)
    for name in ("approve", "reject"):
        box = page.locator(f"#vote-{name}").bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 44
    page.locator("#vote-reject").click()
    expect(page.locator("#id_approve_reason")).to_be_hidden()
    page.get_by_role("button", name="Reject").click()
    assert page.evaluate("document.activeElement.id") == "id_reject_reason", "a reason is required"
    assert state_of(scene) == "pending"
    page.locator("#vote-approve").click()
    expect(page.locator("#id_reject_reason")).to_be_hidden()
    page.get_by_role("button", name="Approve", exact=True).click()
    page.get_by_text("Approved. It will be executed in a few seconds.").wait_for()
    assert state_of(scene) == "approved"


def test_rare_actions_open_from_a_menu_by_the_keyboard_without_scripts(opened: Opener, scene: Scene) -> None:
    page = opened(scene.path("approval"), "admin", scripts=False)
    hold = page.get_by_text("Put on hold", exact=True).first
    expect(hold).to_be_hidden()
    page.get_by_text("More actions", exact=True).focus()
    page.keyboard.press("Enter")
    hold.focus()
    page.keyboard.press("Enter")
    page.locator("#id_hold_reason").fill("Ask finance first.")
    page.get_by_role("button", name="Put on hold").click()
    page.get_by_text("is on hold.").first.wait_for()


def test_page_is_no_longer_than_three_screens(opened: Opener, scene: Scene) -> None:
    page = opened(scene.path("approval"), "admin")
    page.set_viewport_size({"width": 1280, "height": 800})
    assert page.evaluate("document.documentElement.scrollHeight") <= 3 * 800

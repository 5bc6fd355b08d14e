"""The queue's toolbar in a real browser: by click and keyboard, on a desk and on a phone, in both themes."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.console.scene import Scene
from tests.console.test_browser import Opener, faults_of, opened, scene
from tests.edge.browser import keep_picture, serious

__all__ = ["opened", "scene"]

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def rows(page: Page) -> list[str]:
    """Return the references on the list, in order."""
    return [str(text).strip().split()[0] for text in page.locator(".wk-row-link").all_inner_texts()]


def test_queue_is_searched_narrowed_sorted_and_kept_as_a_view(opened: Opener, scene: Scene) -> None:
    page = opened(scene.path("queue"), "approver")
    everything = rows(page)
    references = page.locator(".wk-row-link .wk-nowrap").all()
    assert {len(place.evaluate("place => [...place.getClientRects()]")) for place in references} == {1}, "on one line"
    page.locator("[data-chip=high-risk]").click()
    expect(page.locator("[data-chip=high-risk]")).to_have_attribute("aria-current", "true")
    assert 0 < len(rows(page)) < len(everything)
    page.locator("[data-search]").fill("support")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("q=support"))
    page.get_by_role("link", name="Sort by Cost").click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Cost")
    shown = rows(page)
    page.locator("summary", has_text="Views").click()
    page.get_by_label("Save this view as").fill("Risky ones")
    keep_picture(page, "queue-views", full_page=False)
    faults = faults_of(page, "queue-views-open")
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator("summary", has_text="Risky ones").wait_for()
    assert rows(page) == shown
    page.locator("[data-toolbar]").get_by_role("link", name="Clear filters").first.click()
    assert rows(page) == everything
    page.locator("summary", has_text="Views").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("summary", has_text="Risky ones").wait_for()
    page.locator("summary", has_text="Filter").click()
    keep_picture(page, "queue-filters", full_page=False)
    assert [*faults, *faults_of(page, "queue-filters-open")] == []


def test_empty_queue_and_long_notes_fit_a_phone(opened: Opener, scene: Scene) -> None:
    page = opened(scene.path("queue") + "?q=nothing+like+this&risk=elevated&mine=sign", "approver", phone=True)
    page.get_by_text("Together these hide everything").wait_for()
    keep_picture(page, "queue-empty-phone")
    assert serious(page, least="minor") == []
    page.get_by_role("link", name="Remove Search").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("summary", has_text="Filter").click()
    page.get_by_label("Sort by", exact=True).select_option("cost")
    keep_picture(page, "queue-filters-phone")
    expect(page).to_have_url(re.compile("sort=cost"))
    expect(page.get_by_label("Sort by", exact=True)).to_be_focused()
    assert serious(page, least="minor") == []


def test_a_choice_in_a_filter_applies_at_once_and_keeps_the_focus(opened: Opener, scene: Scene) -> None:
    page = opened("/admin/analytics/alertrule/", "owner")
    expect(page.get_by_role("button", name="Apply")).to_have_count(0)
    page.get_by_label("State", exact=True).select_option(index=1)
    expect(page).to_have_url(re.compile(r"analytics/alertrule/\?.*=.+"))
    expect(page.get_by_label("State", exact=True)).to_be_focused()
    page.goto(page.url.partition("/admin/")[0] + "/admin/figures/conversations/")
    page.get_by_label("Period").select_option("own")
    page.get_by_role("button", name="Apply").wait_for()  # a period of one's own waits for its days
    page.get_by_label("Period").select_option("7")
    expect(page).to_have_url(re.compile("span=7"))
    expect(page.get_by_role("button", name="Apply")).to_have_count(0)
    expect(page.get_by_label("Period")).to_be_focused()

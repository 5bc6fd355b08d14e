"""From a template to the first answer, and a failed check that keeps the draft back, as an owner clicks it."""

import re
from typing import Any

import pytest

from tests.e2e.installation import Installation
from tests.e2e.test_main_job import _sign_in
from tests.edge.browser import keep_picture, serious

pytestmark = [pytest.mark.browser, pytest.mark.long]
MOST_CLICKS = 12


class Clicks:
    """Clicks and counts."""

    def __init__(self, page: Any) -> None:
        self.page, self.made = page, 0

    def __call__(self, target: Any) -> None:
        target.click()
        self.made += 1


def _look_at(page: Any, name: str) -> None:
    """Keep pictures of the page, and ask axe for what is serious, in both themes and on a phone."""
    found = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        keep_picture(page, f"{name}-{theme}")
        found += serious(page)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 390, "height": 844})
    keep_picture(page, f"{name}-phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
    page.set_viewport_size({"width": 1440, "height": 900})
    assert found == [], name


def test_template_answers_within_twelve_clicks_and_a_failed_check_blocks_it(
    installation: Installation, chromium: Any
) -> None:
    page = _sign_in(chromium, installation, "owner@acme.example")
    page.set_viewport_size({"width": 1440, "height": 900})
    click = Clicks(page)
    agents = page.locator("#wk-nav").get_by_role("link", name="Agents", exact=True).first
    click(agents)
    click(page.get_by_role("link", name="New agent"))
    _look_at(page, "studio-templates")
    click(page.get_by_role("link", name="Front desk"))
    click(page.get_by_role("button", name="Create agent"))
    page.locator("#toasts").get_by_text("it answers once you activate it").wait_for()
    _look_at(page, "studio-agent")
    click(page.get_by_role("link", name="Try", exact=True))
    page.get_by_label("Message", exact=True).fill("How many days do I have to return shoes?")
    click(page.get_by_role("button", name="Send"))
    page.get_by_text("The checks let it through", exact=True).wait_for(timeout=60_000)
    assert "30 days" in page.locator("main").inner_text()
    assert click.made <= MOST_CLICKS
    _look_at(page, "studio-trial")

    page.get_by_role("link", name="Keep as a case").click()
    page.locator("[name=name]").fill("Returns within 90 days")
    page.locator("[name=contains]").fill("90 days")
    page.locator("[name=must]").select_option("yes")
    _look_at(page, "studio-case")
    page.get_by_role("button", name="Keep case").click()
    page.locator(".wk-aside form[action$='/check/'] button[type=submit]").click()
    page.locator("main").get_by_text("Failed", exact=True).first.wait_for(timeout=60_000)
    _look_at(page, "studio-checks")
    page.locator("summary", has_text="Activate").click()
    page.get_by_text(re.compile("must pass fails")).first.wait_for()
    with page.expect_response(lambda answer: answer.url.endswith("/activate/")) as refused:
        page.get_by_role("button", name="Activate all the same").click()  # as an owner, but without a reason
    assert refused.value.status == 409
    page.locator("main").get_by_text(re.compile("must pass fails")).locator("visible=true").first.wait_for()
    agents.click()
    assert page.locator("tr", has_text="Front desk").get_by_text("Not active yet").is_visible()
    keep_picture(page, "studio-blocked")

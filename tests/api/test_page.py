"""The description's page in a real browser, under our own content policy."""

import pytest
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

# A quarter of a minute for a page that is not ours: what stands in it is asked of the description itself.
pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_page_shows_the_operations_and_breaks_no_rule(
    transactional_db: None, chromium: Browser, live_server: LiveServer
) -> None:
    page, said = chromium.new_page(), []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{live_server.url}/api/docs/")
    page.get_by_text("List approvals, newest first").wait_for()
    page.get_by_text("/api/v1/approvals/", exact=True).first.click()
    page.wait_for_selector(".opblock.is-open")
    assert said == []

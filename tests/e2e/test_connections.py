"""A connection that breaks at the vendor: its page says so, it is mended there, and reading goes on."""

import re
import time
from typing import Any

import httpx2
import pytest

from tests.e2e.installation import Installation
from tests.e2e.test_main_job import _sign_in
from tests.edge.browser import keep_picture, serious

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SEARCH = "POST /crm/v3/objects/contacts/search"
SECONDS = 90


def _press(page: Any, title: str, **filled: str) -> None:
    """Open the form of an action, fill it in and send it."""
    fold = page.locator("details.wk-fold").filter(has=page.locator("summary", has_text=re.compile(f"^{title}$")))
    fold.locator("summary").click()
    for label, text in filled.items():
        fold.get_by_label(label.replace("_", " ")).fill(text)
    fold.locator("form button[type=submit]").click()


def _reload_until(page: Any, wanted: str, *, is_there: bool = True) -> None:
    """Reload the page until it says something, or doesn't any more: sweeps come every few seconds."""
    deadline = time.monotonic() + SECONDS
    while (wanted in page.locator("main").inner_text()) != is_there:
        assert time.monotonic() < deadline, page.locator("main").inner_text()
        time.sleep(1)
        page.reload()


def _read_again(page: Any) -> None:
    _press(page, "Read all contacts of this CRM")
    page.get_by_text("Contacts are read from now on.").first.wait_for()


def test_token_that_the_vendor_refuses_is_seen_on_the_page_and_mended_there(
    installation: Installation, chromium: Any
) -> None:
    hubspot = installation.demo["urls"]["hubspot"]
    tenant = next(one for one in installation.demo["tenants"] if one["slug"] == "globex")
    owner = next(one["email"] for one in tenant["people"] if one["role"] == "owner")
    token = next(one["credentials"]["token"] for one in tenant["connections"] if one["provider"] == "hubspot")

    page = _sign_in(chromium, installation, owner)
    page.goto(f"{installation.demo['urls']['console']}integrations/provideraccount/connect/")
    page.get_by_label("System").select_option(label="HubSpot")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Access token").fill(token)
    page.get_by_role("button", name="Connect", exact=True).click()
    page.get_by_text("is connected.").first.wait_for()
    _read_again(page)
    _reload_until(page, "Read to the end")

    rule = {"match": SEARCH, "do": "fail", "status": 401, "code": "INVALID_AUTHENTICATION", "times": 1000}
    assert httpx2.post(f"{hubspot}__script", json=rule, trust_env=False).status_code == 201
    _read_again(page)
    _reload_until(page, "This connection has expired.")
    said = page.locator("main").inner_text()
    assert "The system doesn't accept these credentials." in said, said
    assert "Requests for it wait." in said, said
    keep_picture(page, "connection-expired")
    assert serious(page) == []

    assert httpx2.delete(f"{hubspot}__script", trust_env=False).is_success
    _press(page, "Reconnect", Access_token=token)
    page.get_by_text("It is connected again.").first.wait_for()
    assert "This connection has expired." not in page.locator("main").inner_text()
    _press(page, "Test connection")
    page.get_by_text("It works: HubSpot").first.wait_for()
    _read_again(page)
    _reload_until(page, "so far", is_there=False)
    said = page.locator("main").inner_text()
    assert ("Read to the end" in said, "failed." in said) == (True, False), said

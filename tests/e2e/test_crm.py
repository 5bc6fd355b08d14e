"""A new contact and a closed conversation reach a CRM within a minute, by the running product's own workers."""

import time
from typing import Any, Final

import httpx2
import pytest

from tests.e2e.installation import Installation
from tests.e2e.test_connections import _press
from tests.e2e.test_main_job import _sign_in
from tests.e2e.test_phone_loop import Desk, eventually

pytestmark = [pytest.mark.browser, pytest.mark.long]
WITHIN: Final = 60.0
SENDER: Final = "whatsapp:+447700900960"


def test_new_contact_and_closed_conversation_reach_the_crm_within_a_minute(
    installation: Installation, chromium: Any
) -> None:
    desk, hubspot = Desk(installation), installation.demo["urls"]["hubspot"]
    given = next(one["credentials"] for one in desk.tenant["connections"] if one["provider"] == "hubspot")
    row = desk.api("connections/", {"provider": "hubspot", "credentials": given})
    owner = next(one["email"] for one in desk.tenant["people"] if one["role"] == "owner")
    page = _sign_in(chromium, installation, owner)
    page.goto(f"{installation.demo['urls']['console']}integrations/provideraccount/{row['id']}/")
    _press(page, "Send contacts to this CRM")
    page.get_by_text("Contacts are sent from now on.").first.wait_for()
    agreed = {"address": SENDER.removeprefix("whatsapp:"), "channel": "any", "purpose": "marketing", "state": "given"}
    desk.api("consents/", agreed)

    def keys(operation: str) -> list[str]:
        """Return our keys of what was made there."""
        items = httpx2.get(f"{hubspot}__journal", trust_env=False).json()["items"]
        made = [one for one in items if (one["account"], one["operation"]) == ("acme", operation)]
        return [one["detail"]["key"] for one in made]

    def seconds_until(operation: str, began: float) -> float:
        eventually(lambda: keys(operation), 2 * WITHIN)
        return time.monotonic() - began

    began = time.monotonic()
    desk.write("What does delivery cost?", SENDER)
    took = {"contact": seconds_until("create_contacts", began)}
    eventually(lambda: desk.replies(SENDER))
    talk = desk.talk_of(SENDER)
    assert keys("create_contacts") == [talk["contact"]["id"]]
    began = time.monotonic()
    desk.api(f"conversations/{talk['id']}/close/", {"resolved": True})
    took["note"] = seconds_until("create_notes", began)
    print(f"seconds to the CRM: {took}")  # noqa: T201  (for the page of evidence)
    assert max(took.values()) < WITHIN, took
    assert (len(keys("create_contacts")), len(keys("create_notes"))) == (1, 1)

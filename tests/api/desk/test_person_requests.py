"""Requests of people about their data through the API."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.api.office import PHONE, Office

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def test_program_follows_a_request_with_its_words_masked(office: Office) -> None:
    caller, contact_id = office.caller("compliance"), str(office.ids["contact"])
    asked = {"contact_id": contact_id, "kind": "objection", "received_on": "2026-01-31", "purpose": "marketing"}
    both = caller.post("person-requests/", {**asked, "membership_id": str(uuid4())})
    assert (both.status_code, list(both.json()["fields"])) == (400, ["contact_id"])
    made = caller.post("person-requests/", {**asked, "wish": f"Write to {PHONE} no more"})
    assert (made.status_code, made.json()["due_on"], PHONE in made.content.decode()) == (201, "2026-02-28", False)
    path = f"person-requests/{made.json()['id']}/"
    assert caller.get(path, show_pii="true").json()["code"] == "no_grant"
    words = {"object": f"person_request:{made.json()['id']}", "fields": ["words"], "reason": "To answer the letter"}
    assert office.caller("support").post("reveals/", words).status_code == 403
    assert caller.post("reveals/", words).status_code == 201
    assert (PHONE in caller.get(path, show_pii="true").json()["wish"], PHONE in caller.get(path).json()["wish"]) == (
        True,
        False,
    )
    assert caller.get(f"contacts/{contact_id}/").json()["opt_outs"] == [{"channel": "any", "purpose": "marketing"}]
    owner = str(office.ids["owner"])
    assert caller.post(f"{path}extend/", {"reason": "Many mails to read."}).json()["code"] == "too_late"
    assert caller.post(f"{path}assign/", {"person_id": owner}).json()["handler_id"] == owner
    closed = caller.post(f"{path}close/", {"state": "fulfilled", "answer": "Opted out."})
    assert (closed.status_code, closed.json()["state"]) == (200, "fulfilled")
    found = caller.get("person-requests/", contact=contact_id, state="fulfilled", kind="objection").json()["results"]
    assert [row["id"] for row in found] == [made.json()["id"]]
    assert caller.get("person-requests/", state="open").json()["results"] == []

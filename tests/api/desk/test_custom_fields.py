"""Custom fields over the API: made, filled, and read masked or after a reveal."""

from __future__ import annotations

from typing import Any

import pytest

from core.privacy.pii.addresses import MASKED
from tests.api.office import Office

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def make(office: Office, key: str, kind: str, subject: str = "contact", **more: Any) -> str:
    """Let an administrator make a field."""
    body = {"subject": subject, "key": key, "name": key.title(), "kind": kind, **more}
    made = office.caller("admin").post("custom-fields/", body)
    assert made.status_code == 201, made.json()
    return str(made.json()["id"])


def test_fields_are_made_filled_and_read_masked_or_after_a_reveal(office: Office) -> None:
    admin, support = office.caller("admin"), office.caller("support")
    contact, talk = (f"{kind}s/{office.ids[kind]}/" for kind in ("contact", "conversation"))
    tier = make(office, "tier", "list", options=["Gold", "Silver"])
    make(office, "passport", "text", is_personal=True)
    make(office, "insured", "checkbox", is_personal=True)
    make(office, "vip", "checkbox", "conversation")
    assert admin.post("custom-fields/", {"subject": "contact", "key": "X", "name": "X", "kind": "text"}).json()[
        "fields"
    ].keys() == {"key"}
    values = {"tier": "Gold", "passport": "X123", "insured": False}
    written = support.post(f"{contact}custom-fields/", {"values": values})
    masked = {"insured": MASKED, "passport": MASKED, "tier": "Gold"}
    assert (written.status_code, written.json()["custom_fields"]) == (200, masked)
    assert "X123" not in support.get(contact).content.decode()
    wrong = support.post(f"{contact}custom-fields/", {"values": {"tier": "Lead", "vip": True}})
    assert (wrong.status_code, wrong.json()["fields"].keys()) == (400, {"tier", "vip"})
    assert support.post(f"{contact}custom-fields/", {"values": {"tier": None, "a\0": 1}}).status_code == 400
    many = support.post(f"{contact}custom-fields/", {"values": {f"key_{number}": 1 for number in range(51)}})
    assert (many.status_code, many.json()["detail"]) == (400, "Name at most 50 custom fields.")
    set_to = {"values": {"vip": True, "order": "7"}}
    answers = [support.post(f"{talk}custom-fields/", set_to, key="once") for _ in range(2)]
    assert [answer.json()["custom_fields"] for answer in answers] == [{"order": "7", "vip": True}] * 2
    officer = office.caller("compliance")
    assert officer.get(contact, show_pii="true").json()["code"] == "no_grant"
    asked = {"object": f"contact:{office.ids['contact']}", "fields": ["contact"], "reason": "I have to call back."}
    assert officer.post("reveals/", asked).status_code == 201
    assert officer.get(contact, show_pii="true").json()["custom_fields"] == values
    kept = {"name": "Tier", "options": ["Silver"], "version": 1}
    assert admin.send("put", f"custom-fields/{tier}/", kept).json()["code"] == "in_use"
    support.post(f"{contact}custom-fields/", {"values": {"tier": ""}})
    assert admin.send("put", f"custom-fields/{tier}/", kept).json()["version"] == 2
    assert admin.send("put", f"custom-fields/{tier}/", kept).json()["code"] == "stale_version"


def test_lists_are_narrowed_to_a_value_and_personal_ones_only_by_a_body(office: Office) -> None:
    support = office.caller("support")
    contact, talk = (f"{kind}s/{office.ids[kind]}/" for kind in ("contact", "conversation"))
    make(office, "seats", "number")
    make(office, "passport", "text", is_personal=True)
    make(office, "born", "date", is_personal=True)
    make(office, "vip", "checkbox", "conversation")
    values = {"seats": 12, "passport": "X123", "born": "1984-02-17"}
    assert support.post(f"{contact}custom-fields/", {"values": values}).status_code == 200
    assert support.post(f"{talk}custom-fields/", {"values": {"vip": True}}).status_code == 200

    def count(path: str, **query: str) -> int:
        answer = support.get(path, **query)
        assert answer.status_code == 200, answer.json()
        return len(answer.json()["results"])

    assert [count("contacts/", custom_field=f"seats:{number}") for number in ("12.0", "13")] == [1, 0]
    assert [count("conversations/", custom_field=f"vip:{word}") for word in ("yes", "no")] == [1, 0]
    for path, named in (
        ("contacts/", "passport:X123"), ("contacts/", "born:1984-02-17"), ("contacts/", "other:1"),
        ("contacts/", "seats"), ("contacts/", "seats:many"), ("contacts/", "vip:yes"),
        ("conversations/", "seats:12"), ("conversations/", ":"),
    ):  # fmt: skip
        assert support.get(path, custom_field=named).status_code == 400, named
    assert support.get("contacts/", custom_field="passport:X123").json()["code"] == "personal_data"
    for path, wanted, found in (
        ("contacts/search/", {"passport": "x123", "seats": 12}, 1),
        ("contacts/search/", {"passport": "X12"}, 0),
        ("conversations/search/", {"vip": True}, 1),
        ("conversations/search/", {"vip": False}, 0),
    ):
        assert len(support.post(path, {"custom_fields": wanted}).json()["results"]) == found, wanted
    for body in ({}, {"custom_fields": {"born": "1984-02-17"}}, {"custom_fields": {"seats": None}}):
        assert support.post("contacts/search/", body).status_code == 400, body

"""Contacts by hand, through the API: once per address, with a clear word about each mistake."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from conversations.contacts.models import visitor_label
from conversations.models import ChannelAccount
from core.tenancy.scope import tenant_scope
from tests.api.office import Office

pytestmark = pytest.mark.slow


@pytest.mark.django_db
def test_contact_is_created_and_changed_once_per_address(office: Office) -> None:
    caller = office.caller("support")
    made = caller.post("contacts/", {"name": "Lena Vogt", "phone": "+34 611 222 333", "email": "Lena@Vogt.example"})
    assert made.status_code == 201
    assert made.json()["name"] == "L••• V•••"
    points = {(point["kind"], point["is_verified"]) for point in made.json()["points"]}
    assert points == {("phone", False), ("email", False)}
    told = made.content.decode()
    assert [part for part in ("611 222", "611222", "222333", "222 333", "vogt.example") if part in told] == []
    again = caller.post("contacts/", {"email": " LENA@vogt.example "})
    assert (again.status_code, again.json()["code"]) == (409, "known_address")
    assert again.json()["contact_id"] == made.json()["id"]
    changed = caller.send("patch", f"contacts/{made.json()['id']}/", {"language": "pt-br"})
    assert (changed.json()["language"], changed.json()["name"]) == ("pt_BR", "L••• V•••")
    wrong = {
        "phone": [{}, {"phone": "600 123 456"}, {"phone": "call me"}, {"phone": "+1"}],
        "email": [{"email": "nobody"}, {"email": "a@b"}],
        "language": [{"email": "x@y.example", "language": "Klingon!"}],
    }
    for field, bodies in wrong.items():
        for body in bodies:
            answer = caller.post("contacts/", body)
            assert (answer.status_code, [*answer.json()["fields"]]) == (400, [field]), body


@pytest.mark.django_db
def test_conversation_with_a_contact_is_begun_once_and_by_those_who_may_reply(office: Office) -> None:
    caller = office.caller("support")
    words = {"subject": "Your delivery", "text": "On Monday.", "client_id": str(uuid4())}
    contact = caller.post("contacts/", {"email": "lena@vogt.example"}).json()["id"]
    path = f"contacts/{contact}/conversations/"
    assert caller.post(path, words).json()["code"] == "no_mailbox"
    with tenant_scope(office.world.acme.pk):
        ChannelAccount.objects.create(kind="email", provider="imap", name="Desk", address="desk@acme.example")
    made = [caller.post(path, words) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201]
    assert made[0].json() == made[1].json()
    (message,) = caller.get(f"conversations/{made[0].json()['id']}/messages/").json()["results"]
    assert (message["text"], message["mail"]["subject"]) == ("On Monday.", "Your delivery")
    assert caller.post(path, {**words, "text": "On Tuesday."}).json()["code"] == "id_reused"
    assert caller.post(path, {"text": "On Monday."}).status_code == 400
    assert office.caller("viewer").post(path, words).status_code == 403
    assert office.outsider().post(path, words).status_code == 404


def test_contacts_without_a_name_have_labels_that_tell_them_apart() -> None:
    labels = {visitor_label(UUID(int=number)) for number in range(4096)}
    assert len(labels) == 4096
    assert visitor_label(UUID(int=4096)) == visitor_label(UUID(int=0)) == "Visitor Amber Badger"

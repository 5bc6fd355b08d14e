"""The form before the chat: off by default, kept as facts of the contact, its consent audited, held by the server."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client

from channels_app.web_chat import conversation as chat
from channels_app.web_chat.frames import SendMessage
from channels_app.web_chat.settings.pre_chat import save_form
from channels_app.web_chat.tokens import verify
from conversations.contacts import contacts
from conversations.models import Contact, ContactPoint, Message
from conversations.types import SenderIdentity
from core.clock import now
from core.errors import Refused
from core.models import AuditEntry, Consent
from core.tenancy.models import tenant_scope
from tests import files
from tests.channels_app.conftest import SITE, Widgets, session_of
from tests.channels_app.web_chat.test_files import Visitor
from tests.channels_app.web_chat.test_session_door import ask, signed
from tests.console.conftest import Browser, browser
from tests.world import OPERATOR, World

__all__ = ["browser"]
FULL = {"name": "Ana Souza", "email": "ana@example.com", "agrees": True}
SENTENCE = "I agree that you keep what I write."


def fill(token: str, given: Any, origin: str = SITE) -> Any:
    headers = {"Origin": origin, "Authorization": f"Bearer {token}"}
    return Client().post("/widget/v1/form/", json.dumps(given), content_type="text/plain", headers=headers)


@pytest.fixture
def asking(world: World, widgets: Widgets) -> Widgets:
    """A chat of Acme's that begins with the whole form."""
    with tenant_scope(world.acme.pk):
        save_form(
            actor=OPERATOR, account_id=widgets.acme.pk, asks_name=True, asks_email=True,
            consent=SENTENCE, consent_de="Ich stimme zu.",
        )  # fmt: skip
    return widgets


@pytest.mark.slow
@pytest.mark.django_db
def test_form_is_off_until_somebody_who_may_turns_it_on(widgets: Widgets, browser: Browser) -> None:
    assert ask(Client(), widgets.acme).json()["form"] is None
    page = f"/admin/conversations/channelaccount/{widgets.acme.pk}/form/"
    form = {"asks_name": "on", "consent": SENTENCE, "consent_de": "Ich stimme zu."}
    refused = [browser("viewer").post(page, form), browser("owner", outside=True).post(page, form)]
    assert [answer.status_code for answer in refused] == [403, 404]
    lacking = browser("owner").post(page, {"consent_de": "Ich stimme zu."})
    assert (lacking.status_code, b"for all other languages" in lacking.content) == (400, True)
    assert browser("owner").post(page, form).status_code == 302
    told = {code: ask(Client(), widgets.acme, language=code).json()["form"] for code in ("de", "fr")}
    assert told["de"] == {"name": True, "email": False, "consent": "Ich stimme zu."}
    assert told["fr"] == {"name": True, "email": False, "consent": SENTENCE}
    with tenant_scope(widgets.acme.tenant_id):
        entry = AuditEntry.objects.get(action="CHANNEL_FORM_CHANGED")
        assert (entry.facts["asks_name"], SENTENCE in str(entry.facts)) == (True, False)
        prints = [hashlib.sha256(one.encode()).hexdigest()[:16] for one in (SENTENCE, "Ich stimme zu.")]
        assert entry.facts["wordings"] == ",".join(prints)


@pytest.mark.slow
@pytest.mark.django_db
def test_what_a_visitor_says_is_kept_with_their_contact_and_their_consent_is_audited(
    world: World, asking: Widgets
) -> None:
    session = session_of(asking.acme, language="de")
    guest, frame = verify(session.token, now=now()), SendMessage(id=uuid4(), message="Hello")
    with tenant_scope(world.acme.pk):
        Contact.objects.create()
        with pytest.raises(Refused) as early:
            chat.require_form(guest, frame.id)
        assert (early.value.code, Message.objects.count()) == ("form_first", 0)
    files_first = Visitor(asking.acme).send(("a.png", files.png()))
    assert (files_first.status_code, files_first.json()["code"]) == (403, "form_first")
    bad = {
        "no name": ({**FULL, "name": " "}, "name"),
        "long name": ({**FULL, "name": "x" * 81}, "name"),
        "no address": ({**FULL, "email": ""}, "email"),
        "wrong address": ({**FULL, "email": "ana at home"}, "email"),
        "no consent": ({**FULL, "agrees": False}, "agrees"),
        "consent as text": ({**FULL, "agrees": "yes"}, "agrees"),
    }
    wrong = {}
    for name, (given, field) in bad.items():
        answer = fill(session_of(asking.acme, language="de").token, given)
        if answer.status_code != 400 or list(answer.json()["fields"]) != [field]:
            wrong[name] = (answer.status_code, answer.json())
    assert wrong == {}
    assert fill("nobody", FULL).status_code == 401
    assert fill(session.token, FULL, origin="https://evil.example").json()["code"] == "origin"
    assert fill(session.token, ["no object"]).status_code == 400
    for email in (FULL["email"], "second@example.com"):
        assert fill(session.token, {**FULL, "email": email}).json() == {"type": "introduced"}
    with tenant_scope(world.acme.pk):
        chat.require_form(guest, frame.id)
        chat.store_message(guest, frame, "tests")
        contact = Message.objects.get().conversation.contact
        assert (contact.display_name, contact.language) == ("Ana Souza", "de")
        address = contact.points.get(kind="typed")
        assert (address.value, address.is_verified) == ("ana@example.com", False)
        consent = Consent.objects.get(channel="webchat")
        assert (consent.state, consent.purpose, consent.source) == ("given", "reply", "customer")
        entries = AuditEntry.objects.filter(action__in=("CONSENT_RECORDED", "VISITOR_INTRODUCED")).order_by("seq")
        assert [entry.action for entry in entries] == ["CONSENT_RECORDED", "VISITOR_INTRODUCED"]
        assert len({entry.facts["wording"] for entry in entries}) == 1
        assert "ana" not in str([entry.facts for entry in entries]).lower()
    again = ask(Client(), asking.acme, visitor=session.visitor).json()
    assert again["form"] is None


@pytest.mark.django_db
def test_visitor_takes_over_no_address_and_whom_the_site_knows_is_not_asked(world: World, asking: Widgets) -> None:
    first, second = session_of(asking.acme), session_of(asking.acme)
    assert fill(first.token, FULL).status_code == fill(second.token, {**FULL, "name": "Mallory"}).status_code == 200
    with tenant_scope(world.acme.pk):
        # Each keeps what they typed; who writes from the address is nobody's but their own contact.
        typed = ContactPoint.objects.filter(kind="typed")
        assert {point.value for point in typed} == {"ana@example.com"}
        strangers = set(typed.values_list("contact_id", flat=True))
        sender = SenderIdentity("email", "ana@example.com", verified=True)
        assert not contacts.has_contact(sender)
        with transaction.atomic():
            found = contacts.find_or_create(sender, contacts.point_index("email", sender.value))
        assert (len(strangers), found.contact_id in strangers) == (2, False)
        kept = AuditEntry.objects.filter(action="VISITOR_INTRODUCED").order_by("seq").values_list("facts", flat=True)
        assert [facts["email"] for facts in kept] == [True, True]
        # Their consent is one to this chat: what was said about the address counts as before.
        assert not Consent.objects.exclude(channel="webchat").exists()
    known = ask(Client(), asking.acme, identity=signed(asking.acme, "customer-7")).json()
    assert (known["signed_in"], known["form"]) == ("customer", None)
    assert ask(Client(), asking.second).json()["form"] is None
    off = session_of(asking.second)
    assert fill(off.token, FULL).json() == {"type": "introduced"}
    with tenant_scope(world.acme.pk):
        assert not ContactPoint.objects.filter(
            kind="webchat", value_index=contacts.point_index("webchat", verify(off.token, now=now()).point)
        ).exists()
    with tenant_scope(world.globex.pk):
        assert not Contact.objects.exists()

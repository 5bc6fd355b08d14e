"""A colleague writes first by a template: in one conversation, once, to those who may be written to."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conversations import services
from conversations.contacts import known_people
from conversations.messages.first_messages import begin_conversation
from conversations.models import ChannelAccount, Contact, Conversation, Message
from conversations.services import ByTemplate
from core.errors import WalkerError
from core.models import AuditEntry
from tests.channels_app.conftest import make_widget
from tests.channels_app.meta_whatsapp.conftest import ANA, Door, change, message, person
from tests.channels_app.meta_whatsapp.test_templates import console, store, use
from tests.world import OPERATOR

GERMAN = ByTemplate(language="de")


@pytest.fixture
def ana(door: Door) -> UUID:
    """A contact by her number, who never wrote, and two languages of a template to write to her."""
    with door.inside():
        store(door.account)
        use("update", "en", "reopening")
        use("update", "de", "reopening")
        return known_people.create_contact(actor=OPERATOR, phone=f"+{ANA}", name="Ana").pk


def begin(door: Door, contact_id: UUID, text: str = "your order", **more: Any) -> Conversation:
    filled = {"account_id": door.account.pk, "template": ByTemplate(language="en", variables=["it is here"]), **more}
    return begin_conversation(actor=door.world.actor("support"), contact_id=contact_id, text=text, **filled)


def test_colleague_begins_once_and_the_answer_comes_back_to_it(door: Door, ana: UUID) -> None:
    key = uuid4()
    with door.inside():
        begun = begin(door, ana, client_id=key)
        assert begin(door, ana, client_id=key).pk == begun.pk
        sent = Message.objects.get()
        assert (sent.metadata["template_text"], sent.status) == ("News about {{1}}: {{2}}", "queued")
        begun.refresh_from_db()
        assert (begun.state, begun.assigned_to_id) == ("person", door.world.people["support"].pk)
        actions = AuditEntry.objects.filter(object_id=str(begun.pk)).values_list("action", flat=True)
        assert {"CONVERSATION_OPENED", "MESSAGE_SENT"} <= set(actions)
    door.take(change(contacts=[person()], messages=[message()]))
    with door.inside():
        assert Conversation.objects.get().pk == begun.pk
        assert Contact.objects.count() == 1


def test_open_conversation_is_answered_instead_and_a_closed_one_opens_again(door: Door, ana: UUID) -> None:
    with door.inside():
        begun = begin(door, ana)
        with pytest.raises(WalkerError) as refused:
            begin(door, ana)
        assert (refused.value.code, refused.value.as_dict()["conversation"]) == ("open", str(begun.pk))
        services.close(actor=door.world.actor("support"), conversation_id=begun.pk, resolved=True)
        assert begin(door, ana, template=GERMAN).pk == begun.pk
        assert begun.messages.count() == 2
        begun.refresh_from_db()
        assert begun.state == "person"


@pytest.mark.slow
def test_what_can_not_be_sent_is_refused_and_begins_nothing(door: Door, ana: UUID) -> None:
    with door.inside():
        chat = make_widget(door.world.acme.pk, "Desk").pk
        mail_only = known_people.create_contact(actor=OPERATOR, email="bo@customers.example").pk
        cases: dict[str, dict[str, Any]] = {
            "window_closed": {"template": None},
            "too_few_variables": {"template": ByTemplate(language="en")},
            "no_address": {"contact_id": mail_only},
            "invalid": {"account_id": chat},
            "not_found": {"account_id": uuid4()},
        }
        found = {code: _refusal(door, **{"contact_id": ana, **more}) for code, more in cases.items()}
        found["subject"] = _refusal(door, contact_id=ana, subject="Hello")
        services.record_consent(actor=OPERATOR, address=f"+{ANA}", state="withdrawn", purpose="service")
        found["opted_out"] = _refusal(door, contact_id=ana)
        assert found == {**{code: code for code in cases}, "subject": "invalid", "opted_out": "opted_out"}
        assert (Conversation.objects.count(), Message.objects.count()) == (0, 0)


def _refusal(door: Door, **more: Any) -> str:
    try:
        begin(door, **more)
    except WalkerError as problem:
        return problem.code
    return "nothing"


def test_api_begins_by_a_template(door: Door, ana: UUID) -> None:
    asked = {"account_id": str(door.account.pk), "text": "your order", "as_template": True, "template_language": "de"}
    client = console(door.world, "support")
    answer = client.post(f"/api/v1/contacts/{ana}/conversations/", asked, content_type="application/json")
    assert answer.status_code == 201, answer.content
    plain = {"account_id": str(door.account.pk), "text": "Hello"}
    again = client.post(f"/api/v1/contacts/{ana}/conversations/", plain, content_type="application/json")
    assert (again.status_code, again.json()["code"], again.json()["conversation"]) == (409, "open", answer.json()["id"])


@pytest.mark.slow
def test_contact_s_page_sends_a_template_and_says_why_it_can_not(door: Door, ana: UUID) -> None:
    client = console(door.world, "support")
    page = f"/admin/conversations/contact/{ana}/send-template/"
    shown: Any = client.get(page)
    words = shown.content.decode()
    assert shown.status_code == 200, words
    assert ("News about" in words, "Neues" in words) == (True, True)
    with CaptureQueriesContext(connection) as asked:
        client.get(f"/admin/conversations/contact/{ana}/")
    assert sum('from "conversations_messagetemplate"' in query["sql"].lower() for query in asked) == 1
    form = shown.context["form"]
    sent = {"account_id": door.account.pk, "template_language": "en", "as_template": "True", "text": "your order"}
    sent["client_id"] = form["client_id"].value()
    short = client.post(page, sent)
    assert (short.status_code, "The template needs this" in short.content.decode()) == (400, True)
    done = client.post(page, {**sent, "gap_2": "it is here"})
    with door.inside():
        begun = Conversation.objects.get()
    assert done.headers["Location"] == f"/admin/conversations/conversation/{begun.pk}/"
    assert console(door.world, "viewer").get(page).status_code == 403
    with door.inside():
        # One whose provider this process can't send through: the page goes on without it.
        ChannelAccount.objects.filter(pk=door.account.pk).update(provider="gone")
        gone = client.get(f"/admin/conversations/contact/{ana}/")
        assert (gone.status_code, "No channel has a template" in gone.content.decode()) == (200, True)
        bare = known_people.create_contact(actor=OPERATOR, email="bo@customers.example").pk
    why = client.get(f"/admin/conversations/contact/{bare}/").content.decode()
    assert "No channel has a template for this contact" in why


@pytest.mark.slow
def test_inbox_sends_a_template_to_a_number_that_nobody_has_yet(door: Door, ana: UUID) -> None:
    client, page = console(door.world, "support"), "/admin/conversations/conversation/begin/"
    sent: dict[str, Any] = {"recipient": "+34 611 222 333", "account_id": door.account.pk}
    shown: Any = client.post(page, sent)
    assert "News about" in shown.content.decode()
    sent |= {"template_language": "en", "as_template": "True", "text": "your order", "gap_2": "it is here"}
    sent["client_id"] = shown.context["form"]["client_id"].value()
    done = [client.post(page, sent).headers["Location"] for _ in range(2)]
    with door.inside():
        begun = Conversation.objects.get()
        assert begun.contact.points.get().value == "+34611222333"
        assert Message.objects.get().metadata["template_text"] == "News about {{1}}: {{2}}"
    assert done == [f"/admin/conversations/conversation/{begun.pk}/"] * 2
    answer = client.post(page, {**sent, "recipient": f"+{ANA}", "client_id": uuid4(), "template_language": "fr"})
    assert (answer.status_code, "template_language" in answer.context["form"].errors) == (400, True)

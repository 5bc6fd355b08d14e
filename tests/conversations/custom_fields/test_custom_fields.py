"""Custom fields: who makes them, what they take, who sees it, and what colleagues write at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from conversations import services
from conversations.contacts.erasure import erase_contact
from conversations.contacts.known_people import set_contact_fields
from conversations.custom_fields.definitions import (
    FieldSettings,
    create_custom_field,
    delete_custom_field,
    revise_custom_field,
)
from conversations.custom_fields.selectors import query_fields, values_for_agents
from conversations.inbox.bulk import change_many
from conversations.inbox.custom_values import set_conversation_fields
from conversations.inbox.triage.triage import RuleSettings, create_triage_rule
from conversations.merges.merges import merge_contacts, undo_merge
from conversations.models import Contact, Conversation, CustomField, CustomValue, Triage
from conversations.replies.canned_replies import CannedText, create_canned_reply, fill_variables
from core.actors import system
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry
from core.privacy.pii.addresses import MASKED
from core.tenancy.scope import tenant_scope
from tests.conversations.conftest import AGENT, Shop, make_shop
from tests.world import World

pytestmark = pytest.mark.slow


def field(shop: Shop, key: str, kind: str = "text", *, subject: str = "conversation", **more: Any) -> CustomField:
    """Let an administrator make a field."""
    is_personal = more.pop("is_personal", False)
    settings = FieldSettings(name=more.pop("name", key.title()), **more)
    return create_custom_field(
        actor=shop.world.actor("admin"), subject=subject, key=key, kind=kind, settings=settings, is_personal=is_personal
    )


def values(talk: Conversation) -> dict[str, str]:
    """The values of a conversation as everybody sees them."""
    return dict(CustomValue.objects.filter(conversation=talk).values_list("field__key", "text"))


@pytest.mark.django_db
def test_fields_are_made_by_who_manages_and_keep_what_is_chosen(shop: Shop) -> None:
    admin, support, talk = shop.world.actor("admin"), shop.world.actor("support"), shop.conversation()
    tier = field(shop, "tier", "list", name="Tier", options=["Gold", "Silver"])
    wrong: list[tuple[dict[str, Any], FieldSettings]] = [
        ({"key": "Tier"}, FieldSettings("Other")),
        ({"kind": "money"}, FieldSettings("Other")),
        ({"subject": "order"}, FieldSettings("Other")),
        ({}, FieldSettings(" ")),
        ({"kind": "list"}, FieldSettings("Other")),
        ({"kind": "list"}, FieldSettings("Other", options=["a", "A"])),
        ({}, FieldSettings("Other", options=["a"])),
        ({}, FieldSettings("Other", pattern="a" * 201)),
        ({"kind": "number"}, FieldSettings("Other", pattern=r"\d")),
        ({}, FieldSettings("Other", pattern="(a+")),
    ]
    for said, settings in wrong:
        given: dict[str, Any] = {"subject": "conversation", "key": "other", "kind": "text", **said}
        with pytest.raises(Invalid):
            create_custom_field(actor=admin, settings=settings, **given)
    for key, name in (("tier", "Other"), ("other", "tIER")):
        with pytest.raises(Conflict, match="key or name"):
            field(shop, key, name=name)
    with pytest.raises(Refused):
        create_custom_field(
            actor=support, subject="contact", key="x", kind="text", settings=FieldSettings("X"), is_personal=False
        )
    set_conversation_fields(actor=support, conversation_id=talk.pk, values={"tier": "Gold"})
    with pytest.raises(Conflict, match="chosen"):
        revise_custom_field(actor=admin, field_id=tier.pk, settings=FieldSettings("Tier", options=["Silver"]))
    fewer = FieldSettings("Level", options=["Gold"], agents_read=True)
    assert revise_custom_field(actor=admin, field_id=tier.pk, settings=fewer, seen_version=1).version == 2
    told = AuditEntry.objects.get(action="CUSTOM_FIELD_REVISED").facts
    assert (told["required"], told["agents_read"]) == (False, True)
    # Who may change a personal list finds out nothing by it.
    illness = field(shop, "illness", "list", options=["None", "Flu"], is_personal=True)
    set_conversation_fields(actor=support, conversation_id=talk.pk, values={"illness": "None"})
    with pytest.raises(Conflict, match="chosen"):
        revise_custom_field(actor=admin, field_id=illness.pk, settings=FieldSettings("Illness", options=["None"]))
    delete_custom_field(actor=admin, field_id=illness.pk)
    with pytest.raises(Conflict):
        delete_custom_field(actor=admin, field_id=tier.pk, seen_version=1)
    with tenant_scope(shop.world.globex.pk):
        outsider = shop.world.outsider()
        assert list(query_fields(viewer=outsider)) == []
        with pytest.raises(NotFound):
            delete_custom_field(actor=outsider, field_id=tier.pk)
    delete_custom_field(actor=admin, field_id=tier.pk, seen_version=2)
    assert not CustomValue.objects.exists()
    assert AuditEntry.objects.get(action="CUSTOM_FIELD_DELETED", object_id=tier.pk).facts["values"] == 1


@pytest.mark.django_db
def test_values_are_checked_and_stored_in_one_form(shop: Shop) -> None:
    support, talk = shop.world.actor("support"), shop.conversation()
    field(shop, "order", pattern=r"[A-Z]{2}-\d{4,6}", hint="Two letters, a dash, 4 to 6 digits.")
    for kind in ("number", "date", "checkbox", "link"):
        field(shop, kind, kind)
    field(shop, "tier", "list", options=["Gold"])
    field(shop, "since", "date", subject="contact")
    right: dict[str, tuple[Any, str]] = {
        "order": (" AB-1234 ", "AB-1234"), "number": (12.50, "12.5"), "date": ("2026-05-31", "2026-05-31"),
        "checkbox": (False, "no"), "link": ("https://shop.example/orders/7", "https://shop.example/orders/7"),
        "tier": ("Gold", "Gold"),
    }  # fmt: skip
    set_conversation_fields(
        actor=support, conversation_id=talk.pk, values={key: given for key, (given, _) in right.items()}
    )
    assert values(talk) == {key: stored for key, (_, stored) in right.items()}
    wrong: dict[str, list[Any]] = {
        "order": ["ab-1234", "AB-1234 extra", ["AB-1234"]], "number": ["1e3", "12,50", True, float("nan")],
        "date": ["31.05.2026", "2026-02-30"], "checkbox": ["perhaps"], "tier": ["gold", "Silver"],
        "link": ["javascript:alert(1)", "shop.example", "ftp://shop.example/"], "since": ["2026-05-31"], "other": ["x"],
    }  # fmt: skip
    for key, ones in wrong.items():
        for given in ones:
            with pytest.raises(Invalid) as refused:
                set_conversation_fields(actor=support, conversation_id=talk.pk, values={"tier": None, key: given})
            assert [*refused.value.facts["fields"]] == [key], given
    assert values(talk)["tier"] == "Gold"
    with pytest.raises(Invalid) as refused:
        set_conversation_fields(actor=support, conversation_id=talk.pk, values={"order": "7"})
    assert refused.value.facts["fields"]["order"] == ["Two letters, a dash, 4 to 6 digits."]
    with pytest.raises(Refused):
        set_conversation_fields(actor=shop.world.actor("viewer"), conversation_id=talk.pk, values={"tier": None})
    with tenant_scope(shop.world.globex.pk), pytest.raises(NotFound):
        set_conversation_fields(actor=shop.world.outsider(), conversation_id=talk.pk, values={})
    for _ in range(2):  # safe to repeat
        set_conversation_fields(actor=support, conversation_id=talk.pk, values={"tier": "", "number": None})
    assert {"tier", "number"}.isdisjoint(values(talk))
    assert AuditEntry.objects.filter(action="CONVERSATION_FIELDS_SET", object_id=talk.pk).count() == 2


@pytest.mark.django_db
def test_personal_value_is_sealed_masked_and_in_no_log(shop: Shop) -> None:
    support, talk = shop.world.actor("support"), shop.conversation()
    field(shop, "passport", subject="contact", is_personal=True)
    set_contact_fields(actor=support, contact_id=talk.contact_id, values={"passport": "X123 Quagga"})
    row = CustomValue.objects.get(contact=talk.contact_id)
    assert (row.text, row.value) == (MASKED, "X123 Quagga")
    with connection.cursor() as cursor:
        cursor.execute("select t::text from conversations_customvalue t")
        assert "Quagga" not in str(cursor.fetchall())
    assert AuditEntry.objects.get(action="CONTACT_FIELDS_SET").facts == {"fields": [str(row.field_id)]}


@pytest.mark.django_db
def test_merge_moves_what_is_missing_and_an_erasure_leaves_nothing(shop: Shop) -> None:
    support, one, two = shop.world.actor("support"), shop.conversation(), shop.call().conversation
    for key in ("size", "town"):
        field(shop, key, subject="contact", agents_read=True)
    field(shop, "order")
    set_contact_fields(actor=support, contact_id=one.contact_id, values={"size": "M", "town": "Bonn"})
    set_contact_fields(actor=support, contact_id=two.contact_id, values={"size": "L"})
    set_conversation_fields(actor=support, conversation_id=one.pk, values={"order": "7"})
    merge_contacts(actor=support, contact_id=one.contact_id, into_id=two.contact_id, reason="They are the same.")
    kept = CustomValue.objects.filter(contact=two.contact_id)
    assert sorted(kept.values_list("field__key", "text")) == [("size", "L"), ("town", "Bonn")]
    # A merge proves nothing: what no person looks at tells neither address what is known of the other.
    for talk_id, own in ((one.pk, [("Size", "M")]), (two.pk, [])):
        talk = Conversation.objects.get(pk=talk_id)
        assert values_for_agents(conversation_id=talk.pk, record_id=talk.record_id) == own
        said = [
            fill_variables(actor=actor, conversation_id=talk.pk, text="{{ field.town }}")
            for actor in (support, system("triage"))
        ]
        assert said == ["Bonn", ""]
    undo_merge(actor=support, contact_id=one.contact_id)
    assert list(kept.values_list("text", flat=True)) == ["L"]
    assert values_for_agents(conversation_id=two.pk, record_id=two.contact_id) == [("Size", "L")]
    merge_contacts(actor=support, contact_id=one.contact_id, into_id=two.contact_id, reason="They are the same.")
    eraser = replace(shop.world.actor("owner"), auth_strength="mfa")
    erase_contact(actor=eraser, contact_id=two.contact_id, reason="asked_for")
    assert not CustomValue.objects.exists()
    with pytest.raises(Conflict):
        set_contact_fields(actor=support, contact_id=two.contact_id, values={"town": "Bonn"})
    with pytest.raises(Conflict):
        set_conversation_fields(actor=support, conversation_id=one.pk, values={"order": "8"})


@pytest.mark.django_db
def test_people_close_no_conversation_without_what_is_needed(shop: Shop) -> None:
    support, talk, other = shop.world.actor("support"), shop.conversation(), shop.call().conversation
    field(shop, "order", name="Order number", required_on_close=True)
    field(shop, "tier", subject="contact", required_on_close=True)
    field(shop, "colour")
    with pytest.raises(Conflict, match="Fill in “Order number”, “Tier” before") as refused:
        services.close(actor=support, conversation_id=talk.pk, resolved=True)
    assert (refused.value.code, refused.value.facts["missing"]) == ("fields_missing", ["order", "tier"])
    set_conversation_fields(actor=support, conversation_id=talk.pk, values={"order": "7"})
    set_contact_fields(actor=support, contact_id=other.contact_id, values={"tier": "Gold"})
    ids = [talk.pk, other.pk]
    results = change_many(actor=support, conversation_ids=ids, change="close", values={"resolved": True})
    assert [result.code for result in results] == ["fields_missing"] * 2
    assert ["“Tier”" in result.detail for result in results] == [True, False]
    set_contact_fields(actor=support, contact_id=talk.contact_id, values={"tier": "Gold"})
    assert services.close(actor=support, conversation_id=talk.pk, resolved=True).state == "closed"
    assert services.close(actor=AGENT, conversation_id=other.pk, resolved=True).state == "closed"


@pytest.mark.django_db(transaction=True)
def test_colleagues_who_write_two_fields_at_once_keep_both(committed_world: World) -> None:
    with tenant_scope(committed_world.acme.pk):
        shop = make_shop(committed_world)
        talk, support = shop.conversation(), shop.world.actor("support")
        keys = [f"field_{number}" for number in range(6)]
        for key in keys:
            field(shop, key)

    def work(key: str) -> None:
        try:
            with tenant_scope(shop.world.acme.pk):
                set_conversation_fields(actor=support, conversation_id=talk.pk, values={key: "mine"})
                set_conversation_fields(actor=support, conversation_id=talk.pk, values={keys[0]: key})
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, keys))
    with tenant_scope(shop.world.acme.pk):
        assert {**values(talk), keys[0]: "mine"} == dict.fromkeys(keys, "mine")


@pytest.mark.django_db
def test_console_shows_and_changes_what_was_pressed_and_masks_the_rest(shop: Shop) -> None:
    talk, support = shop.conversation(), shop.world.actor("support")
    browsers = {role: Client() for role in ("admin", "support")}
    for role, browser in browsers.items():
        browser.force_login(shop.world.people[role], backend="accounts.backends.RoleBackend")
    url = f"/admin/conversations/conversation/{talk.pk}/"
    assert "There are no custom fields yet" in browsers["support"].get(f"{url}fields/").content.decode()
    new = {"subject": "conversation", "name": "Order", "key": "order", "kind": "text", "pattern": r"\d+"}
    assert browsers["admin"].post("/admin/conversations/customfield/create/", new).status_code == 302
    assert browsers["admin"].post("/admin/conversations/customfield/create/", new).status_code == 409
    assert browsers["support"].get("/admin/conversations/customfield/").status_code == 403
    field(shop, "colour")
    field(shop, "passport", subject="contact", is_personal=True, name="Passport")
    set_conversation_fields(actor=support, conversation_id=talk.pk, values={"colour": "red"})  # meanwhile
    sent = {"field_order": "17", "field_colour": "", "seen": "{}"}
    assert browsers["support"].post(f"{url}fields/", sent).status_code == 302
    assert values(talk) == {"order": "17", "colour": "red"}
    refused = browsers["support"].post(f"{url}fields/", {**sent, "field_order": "x", "seen": '{"order": "17"}'})
    assert (refused.status_code, "fit the pattern" in refused.content.decode()) == (400, True)
    hidden = {"field_passport": "X123", "seen": "[]"}
    assert browsers["support"].post(f"{url}contact-fields/", hidden).status_code == 302
    page = browsers["support"].get(url).content.decode()
    assert all(word in page for word in ("Order", "17", "red", "Passport"))
    contact = f"/admin/conversations/contact/{talk.contact_id}/"
    shown = browsers["support"].get(contact).content.decode()
    form = browsers["support"].get(f"{contact}fields/").content.decode()
    assert ("Passport" in shown, "X123" in page + shown + form) == (True, False)
    assert browsers["support"].post(f"{contact}fields/", {"field_passport": "", "seen": "{}"}).status_code == 302
    assert CustomValue.objects.filter(contact=talk.contact_id).exists()
    gone = {"field_passport": "", "remove_passport": "on", "seen": "{}"}
    assert browsers["support"].post(f"{contact}fields/", gone).status_code == 302
    assert not CustomValue.objects.filter(contact=talk.contact_id).exists()
    assert Contact.objects.filter(pk=talk.contact_id).exists()
    assert browsers["support"].get(f"/admin/conversations/contact/{uuid4()}/fields/").status_code == 404


@pytest.mark.django_db
def test_lists_of_the_console_are_narrowed_to_a_choice(shop: Shop) -> None:
    support, one, two = shop.world.actor("support"), shop.conversation(), shop.call().conversation
    field(shop, "tier", "list", options=["Gold", "Silver"])
    field(shop, "member", "checkbox", subject="contact")
    field(shop, "diagnosis", "checkbox", is_personal=True)
    set_conversation_fields(actor=support, conversation_id=one.pk, values={"tier": "Gold"})
    set_contact_fields(actor=support, contact_id=two.contact_id, values={"member": True})
    browser = Client()
    browser.force_login(shop.world.people["support"], backend="accounts.backends.RoleBackend")

    def rows(url: str, **query: str) -> int:
        return browser.get(url, query).content.decode().count("wk-row-link")

    inbox = browser.get("/admin/inbox/", {"view": "open", "field": "tier:Gold"}).content.decode()
    assert (inbox.count("wk-row-link"), "iagnosis" in inbox) == (1, False)
    assert '<option value="tier:Gold" selected>Tier: Gold' in inbox
    assert rows("/admin/inbox/", view="open", field="tier:Silver") == 0
    for unknown in ("tier:Lead", "diagnosis:yes", "nonsense", "a\0:1"):
        assert rows("/admin/inbox/", view="open", field=unknown) == 2
    # After an action the next one is looked for in what the address names.
    beside = f"/admin/conversations/conversation/{one.pk}/close/?view=open&field=a%00:1&from=inbox"
    assert browser.post(beside, {"resolved": "yes"}).status_code == 302
    contacts = [browser.get("/admin/conversations/contact/", {"field": f"member:{word}"}) for word in ("yes", "no")]
    assert [str(two.contact_id) in page.content.decode() for page in contacts] == [True, False]


@pytest.mark.django_db
def test_rules_and_canned_replies_use_what_is_not_personal(shop: Shop) -> None:
    admin, support, talk = shop.world.actor("admin"), shop.world.actor("support"), shop.conversation()
    tier = field(shop, "tier", "list", subject="contact", options=["Gold", "Silver"])
    field(shop, "seats", "number")
    field(shop, "passport", is_personal=True)

    def rule(name: str, condition: str, **more: Any) -> None:
        create_triage_rule(actor=admin, settings=RuleSettings(name, condition, is_active=True, **more))

    for condition in ('field_passport == "X"', 'field_tier == "Lead"', 'field_seats == "12"', 'field_other == "x"'):
        with pytest.raises(Invalid):
            rule("Wrong", condition, priority=4)
    rule("Small", "field_seats < 10", priority=1)
    rule("Big", 'field_seats > 10.5 and field_tier in ("Gold", "Silver")', priority=4)
    assert services.hand_off(actor=AGENT, conversation_id=talk.pk, reason="complaint").priority == 2
    other = shop.call().conversation
    set_conversation_fields(actor=support, conversation_id=other.pk, values={"seats": 12, "passport": "X123"})
    set_contact_fields(actor=support, contact_id=other.contact_id, values={"tier": "Gold"})
    assert services.hand_off(actor=AGENT, conversation_id=other.pk, reason="complaint").priority == 4
    assert not {name for name in Triage.objects.get(conversation=other).facts if name.startswith("field")}
    with pytest.raises(Conflict, match="“Big” looks at this field"):
        delete_custom_field(actor=admin, field_id=tier.pk)
    text = "You are {{ field.tier }}, with {{field.seats}} seats, {{ field.passport }}."
    for wrong in (text, "{{ field.other }}"):
        with pytest.raises(Invalid):
            create_canned_reply(actor=admin, wanted=CannedText("tier", "Tier", wrong))
    create_canned_reply(actor=admin, wanted=CannedText("tier", "Tier", "You are {{ field.tier }}."))
    for masked in (True, False):
        said = fill_variables(actor=support, conversation_id=other.pk, text=text, masked=masked)
        assert said == "You are Gold, with 12 seats."
    assert fill_variables(actor=support, conversation_id=talk.pk, text="{{ field.tier }}!") == "!"

"""Connecting, testing and mending a number in the console."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from channels_app.kit.phones.numbers import TEST_TEXT, introduce_colleague
from channels_app.twilio import connect
from conversations.channel_accounts import accounts
from conversations.models import ChannelAccount, Contact, Conversation
from core.errors import Invalid, Refused
from tests.channels_app.twilio.conftest import OURS, SID, TOKEN, WEBHOOK, Door, fields, post
from tests.edge.phone_fixture import Phone
from tests.world import OPERATOR, World

LIST = "/admin/conversations/channelaccount/"
FORM = {"kind": "whatsapp", "name": "Desk", "number": OURS, "account_sid": SID, "auth_token": TOKEN}


def console(world: World, role: str = "owner") -> Client:
    client = Client()
    client.force_login(world.people[role], backend="accounts.backends.RoleBackend")
    return client


def page(door: Door) -> str:
    return console(door.world).get(f"{LIST}{door.account.pk}/").content.decode()


def test_number_is_connected_by_the_form_and_takes_messages(world: World, settings: Any) -> None:
    client = console(world)
    assert client.post(f"{LIST}connect/", FORM).status_code == 302
    assert post(fields()).status_code == 200


@pytest.mark.parametrize(("field", "wrong"), [("number", "call me"), ("account_sid", "AC1"), ("auth_token", "")])
def test_wrong_entry_is_named_at_its_field(world: World, field: str, wrong: str) -> None:
    answer = console(world).post(f"{LIST}connect/", {**FORM, field: wrong})
    assert answer.status_code == 400
    assert f'id="id_connect_{field}_error"' in answer.content.decode()


def test_page_says_what_to_paste_and_shows_no_secret(door: Door, settings: Any) -> None:
    text = page(door)
    assert f"{settings.PUBLIC_URL}{WEBHOOK}" in text
    assert TOKEN not in text


@pytest.mark.parametrize("path", ["", "{account}/"])
def test_number_that_is_connected_now_is_shown(door: Door, path: str) -> None:
    text = console(door.world).get(LIST + path.format(account=door.account.pk)).content.decode()
    assert OURS in text


@pytest.mark.slow
def test_wrong_signatures_are_told_in_words(door: Door) -> None:
    assert "wrong signature" not in page(door)
    post(fields(), signature="bm8=")
    assert "wrong signature" in page(door)


def test_last_error_is_told_in_words(door: Door) -> None:
    with door.inside():
        accounts.note_trouble(account_id=door.account.pk, code="20003")
    assert "rejected the account SID or auth token" in page(door)


def test_empty_secret_keeps_the_present_one(door: Door) -> None:
    form = {"name": "Renamed", "number": OURS, "account_sid": SID, "auth_token": ""}
    assert console(door.world).post(f"{LIST}{door.account.pk}/edit/", form).status_code == 302
    assert post(fields()).status_code == 200


@pytest.mark.slow
def test_test_message_reaches_the_phone(open_door: Door, phone: Phone) -> None:
    phone.write("hello")
    form = {"to": "+447700900101"}
    assert console(open_door.world).post(f"{LIST}{open_door.account.pk}/send-test/", form).status_code == 302
    assert [reply["body"] for reply in phone.replies()] == [TEST_TEXT]


@pytest.mark.slow
def test_test_message_that_fails_says_why(open_door: Door, phone: Phone) -> None:
    phone.behave(manages_opt_out=True)
    phone.write("STOP")
    answer = console(open_door.world).post(f"{LIST}{open_door.account.pk}/send-test/", {"to": "+447700900101"})
    assert answer.status_code == 400
    assert "opted out" in answer.content.decode()


def test_phone_is_linked_to_a_colleague_also_after_he_wrote(door: Door) -> None:
    door.take()
    form = {"number": "+34 600 123 456", "email": "support@acme.example"}
    assert console(door.world).post(f"{LIST}{door.account.pk}/colleague/", form).status_code == 302
    with door.inside():
        assert Contact.objects.get().user_id == door.world.people["support"].pk
        assert Conversation.objects.count() == 1


@pytest.mark.slow
def test_who_linked_a_phone_is_on_record_for_four_eyes(door: Door) -> None:
    form = {"number": "+34 600 123 456", "email": "support@acme.example"}
    console(door.world, "admin").post(f"{LIST}{door.account.pk}/colleague/", form)
    with door.inside():
        contact = Contact.objects.get()
    assert contact.linked_by_id == door.world.people["admin"].pk
    page = console(door.world, "admin").get(f"/admin/conversations/contact/{contact.pk}/").content.decode()
    assert "Support Acme, linked by Admin Acme" in page


def test_support_may_neither_connect_nor_link(door: Door) -> None:
    support = door.world.actor("support")
    with door.inside():
        with pytest.raises(Refused):
            connect.connect_number(actor=support, **FORM)
        with pytest.raises(Refused):
            introduce_colleague(actor=support, number="+34600123456", email="owner@acme.example")


def test_stranger_is_no_colleague(door: Door) -> None:
    owner = door.world.actor("owner")
    with door.inside(), pytest.raises(Invalid):
        introduce_colleague(actor=owner, number="+34600123456", email="owner@globex.example")
    with door.inside():
        assert ChannelAccount.objects.count() == 1


@pytest.mark.slow
def test_two_colleagues_who_each_change_a_secret_keep_both(open_door: Door) -> None:
    def change() -> None:
        try:
            with open_door.inside():
                form = FORM | {"auth_token": "a" * 32}
                connect.connect_number(actor=OPERATOR, account_id=open_door.account.pk, **form)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with open_door.inside(), transaction.atomic():
            account = ChannelAccount.objects.select_for_update().get(pk=open_door.account.pk)
            other = pool.submit(change)
            with pytest.raises(TimeoutError):
                other.result(timeout=0.5)
            account.credentials = {**account.credentials, "secondary_auth_token": "b" * 32}
            account.save()
        other.result(timeout=10)
    with open_door.inside():
        account.refresh_from_db()
    kept = account.credentials
    assert (kept["auth_token"], kept["secondary_auth_token"]) == ("a" * 32, "b" * 32)

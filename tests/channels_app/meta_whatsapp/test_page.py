"""Connecting, editing and testing a number of the Cloud API in the console."""

import pytest
from django.test import Client

from accounts.permissions.roles import permissions_of
from accounts.services import create_api_key
from channels_app.webhooks import deliveries
from conversations.models import ChannelAccount
from core.tenancy.scope import tenant_scope
from tests.channels_app.meta_whatsapp.conftest import (
    ACCOUNT_ID,
    CUSTOMER,
    NUMBER_ID,
    OURS,
    SECRET,
    Door,
    Meta,
    change,
    message,
    post,
    wrap,
)
from tests.edge.phone_fixture import eventually
from tests.world import OPERATOR, World

LIST = "/admin/conversations/channelaccount/"
FORM = {
    "name": "Meta",
    "number": OURS,
    "phone_number_id": NUMBER_ID,
    "business_account_id": ACCOUNT_ID,
    "access_token": "EAAtoken",
    "app_secret": SECRET,
}


def console(world: World, role: str = "owner") -> Client:
    client = Client()
    client.force_login(world.people[role], backend="accounts.backends.RoleBackend")
    return client


def test_number_is_connected_by_the_form_shows_what_to_paste_and_takes_messages(world: World) -> None:
    client = console(world)
    made = client.post(f"{LIST}connect-cloud/", FORM)
    assert made.status_code == 302
    text = client.get(made["Location"]).content.decode()
    with tenant_scope(world.acme.pk):
        account = ChannelAccount.objects.get(provider="cloud")
    assert f"/channels/whatsapp-cloud/{account.public_key}/webhook/" in text
    assert account.credentials["verify_token"] in text
    assert SECRET not in text
    assert "EAAtoken" not in text
    assert post(wrap(change(messages=[message()])), key=account.public_key).status_code == 200
    viewer = console(world, "viewer").get(made["Location"]).content.decode()
    assert account.credentials["verify_token"] not in viewer


def test_number_without_an_app_secret_is_saved_closed_and_opens_with_it(world: World) -> None:
    client = console(world)
    made = client.post(f"{LIST}connect-cloud/", {**FORM, "app_secret": ""})
    text = client.get(made["Location"]).content.decode()
    assert "Without an app secret" in text
    with tenant_scope(world.acme.pk):
        account = ChannelAccount.objects.get(provider="cloud")
        assert not account.is_active
    changed = {name: FORM[name] for name in ("name", "phone_number_id", "business_account_id", "app_secret")}
    assert client.post(f"{LIST}{account.pk}/edit-cloud/", changed).status_code == 302
    with tenant_scope(world.acme.pk):
        account.refresh_from_db()
        assert account.is_active
        assert account.credentials["access_token"] == "EAAtoken"


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("number", "call me"), ("phone_number_id", "id"), ("business_account_id", "x"), ("access_token", "")],
)  # fmt: skip
def test_wrong_entry_is_named_at_its_field(world: World, field: str, wrong: str) -> None:
    answer = console(world).post(f"{LIST}connect-cloud/", {**FORM, field: wrong})
    assert answer.status_code == 400
    assert f'id="id_connect-cloud_{field}_error"' in answer.content.decode()


def test_phone_number_id_belongs_to_one_channel(door: Door) -> None:
    answer = console(door.world).post(f"{LIST}connect-cloud/", {**FORM, "number": "+447700900019"})
    assert answer.status_code == 409
    assert "already in use" in answer.content.decode()


def test_wrong_signatures_are_told_in_words(door: Door) -> None:
    post(wrap(change(messages=[message()])), signature="sha256=00")
    assert "wrong signature" in console(door.world).get(f"{LIST}{door.account.pk}/").content.decode()


@pytest.mark.slow
def test_test_message_says_how_it_went(open_door: Door, meta: Meta) -> None:
    client, page = console(open_door.world), f"{LIST}{open_door.account.pk}/"
    meta.write("Hello")
    assert client.post(f"{page}test-cloud/", {"to": CUSTOMER}).status_code == 302
    assert [reply["body"] for reply in meta.replies()] == ["This is a test from Walker. The number works."]
    lost = {"match": f"POST /v23.0/{NUMBER_ID}/messages", "do": "drop_after"}
    for where, how, words, error in (
        ("/__script", lost, "connection", ""),
        ("/__behave", {"token_expired": True}, "access token", "190"),
    ):
        meta.call(where, how)
        answer = client.post(f"{page}test-cloud/", {"to": CUSTOMER})
        assert (answer.status_code, words in answer.content.decode()) == (400, True)
        with open_door.inside():
            assert ChannelAccount.objects.get(pk=open_door.account.pk).last_error == error


@pytest.mark.slow
def test_test_message_is_sent_by_the_api(open_door: Door, meta: Meta) -> None:
    meta.write("Hello")
    with open_door.inside():
        scopes = sorted(permissions_of("owner"))
        key = create_api_key(actor=OPERATOR, user=open_door.world.people["owner"], name="Test", scopes=scopes)[1]
    answer = Client().post(
        f"/api/v1/channel-accounts/{open_door.account.pk}/test/", {"to": CUSTOMER},
        content_type="application/json", headers={"Authorization": f"Bearer {key}"},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["valid"]) == (200, True)
    assert [reply["body"] for reply in meta.replies()] == ["This is a test from Walker. The number works."]


@pytest.mark.slow
def test_test_message_is_not_sent_to_someone_who_opted_out(open_door: Door, meta: Meta) -> None:
    meta.write("STOP")
    eventually(lambda: bool(open_door.rows()))
    deliveries.dispatch_due_deliveries()
    answer = console(open_door.world).post(f"{LIST}{open_door.account.pk}/test-cloud/", {"to": CUSTOMER})
    assert answer.status_code == 409
    assert "opted out" in answer.content.decode()
    assert "This is a test from Walker. The number works." not in [reply["body"] for reply in meta.replies()]

"""What Meta's webhook answers, and what it stores."""

import json
import time
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Tenant
from channels_app.kit.found import forget
from channels_app.meta_whatsapp.elements import elements_of
from channels_app.meta_whatsapp.numbers import proven_by
from channels_app.webhooks import deliveries
from conversations.contacts.known_people import revise_contact
from conversations.models import ChannelAccount, Contact, Message
from core.models import DeadLetter
from core.tenancy.scope import tenant_scope
from standins.meta import seed
from tests.channels_app.meta_whatsapp.conftest import (
    ANA,
    NUMBER_ID,
    SECRET,
    Door,
    change,
    connect,
    message,
    person,
    post,
    sign,
    status,
    wrap,
)
from tests.recordings import load
from tests.world import World

PATH = f"/channels/whatsapp-cloud/{seed.door_key('acme')}/webhook/"


def challenge(token: str, key: str = "acme-meta", mode: str = "subscribe", value: str = "12345") -> Any:
    query = {"hub.mode": mode, "hub.verify_token": token, "hub.challenge": value}
    return Client().get(f"/channels/whatsapp-cloud/{key}/webhook/", query)


def test_challenge_is_answered_to_the_verify_token_only(door: Door) -> None:
    right = challenge("the verify token")
    assert (right.status_code, right.content, right["Content-Type"]) == (200, b"12345", "text/plain")
    wrong = [challenge("wrong"), challenge(""), challenge("the verify token", key="nobody"), challenge("ü")]
    wrong += [challenge("the verify token", mode="other"), challenge("the verify token", value="")]
    assert {answer.status_code for answer in wrong} == {403}


def test_signature_covers_the_raw_bytes(door: Door) -> None:
    body = json.dumps(wrap(change(messages=[message(1, type="text", text={"body": "Olá 😀"})]))).encode()
    assert post(body).status_code == 200
    again = json.dumps(json.loads(body), ensure_ascii=False).encode()
    assert post(again, signature=sign(body)).status_code == 403


def test_both_app_secrets_prove_a_webhook_while_they_are_rotated(world: World) -> None:
    connect(world, secondary_app_secret="the next secret")
    for number, secret in enumerate((SECRET, "the next secret"), start=1):
        assert post(wrap(change(messages=[message(number)])), secret=secret).status_code == 200
    assert post(wrap(change(messages=[message(3)])), secret="another").status_code == 403


def test_number_without_an_app_secret_stays_closed_and_answers_nothing(world: World) -> None:
    account = connect(world, app_secret="")
    assert not account.is_active
    assert post(wrap(change(messages=[message()])), secret="").status_code == 403
    with tenant_scope(world.acme.pk):
        ChannelAccount.objects.filter(pk=account.pk).update(is_active=True)
    assert post(wrap(change(messages=[message()])), secret="").status_code == 503


def test_hundred_elements_are_one_statement_and_a_repeat_adds_none(door: Door) -> None:
    post(wrap(change(messages=[message(999)])))
    rows = [message(number, sender=f"3460000{number:04d}") for number in range(60)]
    reports = [status("sent", f"wamid.out{number}") for number in range(40)]
    document = wrap(change(messages=rows[:30]), change(messages=rows[30:], statuses=reports))
    with CaptureQueriesContext(connection) as seen:
        assert post(document).status_code == 200
    assert [query["sql"].split(";")[-1].split()[0] for query in seen.captured_queries] == ["insert"]
    assert len(door.rows()) == 101
    assert post(document).status_code == 200
    assert len(door.rows()) == 101


def test_stored_elements_are_encrypted(door: Door) -> None:
    post(wrap(change(messages=[message(1, type="text", text={"body": "meet me at noon"})])))
    with door.inside(), connection.cursor() as cursor:
        cursor.execute("select body, queue_key, headers, event_key from channels_app_inbounddelivery")
        ((body, queue_key, headers, key),) = cursor.fetchall()
    assert b"noon" not in bytes(body)
    assert ANA not in f"{queue_key}{headers}{key}"


def test_number_is_found_by_its_id_and_another_one_is_shown_and_not_used(door: Door) -> None:
    second = connect_second(door.world)
    door.take(change(messages=[message(1)]), change(number="777", messages=[message(2)]))
    door.take(change(number="888888", messages=[message(3)], contacts=[person()]))
    with door.inside():
        found = dict(Message.objects.values_list("channel_message_id", "channel_account_id"))
        assert found == {"wamid.0001": door.account.pk, "wamid.0002": second.pk}
        assert ChannelAccount.objects.get(pk=door.account.pk).last_error == "unknown_number"
        assert {row.state for row in door.rows()} == {"done"}


def connect_second(world: World) -> ChannelAccount:
    """Connect a second number of the same app."""
    from conversations.channel_accounts import accounts
    from tests.world import OPERATOR

    with tenant_scope(world.acme.pk):
        return accounts.connect_channel(
            actor=OPERATOR, kind="whatsapp", provider="cloud", name="Second", address="+447700900013",
            provider_account="777", credentials={"phone_number_id": "777", "app_secret": SECRET, "access_token": "t"},
        )  # fmt: skip


def test_number_of_another_app_is_not_proven_by_this_secret(door: Door) -> None:
    second = connect_second(door.world)
    with door.inside():
        second.credentials = {**second.credentials, "app_secret": "of another app"}
        second.save()
    door.take(change(number="777", messages=[message(2)]))
    with door.inside():
        assert not Message.objects.exists()


def test_two_tenants_with_equal_ids_get_their_own_messages(door: Door) -> None:
    connect(door.world, "globex", app_secret="of Globex")
    document = wrap(change(messages=[message(1)], contacts=[person()]))
    assert post(document).status_code == 200
    assert post(document, key="globex-meta", secret="of Globex").status_code == 200
    assert post(document, key="globex-meta").status_code == 403
    deliveries.dispatch_due_deliveries()
    for tenant in (door.world.acme, door.world.globex):
        with tenant_scope(tenant.pk):
            assert Message.objects.count() == 1


@pytest.mark.parametrize(
    "raw",
    [
        *(b"[1]", b'"x"'),
        *(b'{"entry": 1}', b'{"entry": [1, {"changes": 2}]}'),
    ],
)
def test_signed_post_in_another_format_is_stored_and_harms_nobody(door: Door, raw: bytes) -> None:
    assert post(raw or b" ").status_code == 200
    door.take(change(messages=[message(1)], contacts=[person()]))
    with door.inside():
        assert Message.objects.count() == 1


def test_unreadable_post_fails_visibly(door: Door) -> None:
    assert post(b"{").status_code == 200
    deliveries.dispatch_due_deliveries()
    assert [(row.state, row.error) for row in door.rows()] == [("parked", "not_json")]
    with door.inside():
        assert DeadLetter.objects.count() == 1


@pytest.mark.slow
def test_bad_elements_leave_their_siblings_alone(door: Door) -> None:
    nested = b"[" * 10_000 + b"]" * 10_000
    bad = [
        message(2, type="text", text={"body": "nul \0 and \ud800"}),
        message(3, type="text", text={"body": "x" * 10_000}),
        message(4, type=7),
        message(5, type="text", text=["not", "an", "object"]),
        "no object", None, 5, {}, {"id": "wamid.x"},
        message(6, sender="nobody at all"),
        {**message(7), "id": "w" * 5000},
        {**message(8), "timestamp": "9" * 400},
        {**message(10), "from": [ANA]},
        {**message(11), "from": {"wa_id": ANA}, "from_user_id": []},
        {**message(12), "id": "w" * 175},
        {"deep": "HERE"},
        {**message(13), "huge": "DIGITS"},
    ]  # fmt: skip
    names = [person(name="N" * 10_000), "no object", {"wa_id": [], "user_id": {}}]
    raw = json.dumps(
        wrap(
            change(
                messages=[message(1), *bad, message(9)],
                contacts=names,
                statuses=["no", {}, status("a" * 16, "w" * 180)],
            ),
            change(number="1", statuses=[status("a" * 16, "w" * 180)]),
            "x",
        )
    )
    body = raw.encode().replace(b'"HERE"', nested).replace(b'"DIGITS"', b"-" + b"9" * 5_000)
    assert post(body).status_code == 200
    deliveries.dispatch_due_deliveries()
    with door.inside():
        found = set(Message.objects.values_list("channel_message_id", flat=True))
        assert {"wamid.0001", "wamid.0002", "wamid.0003", "wamid.0009", "wamid.0013"} <= found
        assert Message.objects.get(channel_message_id="wamid.0001").conversation.contact.display_name == "N" * 120
    assert {row.state for row in door.rows()} <= {"done", "parked"}


def test_only_contact_of_a_post_stands_for_nobody_else(door: Door) -> None:
    other = "34600999888"
    door.take(change(messages=[message(1)], contacts=[person(user_id="ES.ana")]))
    door.take(change(messages=[message(2, sender=other)], contacts=[person(user_id="ES.ana")]))
    door.take(change(messages=[message(3, sender=other)], contacts=[{"profile": {"name": "Bo"}}]))
    with door.inside():
        found = Message.objects.order_by("seq").select_related("conversation__contact")
        names = {one.channel_message_id: one.conversation.contact.display_name for one in found}
    assert names == {"wamid.0001": "Ana Souza", "wamid.0002": "Bo", "wamid.0003": "Bo"}


def test_batch_out_of_order_is_stored_by_the_times_of_its_messages(door: Door) -> None:
    late = status("read") | {"timestamp": "2000000000"}
    rows = change(messages=[message(4), message(2), {**message(1), "timestamp": "no time"}], contacts=[person()])
    batch = wrap(change(statuses=[late]), rows, change(statuses=[status("sent")], messages=[message(3)]))
    reports = [one.key for one in elements_of(json.dumps(batch).encode()) if one.kind == "status"]
    assert reports == ["wamid.out:sent", "wamid.out:read"]
    assert post(batch).status_code == 200
    deliveries.dispatch_due_deliveries()
    with door.inside():
        found = list(Message.objects.order_by("seq").values_list("channel_message_id", flat=True))
    assert found == [f"wamid.{number:04d}" for number in (1, 2, 3, 4)]


def test_number_as_profile_name_gives_way_to_the_real_name_and_a_name_given_by_hand_stays(door: Door) -> None:
    door.take(change(messages=[message(1)], contacts=[person(name=f"+{ANA[:2]} {ANA[2:]}")]))
    with door.inside():
        contact = Contact.objects.get()
        assert contact.display_name == ""
    door.take(change(messages=[message(2)], contacts=[person(name="Ana Souza")]))
    with door.inside():
        assert Contact.objects.get().display_name == "Ana Souza"
        revise_contact(actor=door.world.actor("support"), contact_id=contact.pk, name="Ana S., owner")
    door.take(change(messages=[message(3)], contacts=[person(name="Aninha")]))
    with door.inside():
        assert Contact.objects.get().display_name == "Ana S., owner"


@pytest.mark.timed
@pytest.mark.slow
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"[" * 100_000 + b'"' + b'\\"' * 300_000, id="text without an end"),
        pytest.param(b'{"entry":[{"changes":[' + b"0," * 1_900_000 + b"0]}]}", id="2 million changes"),
    ],
)
def test_hostile_post_is_one_parked_element_within_a_second(raw: bytes) -> None:
    began = time.process_time()
    assert [one.kind for one in elements_of(raw)] == ["post"]
    assert time.process_time() - began < 1


def test_three_megabytes_are_taken(door: Door) -> None:
    filler = change("account_update", text="x" * 3_000_000)
    assert post(wrap(filler, change(messages=[message(1)]))).status_code == 200
    assert len(door.rows()) == 2


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_not_taken(door: Door, method: str) -> None:
    assert getattr(Client(), method)(PATH).status_code == 405


@pytest.mark.parametrize("model", [ChannelAccount, Tenant])
def test_switched_off_number_or_organisation_is_unknown(door: Door, model: Any) -> None:
    with door.inside():
        model.objects.filter(pk__in=[door.account.pk, door.world.acme.pk]).update(is_active=False)
    forget()
    assert post(wrap(change(messages=[message()]))).status_code == 403


def test_recorded_signature_is_accepted_over_the_raw_bytes_only() -> None:
    for vector in load("signature-vectors.json")["meta"]:
        raw, secret, given = vector["raw_body"].encode(), vector["app_secret"], vector["X-Hub-Signature-256"]
        assert proven_by(raw, given, ["another", secret]) == {secret}
        assert not proven_by(raw, vector["sha256_if_reserialised"], [secret])
        assert not proven_by(raw, given, [""])
        assert [one.key for one in elements_of(raw)] == ["wamid.HBgL"]


def test_each_element_is_taken_apart_with_its_key() -> None:
    document = wrap(
        change(messages=[message(1)], contacts=[person()]),
        change(statuses=[status("sent"), status("delivered")]),
        change("smb_message_echoes", message_echoes=[{**message(5), "to": ANA}]),
        change("account_update", event="x"),
    )
    found = elements_of(json.dumps(document).encode())
    assert [(one.kind, one.phone_number_id) for one in found] == [
        (kind, NUMBER_ID) for kind in ("change", "message", "echo", "status", "status")
    ]
    assert [one.key for one in found[1:]] == ["wamid.0001", "echo:wamid.0005", "wamid.out:sent", "wamid.out:delivered"]

"""The door for events: what is not signed leaves no row; what is stays for good, once."""

import threading
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection
from sendgrid.helpers.eventwebhook import EventWebhook

from channels_app.email.sendgrid import signature
from channels_app.webhooks.intake import is_fresh
from conversations.models import ChannelAccount
from core.clock import now
from core.tenancy.scope import tenant_scope
from tests.channels_app.email.conftest import PUBLIC, Door, event, open_door, sign
from tests.recordings import load
from tests.world import World

# Recorded, and accepted by the vendor's own verifier. The line end at the end is part of what is signed.
RECORDED = load("signature-vectors.json")["sendgrid_event"][0]
RECORDED_KEY, RECORDED_BODY = RECORDED["public_key_base64_der"], RECORDED["raw_body"].encode()
RECORDED_SIGNATURE = RECORDED[signature.SIGNATURE_HEADER]


def test_signed_batch_is_one_row_and_twice_the_same_is_one(door: Door) -> None:
    at = str(int(now().timestamp()))
    batch = [event("open")]
    answers = [door.post(batch, at=at).status_code for _ in range(2)]
    assert (answers, len(door.rows())) == ([200, 200], 1)


def test_stored_batch_is_not_readable_in_the_table(door: Door) -> None:
    door.post([event("open")])
    with tenant_scope(door.world.acme.pk), connection.cursor() as cursor:
        cursor.execute("select channels_app_inbounddelivery::text from channels_app_inbounddelivery")
        assert "customers.example" not in cursor.fetchone()[0]


@pytest.mark.parametrize("given", ["MEUCIA==", RECORDED_SIGNATURE])
def test_signature_of_something_else_is_refused_and_leaves_nothing(door: Door, given: str) -> None:
    assert (door.post([event("open")], signature=given).status_code, door.rows()) == (403, [])


def test_changed_body_is_refused(door: Door) -> None:
    at = str(int(now().timestamp()))
    assert door.post([], raw=b"[ ]", signature=sign(b"[]", at), at=at).status_code == 403


@pytest.mark.parametrize("at", ["soon", "-1", "9" * 40, "²"])
def test_timestamp_that_is_none_is_refused(door: Door, at: str) -> None:
    assert not is_fresh(at, now())


@pytest.mark.parametrize("key", ["nobody", "%00", "a%0Ab"])
def test_unknown_address_is_refused(door: Door, key: str) -> None:
    assert door.post([event("open")], path=f"/channels/email/{key}/events/").status_code == 403


def test_widget_key_opens_no_mail_door(door: Door) -> None:
    with tenant_scope(door.world.acme.pk):
        chat = ChannelAccount.objects.create(kind="webchat", name="Chat")
    assert door.post([], path=f"/channels/email/{chat.public_key}/events/").status_code == 403


def test_account_without_a_key_answers_503_and_a_check_says_so(world: World) -> None:
    door = open_door(world, event_public_key="")
    assert (door.post([event("open")]).status_code, door.rows()) == (503, [])
    assert "channels_app.W002" in {one.id for one in run_checks(databases=["default"])}


def test_recorded_batch_verifies_by_its_raw_bytes_only() -> None:
    facts: dict[str, Any] = {"timestamp": "1795220000", "signature": RECORDED_SIGNATURE, "keys": [RECORDED_KEY]}
    assert signature.is_signed(body=RECORDED_BODY, **facts)
    assert not signature.is_signed(body=RECORDED_BODY.strip(), **facts)


def test_vendor_s_verifier_agrees_with_ours() -> None:
    body, at = b'[{"event":"open","email":"ana@b.example"}]\r\n', "1795220000"
    theirs = EventWebhook(PUBLIC)
    assert theirs.verify_signature(body.decode(), sign(body, at), at)
    assert signature.is_signed(body=body, timestamp=at, signature=sign(body, at), keys=[PUBLIC])
    assert not theirs.verify_signature(body.decode(), sign(b"[]", at), at)


def test_second_key_counts_while_keys_are_rotated(world: World) -> None:
    door = open_door(world, event_public_key=RECORDED_KEY, secondary_event_public_key=PUBLIC)
    assert door.post([event("open")]).status_code == 200


def test_batch_posted_in_parallel_is_one_row(committed_world: World) -> None:
    door, at, found = open_door(committed_world), str(int(now().timestamp())), []
    batch = [event("open")]

    def post() -> None:
        found.append(door.post(batch, at=at).status_code)
        connection.close()

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (set(found), len(door.rows())) == ({200}, 1)
